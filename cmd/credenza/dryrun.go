package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/productfile"
	"github.com/credenza-dev/credenza/internal/prompt"
	"github.com/credenza-dev/credenza/internal/taxonomy"
)

// estimate counts rows, calls and tokens, and prints them. It asks nothing.
func (r *classifyRun) estimate(ctx context.Context, s streams) error {
	tax, err := taxonomy.Load(r.Taxonomy)
	if err != nil {
		return err
	}
	words, err := prompt.New(tax)
	if err != nil {
		return err
	}
	e := productfile.NewEstimate(words)
	columns := r.in.rows.Names()
	for ctx.Err() == nil && !r.pick.ends(r.index) {
		row, unreadable, err := r.in.rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		var item *catalog.Item
		if unreadable == nil {
			item = r.itemOf(row)
		}
		switch {
		case !r.pick.takes(r.index):
		case item == nil:
			e.Unreadable++
		default:
			e.Add(item, r.questionOf(item), r.Mode != "text" && (r.in.pictures != nil || productfile.HasPicture(item)))
		}
		r.index++
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	printEstimate(s.out, e, columns, r.local())
	return nil
}

// local reports whether no model is asked.
func (r *classifyRun) local() bool { return r.Server == "" && r.Offline() }

func printEstimate(out io.Writer, e *productfile.Estimate, columns []string, local bool) {
	unreadable := ""
	if e.Unreadable > 0 {
		unreadable = fmt.Sprintf(", %d of which cannot be read", e.Unreadable)
	}
	printLine(out, "rows      %d%s", e.Rows+e.Unreadable, unreadable)
	printLine(out, "columns   %d: %s", len(columns), strings.Join(columns, ", "))
	if local {
		printLine(out, "calls     0: the offline classifier answers")
		printLine(out, "tokens    0")
		printLine(out, "minutes   less than 1")
		return
	}
	printLine(out, "calls     %d at most, %d with a picture (equal items are asked once)", e.Calls, e.Pictures)
	printLine(out, "tokens    about %d, question and answer", e.Tokens())
	took := e.Duration(productfile.AssumedCalls)
	printLine(out, "minutes   about %.0f, at %d calls a second", math.Ceil(took.Minutes()), productfile.AssumedCalls)
}
