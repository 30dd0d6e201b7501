package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

type classifyCommand struct {
	source
	columnFlags
	Output        string `enum:"auto,csv,jsonl,table" default:"auto" placeholder:"csv|jsonl|table" help:"How results are written (default: by the ending of --out; else a table on a terminal and JSON lines elsewhere)."`
	Out           string `short:"o" placeholder:"FILE" help:"Write results to FILE."`
	InOrder       bool   `help:"Write results in the order of FILE, not as they are ready."`
	ProductColumn string `default:"Product URL" placeholder:"NAME" help:"A further name for the column of product pages (default: Product URL)."`
	callFlags
	target
}

// Help is the second part of `credenza classify --help`.
func (*classifyCommand) Help() string {
	return `Columns are matched by their names, as shops' programs and people in several languages write them, and by their values; standard error says in one line which column became what. Bookkeeping columns such as stock and tax take no part, every other value does. Rows that only add a picture or a variant to a product above them are asked once.

Results are written batch by batch as they are ready, and FILE may be of any size. In CSV, texts that a spreadsheet would run as a formula get an apostrophe in front. The exit code is 1 if items failed; standard error then has their number by reason.`
}

// Validate checks what can be checked before anything is started.
func (c *classifyCommand) Validate() error {
	if err := c.callFlags.Validate(); err != nil {
		return err
	}
	return c.target.Validate()
}

// Run classifies the file.
func (c *classifyCommand) Run(ctx context.Context, s streams) (err error) {
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
	out, err := openOutput(ctx, c.Out, c.Output, in, s.out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	client, end, err := c.connect(ctx, s.err)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	options := c.options()
	options.InOrder = c.InOrder
	rows := &rowFeed{in: in, item: func(row table.Row) (credenza.Item, error) {
		return itemOf(columns.Item(row)), nil
	}}
	t, err := c.copy(ctx, client, rows, options, out, s.err)
	return t.conclude(s.err, c.explain(err))
}

// copy has the rows classified and writes the results.
func (c *classifyCommand) copy(
	ctx context.Context, client *credenza.Client, rows *rowFeed, options credenza.Options, out *output, notes io.Writer,
) (tally, error) {
	w, err := newResultWriter(out)
	if err != nil {
		return tally{}, err
	}
	bar := newProgress(notes, out.terminal, "classifying", unknownTotal)
	defer bar.end()
	t := tally{start: time.Now()}
	err = rows.classify(ctx, client, options, onNotice(notes, bar), func(batch credenza.Batch) error {
		t.add(batch.Results)
		bar.done(len(batch.Results))
		if err := w.write(batch.Results); err != nil {
			return fmt.Errorf("the results cannot be written: %w", err)
		}
		return nil
	})
	return t, err
}

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
			f.in.close() // an input that has nothing to say would hold up the call's end
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

// tally counts results.
type tally struct {
	start     time.Time
	done      int
	failures  map[string]int
	retryable int // of the failures
}

func (t *tally) add(results []credenza.Result) {
	t.done += len(results)
	for _, r := range results {
		if r.Err == nil {
			continue
		}
		if t.failures == nil {
			t.failures = map[string]int{}
		}
		t.failures[r.Err.Reason]++
		if r.Err.Retryable {
			t.retryable++
		}
	}
}

func (t *tally) failed() int {
	n := 0
	for _, failures := range t.failures {
		n += failures
	}
	return n
}

// conclude says on notes what has been done and returns the command's error.
func (t *tally) conclude(notes io.Writer, err error) error {
	if t.done == 0 && err != nil && !errors.Is(err, errInterrupted) {
		return err
	}
	line := fmt.Sprintf("%s classified in %v", countItems(t.done-t.failed()), time.Since(t.start).Round(time.Millisecond))
	if errors.Is(err, errInterrupted) {
		line = "interrupted: " + line
	}
	if t.failed() > 0 {
		line += fmt.Sprintf(", %d failed: %s", t.failed(), countsByReason(t.failures))
	}
	printLine(notes, "credenza: %s", line)
	if err == nil && t.failed() > 0 {
		return errItemsFailed
	}
	return err
}

// countsByReason returns such as "2 REFUSED, 1 INVALID_ITEM", the largest first.
func countsByReason[N int | int64](failures map[string]N) string {
	reasons := slices.Sorted(maps.Keys(failures))
	slices.SortStableFunc(reasons, func(a, b string) int { return cmp.Compare(failures[b], failures[a]) })
	parts := make([]string, len(reasons))
	for i, reason := range reasons {
		parts[i] = fmt.Sprintf("%d %s", failures[reason], reason)
	}
	return strings.Join(parts, ", ")
}
