package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/prompt"
	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/internal/taxonomy"
)

// What an estimate assumes. The figures are of a usual model and said with the estimate.
const (
	bytesPerToken  = 4
	answerTokens   = 150
	pictureTokens  = 765 // of a picture at a high detail
	assumedCalls   = 16  // calls that a usual server takes a second
	maxKnownHashes = 4_000_000
)

// dryRun counts what a run would do.
type dryRun struct {
	rows, calls, pictures int // rows that can be read
	unreadable            int
	tokens                int64
	prompt                *prompt.Prompt
	seen                  map[uint64]bool // items, of which equal ones are asked once
	buf                   []byte
}

// estimate counts rows, calls and tokens, and prints them. It asks nothing.
func (r *classifyRun) estimate(ctx context.Context, s streams) error {
	tax, err := taxonomy.Load(r.Taxonomy)
	if err != nil {
		return err
	}
	d := &dryRun{seen: map[uint64]bool{}}
	if d.prompt, err = prompt.New(tax); err != nil {
		return err
	}
	columns := r.in.columns
	for ctx.Err() == nil && !r.pick.ends(r.index) {
		row, err := r.in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		_, ofRow := errors.AsType[*table.RowError](err)
		if err != nil && !ofRow {
			return err
		}
		var item *catalog.Item
		if err == nil {
			item = r.itemOf(row)
		}
		switch {
		case !r.pick.takes(r.index):
		case item == nil:
			d.unreadable++
		default:
			d.add(item, r.questionOf(item), r.Mode != "text" && (r.in.pictures != nil || item.ImageURL != "" || item.ProductURL != ""))
		}
		r.index++
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	d.print(s.out, columns, r.local())
	return nil
}

// local reports whether no model is asked.
func (r *classifyRun) local() bool { return r.Server == "" && r.Offline() }

// add counts an item, with or without a picture.
func (d *dryRun) add(item *catalog.Item, question uint64, picture bool) {
	d.rows++
	d.buf = d.prompt.AppendUser(d.buf[:0], item, picture)
	if question != 0 && d.seen[question] {
		return
	}
	if len(d.seen) < maxKnownHashes {
		d.seen[question] = true
	}
	d.calls++
	d.tokens += int64(len(d.prompt.System())+len(d.prompt.Schema())+len(d.buf))/bytesPerToken + answerTokens
	if picture {
		d.pictures++
		d.tokens += pictureTokens
	}
}

func (d *dryRun) print(out io.Writer, columns []string, local bool) {
	unreadable := ""
	if d.unreadable > 0 {
		unreadable = fmt.Sprintf(", %d of which cannot be read", d.unreadable)
	}
	printLine(out, "rows      %d%s", d.rows+d.unreadable, unreadable)
	printLine(out, "columns   %d: %s", len(columns), table.Printable(strings.Join(columns, ", ")))
	if local {
		printLine(out, "calls     0: the offline classifier answers")
		printLine(out, "tokens    0")
		printLine(out, "minutes   less than 1")
		return
	}
	printLine(out, "calls     %d at most, %d with a picture (equal items are asked once)", d.calls, d.pictures)
	printLine(out, "tokens    about %d, question and answer", d.tokens)
	took := time.Duration(float64(d.calls) / assumedCalls * float64(time.Second))
	printLine(out, "minutes   about %.0f, at %d calls a second", math.Ceil(took.Minutes()), assumedCalls)
}
