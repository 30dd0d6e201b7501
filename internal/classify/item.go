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

	// known is what the cache had at hand when the item was admitted, nil for nothing.
	known *catalog.Answer

	// What the window counts it as.
	bytes    int
	fetching bool
	joined   bool
}

// maxNameBytes bounds the name that comes back with an outcome.
const maxNameBytes = 1 << 10

// outcome takes one item all the way. It always returns an outcome, also for an
// item whose steps panic.
func (r *run) outcome(ctx context.Context, a *admitted) (o catalog.Outcome) {
	o = catalog.Outcome{Index: a.index, ID: catalog.Clip(a.item.ID, catalog.MaxIDBytes), Name: catalog.Clip(a.item.Name, maxNameBytes), Kind: a.kind}
	o.Trace = r.engine.parts.Trace
	var err error
	defer func() {
		if err != nil {
			o.Err = fault.From(err)
		}
		o.Trace.Latency = time.Since(a.at)
	}()
	defer r.recovered(a.index, &err)
	if a.known == nil {
		var cancel context.CancelFunc
		ctx, cancel = r.timed(ctx, a.at)
		defer cancel()
	}
	err = r.resolve(ctx, a, &o)
	return o
}

// recovered, deferred, makes an error of a panic in what was done for an item.
func (r *run) recovered(index int64, err *error) {
	if v := recover(); v != nil {
		r.engine.parts.Observer.Panicked(&r.call, index, v, debug.Stack())
		*err = fault.New(fault.Internal, "a fault of the service: try again, and report it if it stays")
	}
}

// resolve is the one way through: check, what is at hand, the answer by picture or
// else by text, verdict. An answer is one that is remembered, or the backend's to a
// question.
func (r *run) resolve(ctx context.Context, a *admitted, o *catalog.Outcome) error {
	if f := a.item.Check(); f != nil {
		return f
	}
	if a.known != nil {
		return r.conclude(ctx, a, o, a.kind == catalog.KindImage, *a.known, nil)
	}
	if a.kind == catalog.KindImage {
		answer, err := r.byPicture(ctx, a)
		unseen, ok := errors.AsType[*unseen](err)
		if !ok {
			return r.conclude(ctx, a, o, true, answer, err)
		}
		if unseen.late() || r.call.Options.ImageFallback == catalog.FallbackError || !a.item.HasText() {
			return unseen.err
		}
		o.ImageErr = fault.From(unseen.err)
	}
	if !a.item.HasText() {
		return fault.New(fault.InvalidItem,
			"the item has no text to go by: give a product name or a description, or ask by picture")
	}
	answer, err := r.byText(ctx, a)
	return r.conclude(ctx, a, o, false, answer, err)
}

// unseen says that there is no picture to answer from, and why.
type unseen struct{ err error }

func (u *unseen) Error() string { return u.err.Error() }

// late reports whether the item's time was up before the picture was there.
func (u *unseen) late() bool { return !errors.As(u.err, new(*fault.Fault)) }

func (r *run) question(a *admitted, picture *catalog.Picture) catalog.Question {
	return catalog.Question{
		Item: a.item, Picture: picture, Model: r.call.Options.Model, Began: a.at, Within: r.within(),
		Caller: r.call.Caller, Priority: r.call.Options.Priority, Budget: r.budget(), Calls: &r.calls,
	}
}

// within is how long an item of the call may take in all, 0 for a patient call.
func (r *run) within() time.Duration {
	if r.call.Patient {
		return 0
	}
	return r.call.itemTimeout()
}

// budget is what bounds a patient call's questions in place of a deadline.
func (r *run) budget() time.Duration {
	if r.call.Patient {
		return r.call.itemTimeout()
	}
	return 0
}

// timed bounds an item's time from its admission. A patient call's items have
// bounds for each step instead.
func (r *run) timed(ctx context.Context, at time.Time) (context.Context, context.CancelFunc) {
	if r.call.Patient {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, at.Add(r.call.itemTimeout()))
}

// picture returns the picture to go by. The error is *unseen.
func (r *run) picture(ctx context.Context, it *catalog.Item) (*catalog.Picture, error) {
	if r.call.Patient {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.call.itemTimeout())
		defer cancel()
	}
	picture, err := r.engine.parts.Pictures.Picture(ctx, it)
	if err != nil {
		return nil, &unseen{err}
	}
	return picture, nil
}

// conclude makes an outcome of the backend's answer, or of the fallback's where the
// backend had none.
func (r *run) conclude(ctx context.Context, a *admitted, o *catalog.Outcome, seen bool, answer catalog.Answer, err error) error {
	if answer.Trace.Backend != "" {
		o.Trace = answer.Trace
	}
	if err != nil {
		o.Trace.Deduplicated = false // there was nothing to share
		failed := fault.From(err)
		if answer, err = r.fallBack(ctx, a, seen, failed); err != nil {
			return err
		}
		if seen {
			o.ImageErr = failed
		}
		o.Trace.Backend, o.Trace.Model = answer.Trace.Backend, answer.Trace.Model
		o.Trace.Taxonomy, o.Trace.PromptVersion = answer.Trace.Taxonomy, answer.Trace.PromptVersion
	}
	o.Verdict = answer.Verdict
	o.Verdict.NeedsReview = answer.Verdict.ConfidenceSource == catalog.NoConfidence || answer.Verdict.Confidence < r.engine.config.ReviewBelow
	return nil
}

// fallBack answers what the backend could not, or returns the backend's error.
// The item's own time may be up by then, so the fallback has a little of its
// own.
func (r *run) fallBack(ctx context.Context, a *admitted, seen bool, failed *fault.Fault) (catalog.Answer, error) {
	switch {
	case r.engine.parts.Fallback == nil, !answerable(failed), !a.item.HasText():
		return catalog.Answer{}, failed
	case seen && r.call.Options.ImageFallback == catalog.FallbackError:
		return catalog.Answer{}, failed
	case errors.Is(ctx.Err(), context.Canceled):
		return catalog.Answer{}, failed
	}
	const grace = 5 * time.Second
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	answer, err := r.engine.parts.Fallback.Ask(own, r.question(a, nil))
	if err != nil {
		return answer, failed
	}
	return answer, nil
}
