package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	Eval     evalCommand     `cmd:"" help:"Measure how good classifications are, on a file with labels."`
	Taxonomy taxonomyCommand `cmd:"" help:"Show or check categories and styles."`
	Demo     demoCommand     `cmd:"" help:"See the service at work on a sample catalogue."`

	Version kong.VersionFlag `help:"Print the version."`
}

// streams are the standard ones.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// errInterrupted ends a command that was told to stop. The command has said by
// itself what there is to say.
var errInterrupted = errors.New("interrupted")

// errItemsFailed ends a command that did its work but not for every item. The
// command has said which failed.
var errItemsFailed = errors.New("items failed")

// run does what args ask for and returns the exit code.
func run(ctx context.Context, args []string, s streams) int {
	exited := false
	parser, err := kong.New(&commands{},
		kong.Name("credenza"), kong.Description(description),
		kong.Vars{"version": "credenza " + app.Version},
		kong.Writers(s.out, s.err), kong.Exit(func(int) { exited = true }),
		kong.Resolvers(app.FileResolver()),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(s),
	)
	if err != nil {
		return report(s.err, err)
	}
	command, err := parser.Parse(args)
	if exited { // --help and --version have printed what they should
		return exitOK
	}
	if err == nil {
		err = command.Run()
	}
	return report(s.err, err)
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
	if parse, ok := errors.AsType[*kong.ParseError](err); ok && parse.ExitCode() != exitFailed {
		code = exitUsage
		err = fmt.Errorf("%w: see credenza --help", err)
	}
	// kong blames the flag whose value it was looking for when the settings file
	// turned out to be wrong, which is always the first one.
	text := strings.TrimPrefix(publicText(err), "--help: ")
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		say(w, "credenza: %s", table.Printable(line))
	}
	return code
}

// publicText leaves out what is for logs.
func publicText(err error) string {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f.Message
	}
	if call, ok := errors.AsType[*credenza.Error](err); ok {
		return call.Message + " (" + call.Code + ")"
	}
	return err.Error()
}

// say writes a line for people. There is nobody to tell if that fails.
func say(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...)
}
