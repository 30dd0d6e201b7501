package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/partfile"
	"github.com/credenza-dev/credenza/internal/productfile"
	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// classifyRun is one run of the command. One goroutine reads rows and feeds the call with
// them, another takes the results. Either writes the rows that are ready, under mu.
type classifyRun struct {
	*classifyCommand
	in      *input
	columns *table.Mapping // nil: the input is a folder of pictures
	to      *resultFile
	stored  *app.Stored  // nil: nothing waits for the storing
	prior   *earlierFile // nil: all rows are asked
	rows    *ordering
	pick    selection
	notes   io.Writer
	args    []string
	bar     *progress

	// Of the reading goroutine, until the call has ended.
	index  int64
	sum    uint64 // hash of the rows so far
	ended  bool   // the last row was read
	failed error  // why the rows ended early

	mu    sync.Mutex // of the writing
	tally tally
}

// classify has the rows classified, writes them, and says what was done.
func (r *classifyRun) classify(ctx context.Context, client *credenza.Client) error {
	r.tally.start = time.Now()
	r.bar = r.newBar()
	err := r.call(ctx, client)
	r.bar.end()
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled):
		err = errInterrupted
	case err == nil && r.failed != nil:
		err = r.failed
	case err == nil && !r.ended:
		err = errInterrupted
	case err == nil && r.rows.left() > 0:
		err = fmt.Errorf("%s got no result: the service has left them out", catalog.Count(r.rows.left(), "item"))
	}
	if err == nil {
		err = r.finish()
	} else {
		err = r.flush(err)
	}
	return r.conclude(r.explain(err))
}

// flush writes what is held back of a run that has failed. A file gets no header alone: that of
// an earlier run may still be in its place.
func (r *classifyRun) flush(failed error) error {
	if r.to.part != nil && r.tally.Rows == 0 {
		return failed
	}
	if err := r.to.Flush(true); errors.Is(failed, errInterrupted) {
		return errors.Join(failed, err)
	}
	return failed
}

// call makes the call. It goes on after ctx has ended, until what was asked is answered or
// a second signal comes.
func (r *classifyRun) call(ctx context.Context, client *credenza.Client) error {
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		r.rows.stop()
		r.sayWaiting()
	})
	defer func() {
		if !stop() {
			<-interrupted
		}
	}()
	patient, end := untilSecondSignal(ctx)
	var following sync.WaitGroup
	defer following.Wait() // runs after the end below
	defer end()
	following.Go(func() { r.followPool(patient, client) })
	stream := client.Feed(patient, r.items(ctx), r.options())
	stream.OnNotice(onNotice(r.notes, r.bar))
	for batch, err := range stream.Batches() {
		if err == nil {
			err = r.take(batch.Results)
		}
		if err != nil {
			r.rows.stop()
			r.in.stop() // an input that has nothing to say would hold up the call's end
			return err
		}
	}
	return r.drain()
}

// sayWaiting says for how many items an interrupted run waits.
func (r *classifyRun) sayWaiting() {
	if n := r.rows.waiting(); n > 0 {
		r.bar.hideWhile(func() {
			printLine(r.notes, "credenza: waiting for %s in flight: interrupt again to stop at once", catalog.Count(n, "item"))
		})
	}
}

// poolEvery is how often the service is asked for its pool.
const poolEvery = time.Second

