package credenza

import (
	"context"
	"iter"
)

// CallOption tunes ClassifyItems and ClassifyRows. It is Options, Overrides, OnSummary or
// OnNotice.
type CallOption interface{ tune(*call) }

type call struct {
	options   Options
	overrides Overrides
	onSummary func(Summary)
	onNotice  func(Notice)
}

func (o Options) tune(c *call) { c.options = o }

// Overrides name the column that fills a field of the item, by the name of the field:
// {"product_name": "Titel"}. Without a name, as in {"price_range": ""}, no column fills
// it. The server finds the columns of all other fields itself.
type Overrides map[string]string

func (o Overrides) tune(c *call) { c.overrides = o }

type tuning func(*call)

func (f tuning) tune(c *call) { f(c) }

// OnSummary calls f with the counts of the call after its last result, on the
// goroutine that iterates. f is not called for a call that failed or was left early.
func OnSummary(f func(Summary)) CallOption { return tuning(func(c *call) { c.onSummary = f }) }

// OnNotice calls f for each notice, on the goroutine that iterates. Without it,
// notices are ignored.
func OnNotice(f func(Notice)) CallOption { return tuning(func(c *call) { c.onNotice = f }) }

// ClassifyItems classifies items and iterates over the results as they come, which is
// the order of the items only with Options.InOrder. An error is an *Error of the call and
// the last thing that comes; a failure of an item is in its Result.Err.
//
// Up to 1,000 items or 1 MiB that are there at once go in one message, as by ClassifyStream. All others
// go as by Feed, at the pace of the server: the items need not fit into memory or exist
// yet, and none waits for another one. A call without items has no results.
//
// The call begins and ends with the iteration, also if that is left early, and each
// iteration is a call of its own. The items' sequence runs on a goroutine of its own. If
// the iteration ends early, the sequence is stopped at its next item, and the iteration
// waits for that.
func (c *Client) ClassifyItems(ctx context.Context, items iter.Seq[Item], opts ...CallOption) iter.Seq2[Result, error] {
	call := tuned(opts)
	return call.results(func() *Stream { return c.streamOf(ctx, itemSource(items), call.options, true) })
}

// ClassifyRows does the same with the rows of a table, as texts. The server finds out which
// column fills which field, by the names and the first rows, as it does for files; Overrides
// correct it. Each row is one item with one result, and Result.Index is its place. Rows that
// do not come at once are waited for, for a second at most, so that the first ones are many.
func (c *Client) ClassifyRows(ctx context.Context, columns []string, rows iter.Seq[[]string], opts ...CallOption) iter.Seq2[Result, error] {
	call := tuned(opts)
	return call.results(func() *Stream {
		return c.streamOf(ctx, rowSource(columns, rows, call.overrides), call.options, true)
	})
}

func tuned(opts []CallOption) *call {
	var c call
	for _, o := range opts {
		o.tune(&c)
	}
	return &c
}

// results iterates over the results of a new stream each time.
func (c *call) results(open func() *Stream) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		stream := open()
		stream.OnNotice(c.onNotice)
		for result, err := range stream.Results() {
			if !yield(result, err) || err != nil {
				return
			}
		}
		if c.onSummary != nil {
			c.onSummary(stream.Summary())
		}
	}
}
