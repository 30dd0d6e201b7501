package classify

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// prepare returns the item as admitted, with the answer if the cache has it in
// memory. It does not look up a picture that came with the item: hashing it takes
// too long on this goroutine.
func (r *activeCall) prepare(item *catalog.Item, index int64) (a *admitted) {
	a = &admitted{item: item, index: index, kind: r.call.Options.Mode.KindOf(item), at: time.Now()}
	var panicked error // the item continues without a known answer
	defer r.recovered(index, &panicked)
	a.item, a.descriptionCut = item.Fitted()
	item = a.item
	switch {
	case !r.usesCache():
	case a.kind == catalog.KindText:
		a.known = r.engine.parts.Cache.Recall(r.lookup(r.scope.OfText(item)))
	case len(item.ImageData) == 0:
		a.known = r.engine.parts.Cache.Recall(r.lookupByAddress(item))
	}
	return a
}

// byPicture answers from the item's picture. The cache is asked first by the picture's
// address and, once it is fetched, by its content. The error is a *pictureError if
// there is no picture.
func (r *activeCall) byPicture(ctx context.Context, a *admitted) (catalog.Answer, error) {
	return r.cached(ctx, a, func() catalog.Lookup { return r.lookupByAddress(a.item) }, func(ctx context.Context) (catalog.Answer, error) {
		picture, err := r.picture(ctx, a.item)
		r.window.fetched(a, picture)
		if err != nil {
			return catalog.Answer{}, err
		}
		return r.cached(ctx, a, func() catalog.Lookup { return r.lookup(r.scope.OfPicture(a.item, picture)) }, func(ctx context.Context) (catalog.Answer, error) {
			answer, err := r.ask(ctx, a, picture)
			if fault.Is(err, fault.ImageUnsupported) { // the model takes no pictures
				err = &pictureError{err}
			}
			return answer, err
		})
	})
}

// byText answers from the item's text, through the cache.
func (r *activeCall) byText(ctx context.Context, a *admitted) (catalog.Answer, error) {
	return r.cached(ctx, a, func() catalog.Lookup { return r.lookup(r.scope.OfText(a.item)) }, func(ctx context.Context) (catalog.Answer, error) {
		return r.ask(ctx, a, nil)
	})
}

func (r *activeCall) ask(ctx context.Context, a *admitted, picture *catalog.Picture) (catalog.Answer, error) {
	r.holds.free(a.index)
	return r.engine.parts.Backend.Ask(ctx, r.question(a, picture))
}

// cached returns the cache's answer, or else that of work, which the cache keeps. Work
// that other callers also wait for may outlive the item and the call.
func (r *activeCall) cached(ctx context.Context, a *admitted, lookup func() catalog.Lookup, work catalog.Work) (catalog.Answer, error) {
	if !r.usesCache() {
		return work(ctx)
	}
	for {
		answer, joined, err := r.shared(ctx, a, lookup(), work)
		if !joined || !isCancelled(err) || ctx.Err() != nil || r.halted() {
			return answer, err
		}
		// The call whose work it was has been halted.
	}
}

// shared returns the cache's answer, or else that of work that the item begins or joins.
func (r *activeCall) shared(ctx context.Context, a *admitted, l catalog.Lookup, work catalog.Work) (answer catalog.Answer, joined bool, err error) {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	var own atomic.Bool // the item has begun work itself, also after the work that it joined
	stop := func() bool { return false }
	defer func() { stop() }()
	l.Joined = func() {
		joined = true
		r.window.joined(a)
		if r.call.Halt == nil {
			return
		}
		stop()
		stop = context.AfterFunc(r.call.Halt, func() {
			if !own.Load() {
				leave()
			}
		})
	}
	answer, err = r.engine.parts.Cache.Do(ctx, l, func(ctx context.Context) (answer catalog.Answer, err error) {
		own.Store(true)
		defer r.recovered(a.index, &err)
		return work(ctx)
	})
	return answer, joined, err
}

// isCancelled reports whether work ended before its time.
func isCancelled(err error) bool {
	if unusable, ok := errors.AsType[*pictureError](err); ok {
		err = unusable.err
	}
	return err != nil && fault.From(err).Reason == fault.Cancelled
}

// usesCache reports whether the call may read from and write to the cache.
func (r *activeCall) usesCache() bool {
	return r.engine.parts.Cache != nil && r.call.Options.CachePolicy != catalog.CacheBypass
}

func (r *activeCall) lookupByAddress(it *catalog.Item) catalog.Lookup {
	lookup := r.lookup(r.scope.OfAddress(it))
	lookup.Provisional = true
	return lookup
}

func (r *activeCall) lookup(key catalog.Fingerprint) catalog.Lookup {
	o := &r.call.Options
	return catalog.Lookup{Key: key, Policy: o.CachePolicy, Priority: o.Priority, Budget: r.budget()}
}
