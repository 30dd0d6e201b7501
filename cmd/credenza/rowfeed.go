package main

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/credenza-dev/credenza/internal/productfile"
	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// rowFeed feeds a call with rows.
type rowFeed struct {
	in *input
	// item makes an item of a row, or returns none for a row that is not to be asked. Its
	// error ends the call.
	item func(row table.Row, unreadable *table.RowError) (*credenza.Item, error)

	// Read these when the call has ended.
	unreadable productfile.Unreadable
	failed     error // why the rows ended early
}

// items is the sequence for the client, which runs it on a goroutine that ends
// with the call.
func (f *rowFeed) items(ctx context.Context) iter.Seq[credenza.Item] {
	return func(yield func(credenza.Item) bool) {
		for ctx.Err() == nil {
			row, unreadable, err := f.in.rows.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if unreadable != nil {
				f.unreadable.Note(unreadable)
			}
			var item *credenza.Item
			if err == nil {
				item, err = f.item(row, unreadable)
			}
			if err != nil {
				f.failed = err
				return
			}
			if item != nil && !yield(*item) {
				return
			}
		}
	}
}

// reportUnreadable says on notes which rows cannot be read and what becomes of them. It
// returns the command's error if there are any.
func reportUnreadable(rows *productfile.Unreadable, notes io.Writer, fate string) error {
	if rows.Count == 0 {
		return nil
	}
	printLine(notes, "credenza: %s", rows.Text(", "+fate, productfile.MaxLines))
	return errItemsFailed
}
