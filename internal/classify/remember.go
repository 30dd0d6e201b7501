package classify

import (
	"context"
	"errors"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/flight"
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
		a.known = r.engine.parts.Memo.Recall(r.lookByText(item))
	case len(item.ImageData) == 0:
		a.known = r.engine.parts.Memo.Recall(r.lookByAddress(item))
	}
	return a
}

// byPicture answers from the item's picture: one that is known by its address, or
// else is fetched and may be known by its content. The error is *unseen where there
// is no picture.
func (r *run) byPicture(ctx context.Context, a *admitted) (catalog.Answer, error) {
	answer, err := r.remembered(ctx, a, func() catalog.Look { return r.lookByAddress(a.item) }, func(ctx context.Context) (catalog.Answer, error) {
		picture, err := r.picture(ctx, a.item)
		r.window.fetched(a, picture)
		if err != nil {
			return catalog.Answer{}, err
		}
		return r.remembered(ctx, a, func() catalog.Look { return r.lookByPicture(a.item, picture) }, func(ctx context.Context) (catalog.Answer, error) {
			return r.engine.parts.Backend.Ask(ctx, r.question(a, picture))
		})
	})
	// Who shares the work and leaves before there is a picture gets no more than that
	// from it.
	if _, known := errors.AsType[*unseen](err); !known && err != nil && answer.Trace.Deduplicated {
		if early := (&unseen{err}); early.late() {
			return answer, early
		}
	}
	return answer, err
}

// byText answers from the item's text.
func (r *run) byText(ctx context.Context, a *admitted) (catalog.Answer, error) {
	return r.remembered(ctx, a, func() catalog.Look { return r.lookByText(a.item) }, func(ctx context.Context) (catalog.Answer, error) {
		return r.engine.parts.Backend.Ask(ctx, r.question(a, nil))
	})
}

// remembered returns the answer that the memo has, or has it remember the one that
// work finds. Work that others wait for too may outlive the item and the call.
func (r *run) remembered(ctx context.Context, a *admitted, look func() catalog.Look, work catalog.Work) (catalog.Answer, error) {
	if !r.remembers() {
		return work(ctx)
	}
	ctx = flight.WhenJoined(ctx, func() { r.window.joined(a) })
	return r.engine.parts.Memo.Do(ctx, look(), func(ctx context.Context) (answer catalog.Answer, err error) {
		defer r.recovered(a.index, &err)
		return work(flight.WhenJoined(ctx, nil))
	})
}

// remembers reports whether the memo takes part in the call.
func (r *run) remembers() bool {
	return r.engine.parts.Memo != nil && r.call.Options.CachePolicy != catalog.CacheBypass
}

func (r *run) lookByText(it *catalog.Item) catalog.Look { return r.look(r.scope.OfText(it)) }

func (r *run) lookByAddress(it *catalog.Item) catalog.Look {
	look := r.look(r.scope.OfAddress(it))
	look.Provisional = true
	return look
}

func (r *run) lookByPicture(it *catalog.Item, p *catalog.Picture) catalog.Look {
	return r.look(r.scope.OfPicture(it, p))
}

func (r *run) look(key catalog.Fingerprint) catalog.Look {
	o := &r.call.Options
	return catalog.Look{Key: key, Policy: o.CachePolicy, Priority: o.Priority, Budget: r.budget()}
}
