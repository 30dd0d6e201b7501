package main

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"

	"github.com/credenza-dev/credenza/internal/productfile"
	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

type jobsSubmit struct {
	source
	columnFlags
	Name          string `placeholder:"TEXT" help:"A name for people (default: that of FILE)."`
	RequestID     string `placeholder:"KEY" help:"Create no second job for the same KEY: the id of the existing one is printed, so that a submit can be repeated."`
	Watch         bool   `aliases:"wait" help:"Follow the job until it ends."`
	InOrder       bool   `help:"Keep the results in the order of FILE, not in the order in which they are ready."`
	ProductColumn string `default:"Product URL" placeholder:"NAME" help:"Another name for the column of product pages (default: Product URL)."`
	itemFlags
	jobServer
}

// Help is the second part of `credenza jobs submit --help`.
func (*jobsSubmit) Help() string {
	return `FILE is read as "credenza classify" reads it. The job exists once its id is printed, and not before: a FILE that cannot be read to its end or an interruption leaves nothing behind. A row that cannot be read fails in the job, with its line as its id, and the exit code is 1. Standard output has the id and nothing else.

With --watch, an interruption ends only the watching: the job goes on.`
}

// Run uploads the file as a job.
func (c *jobsSubmit) Run(ctx context.Context, s streams) error {
	in, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	defer in.close()
	defer func() { in.sayNotes(s.err) }() // the encoding of a stream may be known late
	columns, err := c.mapping(ctx, &c.source, in, c.ProductColumn, s.err)
	if err != nil {
		return err
	}
	if c.ShowColumns {
		return c.show(columns, s.out)
	}
	return c.call(ctx, func(client *credenza.Client) error {
		job, unreadable, err := c.upload(ctx, client, in, columns, s)
		if err != nil {
			return err
		}
		failed := reportUnreadable(unreadable, s.err, "INVALID_ITEM in the job")
		return cmp.Or(c.created(ctx, client, s, &job, c.RequestID, c.Watch), failed)
	})
}

// upload creates the job. A row that cannot be read is an item that fails, so that each
// row has its place among the results.
func (c *jobsSubmit) upload(
	ctx context.Context, client *credenza.Client, in *input, columns *table.Mapping, s streams,
) (credenza.Job, *productfile.Unreadable, error) {
	bar := newProgress(s.err, false, "uploading", unknownTotal)
	defer bar.end()
	rows := &rowFeed{in: in, item: func(row table.Row, unreadable *table.RowError) (*credenza.Item, error) {
		bar.done(1)
		if unreadable != nil {
			return &credenza.Item{ID: productfile.UnreadableID(unreadable)}, nil
		}
		item := itemOf(columns.Item(row))
		return &item, nil
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
	case ctx.Err() != nil:
		printLine(s.err, "credenza: interrupted: no job was made")
	case errors.Is(err, context.Canceled) && rows.failed != nil:
		printLine(s.err, "credenza: no job was made")
		err = rows.failed
	}
	return job, &rows.unreadable, err
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
