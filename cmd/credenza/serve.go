package main

import (
	"context"

	"github.com/credenza-dev/credenza/internal/app"
)

type serveCommand struct {
	app.Config `embed:""`
}

// Help is the second part of `credenza serve --help`.
func (*serveCommand) Help() string {
	return `Serves gRPC and HTTP until SIGTERM or SIGINT, then lets running calls end for the drain time-out and exits with 0. A second signal ends it at once.`
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, s streams, settings *app.Resolver) error {
	app.LimitMemory()
	service, err := app.Start(ctx, c.Config, app.Options{LogTo: s.err, Warnings: settings.UnknownVariables(tokenVariable), CheckModels: true})
	if err != nil {
		return err
	}
	return service.Wait(ctx)
}
