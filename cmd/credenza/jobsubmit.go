package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

type jobsSubmit struct {
	source
	columnFlags
	Name          string `placeholder:"TEXT" help:"A name for people (default: that of FILE)."`
	RequestID     string `placeholder:"KEY" help:"Make no second job for the same KEY: the one that is there is printed, so that a submit may be repeated."`
	Watch         bool   `aliases:"wait" help:"Follow the job until it ends."`
	InOrder       bool   `help:"Have results kept in the order of FILE, not as they are ready."`
	ProductColumn string `default:"Product URL" placeholder:"NAME" help:"A further name for the column of product pages (default: Product URL)."`
	itemFlags
	jobServer
}

// Help is the second part of `credenza jobs submit --help`.
func (*jobsSubmit) Help() string {
	return `FILE is read as "credenza classify" reads it. The job exists once its id is printed, and not before: a mistake in FILE or an interruption leaves nothing behind. Standard output has the id and nothing else.

With --watch, an interruption ends the watching only: the job goes on.`
}

// Run uploads the file as a job.
func (c *jobsSubmit) Run(ctx context.Context, s streams) error {
	in, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	defer in.close()
	columns, err := c.mapping(ctx, &c.source, in, c.ProductColumn, s.err)
	if err != nil {
		return err
	}
	if c.ShowColumns {
		return c.show(columns, s.out)
	}
	return c.call(ctx, func(client *credenza.Client) error {
		job, err := c.upload(ctx, client, in, columns, s)
		if err != nil {
			return err
		}
		return c.created(ctx, client, s, &job, c.Watch)
	})
}

// upload creates the job.
func (c *jobsSubmit) upload(
	ctx context.Context, client *credenza.Client, in *input, columns *table.Mapping, s streams,
) (credenza.Job, error) {
	bar := newProgress(s.err, false, "uploading", unknownTotal)
	defer bar.end()
	rows := &rowFeed{in: in, item: func(row table.Row) (credenza.Item, error) {
		bar.done(1)
		return itemOf(columns.Item(row)), nil
	}}
	whole, spoil := context.WithCancel(ctx)
	defer spoil()
	items := func(yield func(credenza.Item) bool) {
		for item := range rows.items(ctx) {
			if !yield(item) {
				return
			}
		}
		if rows.failed != nil || ctx.Err() != nil {
			spoil() // part of a catalogue is none
		}
	}
	job, err := client.CreateJob(whole, items, c.spec(), credenza.UploadEnded(in.stop))
	switch {
	case err == nil:
		return job, nil
	case ctx.Err() != nil:
		printLine(s.err, "credenza: interrupted: no job was made")
	case errors.Is(err, context.Canceled) && rows.failed != nil:
		printLine(s.err, "credenza: no job was made")
		return job, rows.failed
	}
	return job, err
}

func (c *jobsSubmit) spec() credenza.JobSpec {
	options := c.options()
	options.InOrder = c.InOrder
	name := c.Name
	if name == "" && c.File != "-" {
		name = filepath.Base(c.File)
	}
	return credenza.JobSpec{Options: options, Name: name, RequestID: c.RequestID}
}
