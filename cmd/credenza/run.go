package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// Exit codes, as the help text has them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

const description = `Classifies furniture catalogues with a model behind an OpenAI-compatible API, or offline without any key.

Settings come from flags, then the environment, then the file that --config names.

Exit codes: 0 all went well; 1 something went wrong, or items failed; 2 the command line is wrong; 130 interrupted.`

// commands is the command line.
type commands struct {
	Serve    serveCommand    `cmd:"" help:"Run the service."`
	Classify classifyCommand `cmd:"" help:"Classify a file of products."`
	Jobs     jobsCommand     `cmd:"" help:"Have a service classify files in the background."`
	Eval     evalCommand     `cmd:"" help:"Measure how good classifications are, on a file with labels."`
	Taxonomy taxonomyCommand `cmd:"" help:"Show, check or begin a file of categories and styles."`
	Tokens   tokensCommand   `cmd:"" help:"Add, list or revoke callers of a token file."`
	Demo     demoCommand     `cmd:"" help:"See the service at work on a sample catalogue."`
	Doctor   doctorCommand   `cmd:"" help:"Try the configured models, and see what works and what to set."`
	Health   healthCommand   `cmd:"" help:"See whether a service accepts calls."`

	Completion completionCommand `cmd:"" help:"Print the completion script of a shell."`
	Version    versionCommand    `cmd:"" help:"Print the version."`

	VersionFlag kong.VersionFlag `name:"version" help:"Print the version."`
}

// streams are the standard ones.
type streams struct {
	in       io.Reader
	out, err io.Writer
	args     []string // of the command line
}

// errInterrupted ends a command that was interrupted. The command has printed its own
// message.
var errInterrupted = errors.New("interrupted")

// errItemsFailed ends a command that ran to its end but some items failed. The command
// has printed which.
var errItemsFailed = errors.New("items failed")

// run does what args ask for and returns the exit code.
func run(ctx context.Context, args []string, s streams) int {
	if len(args) == 0 {
		args = []string{"--help"}
	}
	exited := false
	settings := app.FileResolver()
	out := &outputWriter{Writer: s.out}
	s.out, s.args = out, args
	parser, err := kong.New(&commands{},
		kong.Name("credenza"), kong.Description(description),
		kong.Vars{"version": "credenza " + app.Version},
		kong.Writers(s.out, s.err), kong.Exit(func(int) { exited = true }),
		kong.Resolvers(settings),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}), kong.Help(printHelp),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(s, settings),
	)
	if err != nil {
		return report(s.err, err)
	}
	parser.Model.HelpFlag.Help = "Show this help."
	if completeLine(parser) {
		return exitOK
	}
	command, err := parser.Parse(args)
	switch {
	case exited: // --help and --version have printed what they should
		err = nil
	case err == nil:
		if command.Command() != "serve" { // which has a log
			for _, warning := range settings.UnknownVariables(tokenVariable) {
				printLine(s.err, "credenza: %s", warning)
			}
			for _, line := range flagsWithoutEffect(command) {
				printLine(s.err, "credenza: %s", line)
			}
		}
		err = command.Run()
	}
	return report(s.err, out.result(settings.Explain(err)))
}

// report prints an error as one line for people and returns its exit code.
func report(w io.Writer, err error) int {
	code := exitFailed
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.Is(err, errItemsFailed):
		return exitFailed
	}
	text := publicText(err)
	if parse, wrong := wrongUsage(err); wrong {
		code, text = exitUsage, usageText(parse)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		printLine(w, "credenza: %s", line)
	}
	return code
}

// publicText returns the text of an error without its cause, which is for logs.
func publicText(err error) string {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f.Message
	}
	if call, ok := errors.AsType[*credenza.Error](err); ok {
		return call.Message + " (" + string(call.Code) + ")"
	}
	return err.Error()
}

// printLine writes a line for people. Its texts and errors are made printable, because names
// and messages may be those of strangers. For standard output, outputWriter keeps the error;
// errors of standard error are ignored.
func printLine(w io.Writer, format string, args ...any) {
	for i, arg := range args {
		args[i] = printable(arg)
	}
	_, _ = fmt.Fprintf(w, format+"\n", args...)
}

// printable returns a text or an error as a text that does not control the terminal, and all
// else as it is.
func printable(arg any) any {
	switch arg := arg.(type) {
	case error:
		return table.Printable(arg.Error())
	case fmt.Stringer: // numbers with names: times, addresses
		return arg
	}
	if v := reflect.ValueOf(arg); v.Kind() == reflect.String {
		return table.Printable(v.String())
	}
	return arg
}
