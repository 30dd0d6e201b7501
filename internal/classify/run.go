package classify

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// run is one call under way. admit and deliver have a goroutine each; what both
// touch is in window, batches (which locks) and the channels.
type run struct {
	engine  *Engine
	call    Call
	scope   catalog.Scope
	began   time.Time
	calls   catalog.Peak
	window  *window
	batches batcher
	items   sync.WaitGroup

	done chan finished // outcomes on their way to deliver
	end  chan ended    // room for one: admit tells once how it ended

	// Only deliver's goroutine touches these.
	summary  catalog.Summary
	progress catalog.Progress
	sent     int64 // batches
}

type finished struct {
	outcome catalog.Outcome
	seat    seat
}

type ended struct {
	items int64 // admitted in all
	err   error // nil after the last item
}

func newRun(e *Engine, call Call) *run {
	r := &run{
		engine: e, call: call, scope: e.scope(&call), began: time.Now(),
		window: newWindow(call.itemTimeout()/timeShare, &e.crowd, call.Caller.Queue()),
		done:   make(chan finished, 64),
		end:    make(chan ended, 1),

		progress: catalog.Progress{Total: call.Total},
	}
	sizes := e.batchSizes(&call)
	if call.Options.Delivery == catalog.InOrder {
		r.batches = newInOrder(sizes, call.Total, func(id int64, kind catalog.Kind, items int) {
			e.parts.Observer.BatchBegan(&r.call, id, kind, items)
		})
	} else {
		r.batches = newAsCompleted(sizes, e.config.FlushDelay)
	}
	return r
}

// admit takes items from the source while the window has room, and starts each.
func (r *run) admit(ctx context.Context, next Source) {
	var n int64
	for {
		if err := r.window.enter(ctx, r.bounds); err != nil {
			r.end <- ended{n, err}
			return
		}
		item, err := next(ctx)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			r.end <- ended{n, err}
			return
		}
		a := r.admission(item, n)
		r.window.admitted(a)
		a.seat = r.batches.seat(n, a.kind, a.at)
		if a.known != nil { // a goroutine would cost more than the item does
			r.work(ctx, a)
		} else {
			r.items.Go(func() { r.work(ctx, a) })
		}
		n++
	}
}

// work runs one item and passes its outcome on, unless the call is over.
func (r *run) work(ctx context.Context, a *admitted) {
	o := r.outcome(ctx, a)
	r.window.finished(a, o.Err == nil && !o.Trace.Cached && !o.Trace.Deduplicated)
	select {
	case r.done <- finished{o, a.seat}:
	case <-ctx.Done():
	}
}

// deliver collects outcomes into batches and sends them, until each admitted
// item's outcome was sent or something fails.
func (r *run) deliver(ctx context.Context, send Sink) error {
	flush := time.NewTimer(time.Hour)
	defer flush.Stop()
	notices := NewNotices(func() (*catalog.Outage, <-chan struct{}) {
		return r.engine.Outage(r.call.Options.Model)
	}, r.call.Notify)
	if err := notices.Update(); err != nil {
		return err
	}
	items := int64(-1) // not known before the source has ended
	for r.summary.Total != items {
		var ready []group
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case f := <-r.done:
			ready = r.gather(f)
		case end := <-r.end:
			if end.err != nil {
				return end.err
			}
			items = end.items
			ready = r.batches.close()
		case now := <-flush.C:
			ready = r.batches.due(now)
		case <-notices.Changed():
			if err := notices.Update(); err != nil {
				return err
			}
		}
		if err := r.sendAll(ready, send); err != nil {
			return err
		}
		if at, waiting := r.batches.next(); waiting {
			flush.Reset(time.Until(at))
		}
	}
	if err := r.sendAll(r.batches.rest(), send); err != nil {
		return err
	}
	return notices.Update() // an outage that ended with the last items is over for the caller too
}

// gather collects an outcome and, where batches are to leave promptly, those that
// came while the sink was busy.
func (r *run) gather(f finished) []group {
	ready := r.collect(f)
	if !r.call.Prompt {
		return ready
	}
	for range len(r.done) { // nobody else receives
		ready = append(ready, r.collect(<-r.done)...)
	}
	return append(ready, r.batches.rest()...)
}

func (r *run) collect(f finished) []group {
	r.summary.Add(&f.outcome)
	r.engine.parts.Observer.ItemDone(&r.call, &f.outcome)
	return r.batches.add(f.seat, f.outcome, time.Now())
}

func (r *run) sendAll(groups []group, send Sink) error {
	for _, g := range groups {
		b := r.batch(g)
		if err := send(b); err != nil {
			return err
		}
		r.window.delivered(len(b.Outcomes))
		r.engine.parts.Observer.BatchSent(&r.call, &b, b.At.Sub(g.since))
	}
	return nil
}

// batch gives a group its number and the state of the call.
func (r *run) batch(g group) catalog.Batch {
	r.sent++
	if g.id == 0 {
		g.id = r.sent
	}
	r.progress.Done += int64(len(g.outcomes))
	for i := range g.outcomes {
		if g.outcomes[i].Err != nil {
			r.progress.Failed++
		}
	}
	return catalog.Batch{ID: g.id, Kind: g.kind, Outcomes: g.outcomes, At: time.Now(), Progress: r.progress, Peak: r.calls.Most()}
}

func (r *run) finish() catalog.Summary {
	s := r.summary
	s.Elapsed = time.Since(r.began)
	s.PeakConcurrency = r.calls.Most()
	return s
}
