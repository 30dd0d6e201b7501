package classify

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// activeCall is one call in flight. admit and deliver have a goroutine each. They
// share window and batches, which lock, and the channels.
type activeCall struct {
	engine  *Engine
	call    Call
	scope   catalog.Scope
	began   time.Time
	calls   catalog.Peak // calls to the model in flight
	window  *window
	holds   *holds // nil: answers hold no place
	batches batcher
	items   sync.WaitGroup

	done chan finished // outcomes for deliver
	end  chan ended    // has a buffer of one: admit sends once, at its end

	// Only deliver's goroutine touches these.
	summary  catalog.Summary
	progress catalog.Progress
	sent     int64 // batches
	givenUp  int64 // items
}

type finished struct {
	outcome catalog.Outcome
	place   place
	given   bool // up, without an outcome
}

type ended struct {
	items int64 // admitted in all
	err   error // nil after the last item
}

func newActiveCall(e *Engine, call Call) *activeCall {
	if call.Options.Delivery == catalog.InOrder {
		call.Halt, call.Hold = nil, false
	}
	r := &activeCall{
		engine: e, call: call, scope: e.scope(&call), began: time.Now(),
		window: newWindow(call.itemTimeout()/timeShare, &e.processLoad, call.Caller.Queue()),
		done:   make(chan finished, 64),
		end:    make(chan ended, 1),

		progress: catalog.Progress{Total: call.Total},
	}
	if call.Hold {
		r.holds = newHolds()
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

// admit takes items from the source while the window has room, and starts each of
// them. A panic of the source is its error.
func (r *activeCall) admit(ctx context.Context, next Source) (end ended) {
	defer r.recovered(-1, &end.err)
	for n := int64(0); ; n++ {
		end.items = n
		if end.err = r.window.enter(ctx, r.bounds); end.err != nil {
			return end
		}
		item, err := r.take(ctx, next, n)
		if errors.Is(err, io.EOF) {
			return end
		}
		if end.err = err; err != nil {
			return end
		}
		r.holds.admitted(n)
		a := r.prepare(item, n)
		r.window.admitted(a)
		a.place = r.batches.place(n, a.kind, a.at)
		if a.known != nil { // a goroutine would cost more than the item
			r.work(ctx, a)
		} else {
			r.items.Go(func() { r.work(ctx, a) })
		}
	}
}

// take returns the next item of the source, which the caps of the caller allow. A call
// that is halted gets io.EOF, and its caps are not charged.
func (r *activeCall) take(ctx context.Context, next Source, index int64) (*catalog.Item, error) {
	item, err := next(ctx)
	if err == nil && !r.halted() {
		if err = r.enterCaps(ctx, index); err == nil && r.halted() {
			r.leaveCaps(&catalog.Outcome{})
		}
	}
	if r.halted() {
		return nil, io.EOF
	}
	return item, err
}

// work resolves one item and passes its outcome to deliver, unless the call has ended.
func (r *activeCall) work(ctx context.Context, a *admitted) {
	o := r.outcome(ctx, a)
	r.leaveCaps(&o)
	r.window.finished(a, o.Err == nil && !o.Trace.Cached && !o.Trace.Deduplicated)
	select {
	case r.done <- finished{o, a.place, r.halted() && o.Err != nil && o.Err.Reason == fault.Cancelled}:
	case <-ctx.Done():
	}
}

// halted reports whether no further call to the model may begin.
func (r *activeCall) halted() bool {
	return r.call.Halt != nil && r.call.Halt.Err() != nil
}

// enterCaps waits until the caps of the caller allow its item of that index.
func (r *activeCall) enterCaps(ctx context.Context, index int64) error {
	if r.engine.parts.Caps == nil {
		return nil
	}
	ctx, stop := catalog.Until(ctx, r.call.Halt)
	defer stop()
	return r.engine.parts.Caps.Admit(ctx, r.call.Caller.ID, catalog.Admission{First: index == 0, Patient: r.call.Patient})
}

func (r *activeCall) leaveCaps(o *catalog.Outcome) {
	if r.engine.parts.Caps != nil {
		r.engine.parts.Caps.Done(r.call.Caller.ID, o.Trace.Usage.Prompt+o.Trace.Usage.Completion)
	}
}

// deliver collects outcomes into batches and sends them, until the outcome of each
// admitted item is sent or an error occurs.
func (r *activeCall) deliver(ctx context.Context, send Sink) error {
	flush := time.NewTimer(time.Hour)
	defer flush.Stop()
	notices := NewNotices(func() (*catalog.Outage, <-chan struct{}) {
		return r.engine.Outage(r.call.Options.Model)
	}, r.call.Notify)
	if err := notices.Update(); err != nil {
		return err
	}
	items := int64(-1) // unknown until the source ends
	var refused error  // the first item over a cap; those before it are answered
	for r.summary.Total+r.givenUp != items {
		var ready []group
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case f := <-r.done:
			ready = r.gather(f)
		case end := <-r.end:
			if end.err != nil && !fault.Is(end.err, fault.CapReached) {
				return end.err
			}
			items, refused = end.items, end.err
			ready = r.batches.close()
		case now := <-flush.C:
			ready = r.batches.due(now)
		case <-notices.Changed():
			if err := notices.Update(); err != nil {
				return err
			}
		}
		if err := r.sendBatches(ready, send); err != nil {
			return err
		}
		if at, waiting := r.batches.next(); waiting {
			flush.Reset(time.Until(at))
		}
	}
	if err := r.sendBatches(r.batches.rest(), send); err != nil {
		return err
	}
	if err := notices.Update(); err != nil { // reports an outage that ended with the last items
		return err
	}
	return refused
}

// gather collects an outcome and, for a call with Prompt or Hold, those that arrived while
// the sink was busy. It returns the batches that are ready.
func (r *activeCall) gather(f finished) []group {
	ready := r.collect(f)
	if !r.call.Prompt && !r.call.Hold {
		return ready
	}
	for range len(r.done) { // no other goroutine receives
		ready = append(ready, r.collect(<-r.done)...)
	}
	return append(ready, r.batches.rest()...)
}

func (r *activeCall) collect(f finished) []group {
	if f.given {
		r.givenUp++
		r.holds.taken(&f.outcome)
		r.window.delivered(1) // or a full window would never admit the end of the source
		return nil
	}
	r.summary.Add(&f.outcome)
	r.engine.parts.Observer.ItemDone(&r.call, &f.outcome)
	return r.batches.add(f.place, f.outcome, time.Now())
}

func (r *activeCall) sendBatches(groups []group, send Sink) error {
	for _, g := range groups {
		b := r.batch(g)
		if err := send(b); err != nil {
			return err
		}
		for i := range b.Outcomes {
			r.holds.taken(&b.Outcomes[i])
		}
		r.window.delivered(len(b.Outcomes))
		r.engine.parts.Observer.BatchSent(&r.call, &b, b.At.Sub(g.since))
	}
	return nil
}

// batch returns the group as a batch, with its number and the progress of the call.
func (r *activeCall) batch(g group) catalog.Batch {
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

func (r *activeCall) finish() catalog.Summary {
	s := r.summary
	s.Elapsed = time.Since(r.began)
	s.PeakConcurrency = r.calls.Most()
	return s
}