// followPool notes how many calls the service may make at once, until ctx ends. A service
// that does not report it, because that is for its operators, is not asked again.
func (r *classifyRun) followPool(ctx context.Context, client *credenza.Client) {
	tick := time.NewTicker(poolEvery)
	defer tick.Stop()
	for {
		status, err := client.Status(ctx)
		if err != nil {
			return
		}
		r.rows.setPool(status.Pool.Limit)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// items is the sequence for the client, which runs it on a goroutine of its own.
func (r *classifyRun) items(ctx context.Context) iter.Seq[credenza.Item] {
	return func(yield func(credenza.Item) bool) {
		for ctx.Err() == nil && !r.pick.ends(r.index) {
			p, item, err := r.nextRow()
			if errors.Is(err, io.EOF) {
				r.failed = r.missingRows()
				r.ended = r.failed == nil
				return
			}
			if err == nil && p != nil && !r.rows.put(p) {
				return
			}
			if err == nil && p != nil && p.ready() {
				err = r.drain() // in its place: no record says that it is written
			}
			if err != nil {
				if ctx.Err() == nil {
					r.failed = err
				}
				return
			}
			if p != nil && item != nil && !yield(*item) {
				return
			}
		}
		r.ended = r.pick.ends(r.index)
	}
}

// nextRow reads a row. It returns no row for one that is not taken or was written before,
// and no item for one that needs not be asked.
func (r *classifyRun) nextRow() (*pendingRow, *credenza.Item, error) {
	row, unreadable, err := r.in.rows.Next()
	if err != nil {
		return nil, nil, err
	}
	p := &pendingRow{index: r.index, cells: r.in.rows.Cells()}
	var mapped *catalog.Item
	if unreadable != nil {
		p.result = unaskedResult(p.index, unreadable.Fault.Message)
	} else {
		mapped = r.itemOf(row)
		p.question = r.questionOf(mapped)
	}
	p.hash, p.size = hashRow(row, p.cells)
	r.sum = hashOf(r.sum, p.hash)
	p.sum = r.sum
	r.index++
	if r.to.ByKey || r.WithInput {
		p.row = row
	}
	if r.to.ByKey {
		p.cells = nil
	}
	if known, err := r.known(p); known || err != nil {
		return nil, nil, err
	}
	if err := r.answer(p, mapped); p.ready() || err != nil {
		return p, nil, err
	}
	item, err := r.load(row, mapped)
	if err != nil {
		p.result = unaskedResult(p.index, err.Error())
		p.result.ItemID = item.ID
		return p, nil, nil
	}
	return p, &item, nil
}

// questionOf returns a hash of what is asked for an item, 0 if each item is to be asked. A
// model that gets no picture is asked by the whole text.
func (r *classifyRun) questionOf(item *catalog.Item) uint64 {
	if r.Cache != "use" || r.in.pictures != nil {
		return 0
	}
	return productfile.QuestionOf(item, r.Mode == "text")
}

// answer gives a row that asks what an earlier run has asked for another one, such as
// another row of its product, the same result. The service's cache ended with that run.
func (r *classifyRun) answer(p *pendingRow, item *catalog.Item) error {
	record, there := r.to.earlier().Answers[p.question]
	if p.ready() || p.question == 0 || !there {
		return nil
	}
	result, err := decodeResult(record.Result)
	result.Index, result.ItemID, result.Trace.Cached = p.index, item.ID, true
	p.result = result
	return err
}

// unaskedResult is the result of a row that, or whose picture, cannot be read.
func unaskedResult(index int64, message string) *credenza.Result {
	return &credenza.Result{Index: index, Err: &credenza.ItemError{Reason: credenza.ReasonInvalidItem, Message: message}}
}

// known applies to a row what earlier runs, and the choice of rows, say of it. It reports
// whether nothing is left to do.
func (r *classifyRun) known(p *pendingRow) (bool, error) {
	if r.prior != nil {
		var err error
		if p.kept, err = r.prior.next(p); err != nil {
			return false, err
		}
	}
	earlier := r.to.earlier()
	if p.index < earlier.Rows {
		if p.index == earlier.Rows-1 && p.sum != earlier.Hash {
			return false, r.changed()
		}
		return true, nil
	}
	if !r.pick.takes(p.index) {
		return true, nil
	}
	record, there := earlier.Records[p.index]
	if !there {
		return false, nil
	}
	if record.Hash != p.hash {
		return false, r.changed()
	}
	if len(record.Result) == 0 {
		p.written = true
		return false, nil
	}
	var err error
	p.result, err = decodeResult(record.Result)
	return false, err
}

func (r *classifyRun) changed() error {
	return fmt.Errorf("%s has changed since %s was begun: give --overwrite to begin again", r.in.name, r.Out+partfile.Suffix)
}

// missingRows returns an error if the input has ended before rows that have results.
func (r *classifyRun) missingRows() error {
	earlier := r.to.earlier()
	if r.index < earlier.Rows {
		return r.changed()
	}
	for row := range earlier.Records {
		if row >= r.index {
			return r.changed()
		}
	}
	return r.prior.ended(r.index)
}

// take takes results of the call. They are stored before they are written, by either
// goroutine.
func (r *classifyRun) take(results []credenza.Result) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	settled := r.rows.settle(results)
	if err := r.to.keep(settled); err != nil {
		return unwritten(err)
	}
	r.stored.Add(len(results))
	var later []int64
	if r.to.asCompleted {
		for _, p := range settled {
			if err := r.write(p); err != nil {
				return err
			}
			later = append(later, p.index)
		}
	}
	return r.writeReady(later...)
}

// drain writes all rows before the first that is not ready.
func (r *classifyRun) drain() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.writeReady()
}

// writeReady is drain for a caller that holds mu, and that has written later rows.
func (r *classifyRun) writeReady(later ...int64) error {
	var last *pendingRow
	for p := r.rows.next(); p != nil; p = r.rows.next() {
		if err := r.write(p); err != nil {
			return err
		}
		last = p
	}
	if last == nil && len(later) == 0 {
		return nil
	}
	if err := r.to.mark(last, r.tally.note(), later); err != nil {
		return unwritten(err)
	}
	waiting := r.rows.left()
	fraction := r.pick.fraction(int64(r.tally.Rows+waiting), r.in.fraction())
	r.bar.progressed(&r.tally, waiting, min(1, fraction))
	return nil
}

// write writes a row, once. The caller holds mu.
func (r *classifyRun) write(p *pendingRow) error {
	if p.written {
		return nil
	}
	p.written = true
	if err := r.to.Write(p.fileRow()); err != nil {
		return unwritten(err)
	}
	r.tally.Rows++
	if p.kept != nil {
		r.tally.Kept++
		if reason := keptFailure(&r.to.Layout, p.kept); reason != "" {
			r.tally.KeptBad++
			r.tally.Failures = countOne(r.tally.Failures, reason)
		}
		return nil
	}
	r.tally.addOne(p.result)
	return nil
}

// finish gives the file its name.
func (r *classifyRun) finish() error {
	report, err := r.to.finish(r.tally.Rows)
	if err != nil {
		return unwritten(err)
	}
	if report.Cut > 0 {
		printLine(r.notes, "credenza: %s", report)
	}
	return nil
}

// conclude says what was done, and how to go on with a half-done file.
func (r *classifyRun) conclude(err error) error {
	if lost, key := r.to.Lost(); lost > 0 {
		printLine(r.notes, "credenza: left out, without a column in the first row: %s, the first in %q: give a file, whose rows are all looked at",
			catalog.Count(lost, "value"), key)
	}
	unfinished := err != nil && r.to.part != nil && (r.tally.Rows > 0 || !r.to.part.Empty())
	err = r.tally.conclude(r.notes, err)
	if unfinished {
		printLine(r.notes, "credenza: %s has the results so far: continue with %s", r.Out+partfile.Suffix, again(r.args))
	}
	return err
}
