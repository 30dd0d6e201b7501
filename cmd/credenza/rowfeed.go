package main

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// rowFeed feeds a call with rows.
type rowFeed struct {
	in *input
	// item makes an item of a row. Its error ends the call.
	item func(row table.Row) (credenza.Item, error)

	failed error // why the rows ended early; read it when the call has ended
}

// items is the sequence for the client, which runs it on a goroutine that ends
// with the call.
func (f *rowFeed) items(ctx context.Context) iter.Seq[credenza.Item] {
	return func(yield func(credenza.Item) bool) {
		for ctx.Err() == nil {
			row, err := f.in.next()
			if errors.Is(err, io.EOF) {
				return
			}
			var item credenza.Item
			if err == nil {
				item, err = f.item(row)
			}
			if err != nil {
				f.failed = err
				return
			}
			if !yield(item) {
				return
			}
		}
	}
}

// classify has every row classified and hands on the batches and notices. Rows before a
// mistake in the file are still classified; the mistake is the error then.
func (f *rowFeed) classify(
	ctx context.Context, client *credenza.Client, o credenza.Options, notice func(credenza.Notice), each func(credenza.Batch) error,
) error {
	stream := client.Feed(ctx, f.items(ctx), o)
	stream.OnNotice(notice)
	var failed error
	for batch, err := range stream.Batches() {
		if err == nil {
			err = each(batch)
		}
		if err != nil {
			failed = err
			f.in.stop() // an input that has nothing to say would hold up the call's end
			break
		}
	}
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case failed != nil:
		return failed
	default:
		return f.failed
	}
}
