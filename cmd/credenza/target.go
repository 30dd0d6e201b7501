package main

import (
	"context"
	"errors"
	"io"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// target has the flags for the service that classifies items: a server, or the service
// within this process.
type target struct {
	Server string `env:"CREDENZA_SERVER" placeholder:"HOST:PORT" help:"Use a running service. Without it, the service runs within this process."`
	connection
	Verbose bool `short:"v" help:"Show the log of the service within this process."`

	app.Config `embed:"" group:"Settings of the service within this process (the others of serve --help are accepted too):"`
}

// Validate checks the settings of the service within this process, if there is one.
func (t *target) Validate() error {
	if t.Server != "" {
		return nil
	}
	return t.Config.Validate()
}

// connect returns a client and the function that closes it, along with the service that
// was started for it. It prints on notes if the offline classifier answers. That service
// heeds stored, which may be nil.
func (t *target) connect(ctx context.Context, notes io.Writer, stored *app.Stored) (*credenza.Client, func() error, error) {
	if t.Server != "" {
		client, err := t.dial(t.Server)
		if err != nil {
			return nil, nil, err
		}
		return client, client.Close, nil
	}
	log := io.Discard
	if t.Verbose {
		log = notes
	}
	client, end, err := app.InProcess(ctx, t.Config, log, stored)
	if errors.Is(err, app.ErrDataInUse) {
		printLine(notes, "credenza: another process uses the data folder %s, so the answers in it are not used: if that is a service, ask it with --server", t.DataDir)
		t.DataDir = ""
		client, end, err = app.InProcess(ctx, t.Config, log, stored)
	}
	if err != nil {
		return nil, nil, err
	}
	status, err := client.Status(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, end())
	}
	if status.Backend == "offline" && t.Backend == "auto" {
		printLine(notes, "credenza: no key is set, so the offline classifier answers: set OPENAI_API_KEY to have a model answer")
	}
	return client, end, nil
}

// explain returns err with advice if the service cannot be reached.
func (t *target) explain(err error) error {
	if t.Server == "" {
		return err
	}
	return unreachable(t.Server, err)
}
