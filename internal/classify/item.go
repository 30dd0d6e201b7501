package classify

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// admitted is an item on its way.
type admitted struct {
	item  *catalog.Item
	index int64
	kind  catalog.Kind
	at    time.Time
	seat  seat

	// What the window counts it as.
	bytes    int
	fetching bool
}

// maxNameBytes bounds the name that comes back with an outcome.
const maxNameBytes = 1 << 10

// outcome takes one item all the way. It always returns an outcome, also for an
// item whose steps panic.
func (r *run) outcome(ctx context.Context, a *admitted) (o catalog.Outcome) {
	o = catalog.Outcome{Index: a.index, ID: catalog.Clip(a.item.ID, catalog.MaxIDBytes), Name: catalog.Clip(a.item.Name, maxNameBytes), Kind: a.kind}
	o.Trace = r.engine.parts.Trace
	defer func() {
		if v := recover(); v != nil {
			r.engine.parts.Observer.Panicked(&r.call, a.index, v, debug.Stack())
			o.Err = fault.New(fault.Internal, "a fault of the service: try again, and report it if it stays")
		}
		o.Trace.Latency = time.Since(a.at)
	}()
	ctx, cancel := r.timed(ctx, a.at)
	defer cancel()
	if err := r.resolve(ctx, a, &o); err != nil {
		o.Err = fault.From(err)
	}
	return o
}

// resolve is the one way through: check, picture, question, verdict.
func (r *run) resolve(ctx context.Context, a *admitted, o *catalog.Outcome) error {
	it := a.item
	if f := it.Check(); f != nil {
		return f
	}
	picture, err := r.picture(ctx, it, o)
	r.window.fetched(a, picture)
	if err != nil {
		return err
	}
	if picture == nil && !it.HasText() {
		return lacksText(o.ImageErr)
	}
	q := catalog.Question{
		Item: it, Picture: picture, Model: r.call.Options.Model,
		Caller: r.call.Caller, Priority: r.call.Options.Priority, Calls: &r.calls,
	}
	if r.call.Patient {
		q.Budget = r.call.itemTimeout()
	}
	return r.ask(ctx, q, o)
}

// timed bounds an item's time from its admission. A patient call's items have
// bounds for each step instead.
func (r *run) timed(ctx context.Context, at time.Time) (context.Context, context.CancelFunc) {
	if r.call.Patient {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, at.Add(r.call.itemTimeout()))
}

// picture returns the picture to go by, or nil to go by text. Where a picture
// was due and cannot be had, the outcome says why, or the item fails with it.
func (r *run) picture(ctx context.Context, it *catalog.Item, o *catalog.Outcome) (*catalog.Picture, error) {
	if o.Kind != catalog.KindImage {
		return nil, nil
	}
	if r.call.Patient {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.call.itemTimeout())
		defer cancel()
	}
	picture, err := r.engine.parts.Pictures.Picture(ctx, it)
	switch {
	case err == nil:
		return picture, nil
	case ctx.Err() != nil && !errors.As(err, new(*fault.Fault)):
		return nil, err
	case r.call.Options.ImageFallback == catalog.FallbackError || !it.HasText():
		return nil, err
	}
	o.ImageErr = fault.From(err)
	return nil, nil
}

func lacksText(imageErr *fault.Fault) error {
	if imageErr != nil {
		return imageErr
	}
	return fault.New(fault.InvalidItem,
		"the item has no text to go by: give a product name or a description, or ask by picture")
}

// ask has the backend answer, or the fallback where the backend cannot.
func (r *run) ask(ctx context.Context, q catalog.Question, o *catalog.Outcome) error {
	answer, err := r.engine.parts.Backend.Ask(ctx, q)
	if answer.Trace.Backend != "" {
		o.Trace = answer.Trace
	}
	if err != nil {
		failed := fault.From(err)
		if answer, err = r.fallBack(ctx, q, failed); err != nil {
			return err
		}
		if q.Picture != nil {
			o.ImageErr = failed
		}
		o.Trace.Backend, o.Trace.Model = answer.Trace.Backend, answer.Trace.Model
		o.Trace.Taxonomy, o.Trace.PromptVersion = answer.Trace.Taxonomy, answer.Trace.PromptVersion
	}
	o.Verdict = answer.Verdict
	o.Verdict.NeedsReview = answer.Verdict.Confidence < r.engine.config.ReviewBelow
	return nil
}

// fallBack answers what the backend could not, or returns the backend's error.
// The item's own time may be up by then, so the fallback has a little of its
// own.
func (r *run) fallBack(ctx context.Context, q catalog.Question, failed *fault.Fault) (catalog.Answer, error) {
	switch {
	case r.engine.parts.Fallback == nil, !answerable(failed), !q.Item.HasText():
		return catalog.Answer{}, failed
	case q.Picture != nil && r.call.Options.ImageFallback == catalog.FallbackError:
		return catalog.Answer{}, failed
	case errors.Is(ctx.Err(), context.Canceled):
		return catalog.Answer{}, failed
	}
	const grace = 5 * time.Second
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	q.Picture = nil
	answer, err := r.engine.parts.Fallback.Ask(own, q)
	if err != nil {
		return answer, failed
	}
	return answer, nil
}
