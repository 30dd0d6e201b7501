package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/credenza-dev/credenza/internal/app"
)

type serveCommand struct {
	Check    bool `help:"Check settings, certificates, taxonomy and storage, print what is there, and start nothing. The exit code is 1 if something is wrong."`
	Online   bool `help:"With --check: also ask each configured model and key one question."`
	Settings `embed:""`
}

// Settings are app.Config without its Validate, which kong calls before a command can decide
// whether that is wanted.
type Settings app.Config

// Help is the second part of `credenza serve --help`.
func (*serveCommand) Help() string {
	return `Serves gRPC and HTTP until SIGTERM or SIGINT, then lets running calls end for the drain time-out and exits with 0. A second signal ends it at once. On SIGHUP it reads certificates and tokens again, as it does by itself within a second of a change.`
}

// Validate checks the settings. With --check they are the first of the checks.
func (c *serveCommand) Validate() error {
	switch {
	case c.Online && !c.Check:
		return errors.New("--online goes with --check: give both")
	case c.Check:
		return nil
	default:
		return c.config().Validate()
	}
}

func (c *serveCommand) config() *app.Config { return (*app.Config)(&c.Settings) }

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, s streams, settings *app.Resolver) error {
	if c.Check {
		return c.check(ctx, s, settings)
	}
	app.LimitMemory()
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	service, err := app.Start(ctx, *c.config(), app.Options{
		LogTo: s.err, Warnings: settings.UnknownVariables(tokenVariable), CheckModels: true, Reload: reload,
	})
	if err != nil {
		return err
	}
	return service.Wait(ctx)
}

// check prints what Preflight finds: a table, then the problems in full.
func (c *serveCommand) check(ctx context.Context, s streams, settings *app.Resolver) error {
	for _, warning := range settings.UnknownVariables(tokenVariable) {
		printLine(s.err, "credenza: %s", warning)
	}
	found := app.Preflight(ctx, *c.config(), c.Online)
	if ctx.Err() != nil {
		return errInterrupted
	}
	var rows, problems [][]string
	for _, f := range found {
		row := []string{f.Subject, "ok", f.Detail}
		switch {
		case f.Problem != nil:
			row = []string{f.Subject, "wrong", "see below"}
			for line := range strings.SplitSeq(publicText(settings.Explain(f.Problem)), "\n") {
				problems = append(problems, []string{f.Subject, line})
			}
		case f.Skipped:
			row[1] = "-"
		}
		rows = append(rows, row)
	}
	if err := printTable(s, []string{"CHECKED", "RESULT", "FOUND"}, rows); err != nil {
		return err
	}
	if len(problems) == 0 {
		return nil
	}
	printLine(s.out, "")
	for _, p := range problems {
		printLine(s.out, "%s: %s", p[0], p[1])
	}
	if len(problems) == 1 {
		return errors.New("there is 1 problem to correct")
	}
	return fmt.Errorf("there are %d problems to correct", len(problems))
}
