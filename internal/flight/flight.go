// Package flight shares work under way: callers who want the same thing at the
// same time wait for one piece of work.
//
// The work belongs to no caller. It runs on a goroutine of its own with a
// context that ends when its last waiter has left, so that a caller who goes
// away neither takes the result from the others nor leaves work behind that
// nobody waits for.
//
//	v, err := group.Do(ctx, "https://shop.example/1.jpg", fetch)
//
// Work that plans by its deadline is begun by Share. Its context has the latest
// deadline of those who wait, which moves as they come and go. A context with a
// time-out is derived from it by WithTimeout: the context package drops a time-out
// that is later than the parent's deadline is at that moment.
package flight

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Group is a set of things that can be under way. The zero value is ready. It is
// safe for concurrent use and must not be copied.
type Group[K comparable, V any] struct {
	mu    sync.Mutex
	calls map[K]*call[V]
}

type call[V any] struct {
	span  *span
	owner *waiter       // guarded by the group; nil: the result is for the first who takes it
	done  chan struct{} // closed when value and err are set
	value V
	err   error
}

// Do returns what work returns, running it only if nobody else does for the same
// key. The error is work's, or ctx's if that ends first. The last caller to
// leave waits until the work has taken note, so work must heed its context, which
// has no deadline. A panic in work is an Internal fault. Nothing is remembered
// once work has ended.
func (g *Group[K, V]) Do(ctx context.Context, key K, work func(context.Context) (V, error)) (V, error) {
	v, _, err := g.Share(ctx, key, func(ctx context.Context) (V, error) { return work(undated{ctx}) })
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return v, err
}

// Share is Do for work that accounts for itself. Work under way for one of the
// keys in instead is joined as well. One of those who get a result owns it: who
// began the work, or if that one left, another; shared is false for the owner.
//
// The last caller to leave gets what work makes of its end. One who leaves at its
// deadline while others go on gets what the work has said by Explain, and ctx's
// error where it has said nothing.
func (g *Group[K, V]) Share(ctx context.Context, key K, work func(context.Context) (V, error), instead ...K) (v V, shared bool, err error) {
	if err := ctx.Err(); err != nil {
		return v, false, err
	}
	c, w := g.join(ctx, key, work, instead)
	w.linkTo(c.span)
	if told, _ := ctx.Value(joinedKey{}).(func()); told != nil && w.joined {
		told()
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		if !g.leave(c, w, ctx.Err()) {
			return v, true, c.span.explain(ctx.Err())
		}
		<-c.done
	}
	return c.value, !g.claim(c, w), c.err
}

func (g *Group[K, V]) join(ctx context.Context, key K, work func(context.Context) (V, error), instead []K) (*call[V], *waiter) {
	w := &waiter{outer: spanOf(ctx), deadline: ctx.Deadline}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range append(slices.Clip(instead), key) {
		if c, ok := g.calls[k]; ok {
			c.span.enter(w)
			return c, w
		}
	}
	c := &call[V]{span: newSpan(ctx), owner: w, done: make(chan struct{})}
	c.span.enter(w)
	if g.calls == nil {
		g.calls = map[K]*call[V]{}
	}
	g.calls[key] = c
	c.span.forget = func() {
		if g.calls[key] == c {
			delete(g.calls, key)
		}
	}
	go g.run(c, work)
	return c, w
}

// run ends when work does: at the latest soon after its last waiter left, who
// waits for that.
func (g *Group[K, V]) run(c *call[V], work func(context.Context) (V, error)) {
	defer close(c.done)
	defer c.span.end(context.Canceled)
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		c.span.forget()
	}()
	defer func() {
		if v := recover(); v != nil {
			c.err = fault.Wrap(fmt.Errorf("panic: %v\n%s", v, debug.Stack()), fault.Internal,
				"a fault of the service: try again, and report it if it stays")
		}
	}()
	c.value, c.err = work(c.span)
}

// leave reports whether the caller is to take the result: because it is there, or
// because it is the last, whose leaving ends the work. From then on newcomers
// begin anew: what was cancelled is nobody's result.
func (g *Group[K, V]) leave(c *call[V], w *waiter, why error) (take bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-c.done:
		return true
	default:
	}
	if !c.span.leave(w) {
		if c.owner == w {
			c.owner = nil
		}
		return false
	}
	c.span.forget()
	c.span.end(why)
	return true
}

// claim reports whether the result is w's own.
func (g *Group[K, V]) claim(c *call[V], w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.owner == nil {
		c.owner = w
	}
	return c.owner == w
}

// undated hides the deadline of a context.
type undated struct {
	context.Context //nolint:containedctx // it is a context itself
}

// Deadline says that there is none.
func (undated) Deadline() (time.Time, bool) { return time.Time{}, false }

// AfterFunc is the span's, which embedding hides.
func (u undated) AfterFunc(f func()) (stop func() bool) { return context.AfterFunc(u.Context, f) }
