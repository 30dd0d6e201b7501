package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

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
	unreadable unreadableRows
	failed     error // why the rows ended early
}

// items is the sequence for the client, which runs it on a goroutine that ends
// with the call.
func (f *rowFeed) items(ctx context.Context) iter.Seq[credenza.Item] {
	return func(yield func(credenza.Item) bool) {
		for ctx.Err() == nil {
			row, err := f.in.rows.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			unreadable, ofRow := errors.AsType[*table.RowError](err)
			if ofRow {
				f.unreadable.note(unreadable)
				err = nil
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

// unreadableRows are those of a file that cannot be read.
type unreadableRows struct {
	count int
	lines []string // of the first
	first error
}

// maxLines is how many lines are named.
const maxLines = 20

func (u *unreadableRows) note(err *table.RowError) {
	if u.count++; u.count == 1 {
		u.first = err
	}
	if len(u.lines) < maxLines {
		u.lines = append(u.lines, fmt.Sprint(err.Line))
	}
}

// report says on notes which rows cannot be read and what becomes of them. It returns the
// command's error if there are any.
func (u *unreadableRows) report(notes io.Writer, fate string) error {
	if u.count == 0 {
		return nil
	}
	lines := "line " + strings.Join(u.lines, ", ")
	if u.count > len(u.lines) {
		lines += " and others"
	}
	printLine(notes, "credenza: %s cannot be read, %s: %s (the first: %s)", countRows(u.count), fate, lines, table.Printable(publicText(u.first)))
	return errItemsFailed
}

func countRows(n int) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}
