// Package singleflight runs work once for all callers that want the same result at
// the same time.
//
// It differs from golang.org/x/sync/singleflight in the owner of the work. There the work
// runs on the first caller's goroutine, and the others wait until it ends. Here it runs on
// a goroutine of its own, each caller waits within its own context, and the work is
// cancelled when the last caller has left.
//
//	v, err := group.Do(ctx, "https://shop.example/1.jpg", fetch)
//
// Work has the values of the context of the caller that began it, and one deadline
// that is set at its start: see Group.Bound. When its last caller leaves, its
// context's cause is context.DeadlineExceeded or context.Canceled.
package singleflight

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Group is a set of work in flight. The zero value is ready. It is safe for
// concurrent use and must not be copied.
type Group[K comparable, V any] struct {
	// Bound is the least time that work gets: its deadline is that of the caller that
	// began it, or Bound from its start if that is later, so that a hurried caller does
	// not end it for the others. Without a deadline of that caller, or with a Bound of
	// 0, work has no deadline.
	Bound time.Duration

	mu    sync.Mutex
	calls map[K]*call[K, V]
}

// call is work in flight. Its waiters and orphaned are guarded by the group.
type call[K comparable, V any] struct {
	key      K
	ctx      context.Context //nolint:containedctx // the work's own, which its callers compare with theirs
	cancel   context.CancelCauseFunc
	waiters  int
	orphaned bool          // the caller that began it has left: the next one that gets the result owns it
	done     chan struct{} // closed when value and err are set
	value    V
	err      error
}

// Request is what a caller of Share wants.
type Request[K comparable, V any] struct {
	Key K
	// Work finds the result if no work in flight is joined. It must heed its context.
	Work func(context.Context) (V, error)
	// Instead are keys under which work in flight is joined as well, the preferred
	// ones first.
	Instead []K
	// Joined is called before the wait if work in flight is joined. Nil: not called.
	Joined func()
}

// Do is like Share, without the report whether the result was shared.
func (g *Group[K, V]) Do(ctx context.Context, key K, work func(context.Context) (V, error)) (V, error) {
	v, _, err := g.Share(ctx, Request[K, V]{Key: key, Work: work})
	return v, err
}

// Share returns what the request's work returns, and runs it only if no such work is
// in flight. One of the callers that get a result owns it: the one that began the
// work or, if that has left, another one; shared is false for the owner.
//
// A caller that leaves before the work's end and deadline gets the error of its own context.
// The last one to leave ends the work, waits for that, and gets the work's error; its
// own context's error replaces an error that says no more than that the work was
// cancelled. A panic in work is an Internal fault. A result is not kept.
func (g *Group[K, V]) Share(ctx context.Context, want Request[K, V]) (v V, shared bool, err error) {
	if ctx.Err() != nil {
		return v, false, reason(ctx)
	}
	c, joined := g.join(ctx, &want)
	if joined && want.Joined != nil {
		want.Joined()
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		if !c.due() && !g.leave(c, reason(ctx), joined) {
			return v, true, reason(ctx)
		}
		<-c.done
	}
	err = c.err
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = reason(ctx)
	}
	return c.value, joined && !g.adopt(c), err
}

// reason is why a context has ended: the error of the context of a caller, or what
// ended the work that is itself a caller.
func reason(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

func (g *Group[K, V]) join(ctx context.Context, want *Request[K, V]) (c *call[K, V], joined bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range append(slices.Clip(want.Instead), want.Key) {
		if c, ok := g.calls[k]; ok && c.suits(ctx) {
			c.waiters++
			return c, true
		}
	}
	c = &call[K, V]{key: want.Key, waiters: 1, done: make(chan struct{})}
	c.ctx, c.cancel = g.workContext(ctx)
	if g.calls == nil {
		g.calls = map[K]*call[K, V]{}
	}
	g.calls[want.Key] = c
	go g.run(c, want.Work)
	return c, false
}

// suits reports whether work in flight has at least half of the time that the caller
// has: by sharing it loses no more than the other half.
func (c *call[K, V]) suits(ctx context.Context) bool {
	end, bounded := c.ctx.Deadline()
	if !bounded {
		return true
	}
	own, hurried := ctx.Deadline()
	return hurried && time.Until(end) >= time.Until(own)/2
}

// due reports whether the work's deadline has come: it ends now, and its callers wait
// for its reason.
func (c *call[K, V]) due() bool {
	end, bounded := c.ctx.Deadline()
	return bounded && !time.Now().Before(end)
}

func (g *Group[K, V]) workContext(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	end, bounded := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if !bounded || g.Bound == 0 {
		return context.WithCancelCause(ctx)
	}
	if least := time.Now().Add(g.Bound); end.Before(least) {
		end = least
	}
	ctx, stop := context.WithDeadline(ctx, end)
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, func(cause error) {
		cancel(cause)
		stop()
	}
}

// run ends when work does: at the latest soon after its last caller left, which
// waits for that.
func (g *Group[K, V]) run(c *call[K, V], work func(context.Context) (V, error)) {
	defer close(c.done)
	defer c.cancel(nil)
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.forget(c)
	}()
	defer func() {
		if v := recover(); v != nil {
			c.err = fault.Panicked(v)
		}
	}()
	c.value, c.err = work(c.ctx)
}

// forget has newcomers begin work of their own. The group is locked.
func (g *Group[K, V]) forget(c *call[K, V]) {
	if g.calls[c.key] == c {
		delete(g.calls, c.key)
	}
}

// leave reports whether the caller is to claim the result: because it is there, or
// because the caller is the last one, whose leaving ends the work.
func (g *Group[K, V]) leave(c *call[K, V], why error, joined bool) (claim bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-c.done:
		return true
	default:
	}
	c.waiters--
	if c.waiters > 0 {
		c.orphaned = c.orphaned || !joined
		return false
	}
	g.forget(c)
	c.cancel(why)
	return true
}

// adopt reports whether the result becomes the caller's own, since the caller that
// began the work has left.
func (g *Group[K, V]) adopt(c *call[K, V]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	mine := c.orphaned
	c.orphaned = false
	return mine
}
