package classify

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// admitted is an item in flight.
type admitted struct {
	item  *catalog.Item
	index int64
	kind  catalog.Kind
	at    time.Time
	place place

	// known is the answer that the cache had in memory at the item's admission, or nil.
	known *catalog.Answer

	// These belong to the window: the bytes it counts for the item, whether it waits
	// for its picture, and whether it waits for the work of an equal item.
	bytes    int
	fetching bool
	joined   bool

	descriptionCut bool
}

// maxNameBytes bounds the name in an outcome.
const maxNameBytes = 1 << 10

// outcome resolves one item. It returns an outcome even if a step panics.
func (r *activeCall) outcome(ctx context.Context, a *admitted) (o catalog.Outcome) {
	o = catalog.Outcome{Index: a.index, ID: catalog.Clip(a.item.ID, catalog.MaxIDBytes), Name: catalog.Clip(a.item.Name, maxNameBytes), Kind: a.kind}
	o.Trace = r.engine.parts.Trace
	spans := r.engine.parts.Spans
	if spans != nil {
		ctx = spans.Item(ctx, a.index, a.kind, a.at)
	}
	var err error
	defer func() {
		if err != nil { // the picture's error is for answers without it
			o.Err, o.ImageErr = fault.From(err), nil
		}
		o.Trace.Latency = time.Since(a.at)
		o.Trace.DescriptionCut = a.descriptionCut
		if spans != nil {
			done := o // or each outcome would be on the heap
			spans.ItemDone(ctx, &done)
		}
	}()
	defer r.recovered(a.index, &err)
	if a.known == nil {
		var cancel context.CancelFunc
		ctx, cancel = r.withDeadline(ctx, a.at)
		defer cancel()
	}
	err = r.resolve(ctx, a, &o)
	return o
}

// recovered is deferred and turns a panic into an error of the item, or of the source if
// the index is -1.
func (r *activeCall) recovered(index int64, err *error) {
	if v := recover(); v != nil {
		r.engine.parts.Observer.Panicked(&r.call, index, v, debug.Stack())
		*err = fault.Wrap(fmt.Errorf("panic: %v", v), fault.Internal, "a fault of the service: try again, and report it if it stays")
	}
}

// resolve runs the steps of an item: check, known answer, answer by picture, else
// answer by text. An answer comes from the cache or from the backend.
func (r *activeCall) resolve(ctx context.Context, a *admitted, o *catalog.Outcome) error {
	if f := a.item.Check(); f != nil {
		return f
	}
	if a.known != nil {
		return r.conclude(ctx, a, o, a.kind == catalog.KindImage, *a.known, nil)
	}
	if a.kind == catalog.KindImage {
		answer, err := r.byPicture(ctx, a)
		unusable, ok := errors.AsType[*pictureError](err)
		if !ok {
			return r.conclude(ctx, a, o, true, answer, err)
		}
		if unusable.timedOut() || r.call.Options.ImageFallback == catalog.FallbackError || !a.item.HasText() {
			return unusable.err
		}
		o.ImageErr = fault.From(unusable.err)
	}
	if !a.item.HasText() {
		return fault.New(fault.InvalidItem,
			"the item has no text: give a product name or a description, or ask by picture")
	}
	answer, err := r.byText(ctx, a)
	return r.conclude(ctx, a, o, false, answer, err)
}

// pictureError is the reason why an item's picture cannot be used.
type pictureError struct{ err error }

func (e *pictureError) Error() string { return e.err.Error() }

// timedOut reports whether the item's time ended before the picture was fetched.
func (e *pictureError) timedOut() bool { return !errors.As(e.err, new(*fault.Fault)) }

func (r *activeCall) question(a *admitted, picture *catalog.Picture) catalog.Question {
	return catalog.Question{
		Item: a.item, Picture: picture, Model: r.call.Options.Model, Began: a.at, Within: r.within(),
		Caller: r.call.Caller, Priority: r.call.Options.Priority, Budget: r.budget(), Calls: &r.calls, Halt: r.call.Halt,
		Hold: r.holds.of(a.index),
	}
}

// within returns how long an item of the call may take in all, 0 for a patient call.
func (r *activeCall) within() time.Duration {
	if r.call.Patient {
		return 0
	}
	return r.call.itemTimeout()
}

// budget returns the time that a patient call's question may take instead of a
// deadline, 0 for other calls.
func (r *activeCall) budget() time.Duration {
	if r.call.Patient {
		return r.call.itemTimeout()
	}
	return 0
}

// withDeadline returns a context that bounds an item's time from its admission. The
// items of a patient call have a bound for each step instead.
func (r *activeCall) withDeadline(ctx context.Context, at time.Time) (context.Context, context.CancelFunc) {
	if r.call.Patient {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, at.Add(r.call.itemTimeout()))
}

// picture returns the item's picture. The error is a *pictureError.
func (r *activeCall) picture(ctx context.Context, it *catalog.Item) (*catalog.Picture, error) {
	ctx, stop := catalog.Until(ctx, r.call.Halt)
	defer stop()
	if r.call.Patient {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.call.itemTimeout())
		defer cancel()
	}
	began := time.Now()
	picture, err := r.engine.parts.Pictures.Picture(ctx, it)
	if spans := r.engine.parts.Spans; spans != nil {
		spans.PictureFetched(ctx, began, err)
	}
	if err != nil {
		return nil, &pictureError{err}
	}
	return picture, nil
}

// conclude fills the outcome from the backend's answer, or from the fallback's if err
// is not nil. byPicture reports whether the answer was asked by picture.
func (r *activeCall) conclude(ctx context.Context, a *admitted, o *catalog.Outcome, byPicture bool, answer catalog.Answer, err error) error {
	if answer.Trace.Backend != "" {
		o.Trace = answer.Trace
	}
	if err != nil {
		o.Trace.Deduplicated = false // there was nothing to share
		failed := fault.From(err)
		if answer, err = r.fallBack(ctx, a, byPicture, failed); err != nil {
			return err
		}
		if byPicture {
			o.ImageErr = failed
		}
		o.Trace.Backend, o.Trace.Model = answer.Trace.Backend, answer.Trace.Model
		o.Trace.Taxonomy, o.Trace.PromptVersion = answer.Trace.Taxonomy, answer.Trace.PromptVersion
	}
	o.Classification = answer.Classification
	o.Classification.NeedsReview = answer.Classification.ConfidenceSource == catalog.NoConfidence || answer.Classification.Confidence < r.engine.config.ReviewBelow
	return nil
}

// fallBack returns the fallback's answer, or the backend's error if the fallback may
// not or cannot answer. The item's own time may have ended, so the fallback has a
// short time of its own.
func (r *activeCall) fallBack(ctx context.Context, a *admitted, byPicture bool, failed *fault.Fault) (catalog.Answer, error) {
	switch {
	case r.engine.parts.Fallback == nil, !answerable(failed), !a.item.HasText():
		return catalog.Answer{}, failed
	case byPicture && r.call.Options.ImageFallback == catalog.FallbackError:
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
