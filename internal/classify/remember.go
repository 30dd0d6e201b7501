package classify

import (
	"context"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// admission returns an item that begins its way, with the answer that is at hand.
// A picture that came with its item takes too long to be told apart here.
func (r *run) admission(item *catalog.Item, index int64) (a *admitted) {
	a = &admitted{item: item, index: index, kind: r.call.Options.Mode.KindOf(item), at: time.Now()}
	var panicked error // the item goes on as one that is not known
	defer r.recovered(index, &panicked)
	switch {
	case !r.remembers():
	case a.kind == catalog.KindText:
		a.known = r.engine.parts.Cache.Recall(r.lookupByText(item))
	case len(item.ImageData) == 0:
		a.known = r.engine.parts.Cache.Recall(r.lookupByAddress(item))
	}
	return a
}

// byPicture answers from the item's picture: one that is known by its address, or
// else is fetched and may be known by its content. The error is *unseen where there
// is no picture.
func (r *run) byPicture(ctx context.Context, a *admitted) (catalog.Answer, error) {
	return r.remembered(ctx, a, func() catalog.Lookup { return r.lookupByAddress(a.item) }, func(ctx context.Context) (catalog.Answer, error) {
		picture, err := r.picture(ctx, a.item)
		r.window.fetched(a, picture)
		if err != nil {
			return catalog.Answer{}, err
		}
		return r.remembered(ctx, a, func() catalog.Lookup { return r.lookupByPicture(a.item, picture) }, func(ctx context.Context) (catalog.Answer, error) {
			answer, err := r.engine.parts.Backend.Ask(ctx, r.question(a, picture))
			if fault.Is(err, fault.ImageUnsupported) { // the model takes no pictures
				err = &unseen{err}
			}
			return answer, err
		})
	})
}

// byText answers from the item's text.
func (r *run) byText(ctx context.Context, a *admitted) (catalog.Answer, error) {
	return r.remembered(ctx, a, func() catalog.Lookup { return r.lookupByText(a.item) }, func(ctx context.Context) (catalog.Answer, error) {
		return r.engine.parts.Backend.Ask(ctx, r.question(a, nil))
	})
}

// remembered returns the answer that the cache has, or has it keep the one that work
// finds. Work that other callers wait for too may outlive the item and the call.
func (r *run) remembered(ctx context.Context, a *admitted, lookup func() catalog.Lookup, work catalog.Work) (catalog.Answer, error) {
	if !r.remembers() {
		return work(ctx)
	}
	l := lookup()
	l.Joined = func() { r.window.joined(a) }
	return r.engine.parts.Cache.Do(ctx, l, func(ctx context.Context) (answer catalog.Answer, err error) {
		defer r.recovered(a.index, &err)
		return work(ctx)
	})
}

// remembers reports whether the cache takes part in the call.
func (r *run) remembers() bool {
	return r.engine.parts.Cache != nil && r.call.Options.CachePolicy != catalog.CacheBypass
}

func (r *run) lookupByText(it *catalog.Item) catalog.Lookup { return r.lookup(r.scope.OfText(it)) }

func (r *run) lookupByAddress(it *catalog.Item) catalog.Lookup {
	lookup := r.lookup(r.scope.OfAddress(it))
	lookup.Provisional = true
	return lookup
}

func (r *run) lookupByPicture(it *catalog.Item, p *catalog.Picture) catalog.Lookup {
	return r.lookup(r.scope.OfPicture(it, p))
}

func (r *run) lookup(key catalog.Fingerprint) catalog.Lookup {
	o := &r.call.Options
	return catalog.Lookup{Key: key, Policy: o.CachePolicy, Priority: o.Priority, Budget: r.budget()}
}
