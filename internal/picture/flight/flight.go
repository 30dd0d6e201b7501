// Package flight shares work under way: callers who want the same thing at the
// same time wait for one piece of work.
//
// The work belongs to no caller. It runs on a goroutine of its own with a
// context that ends when its last waiter has left, so that a caller who goes
// away neither takes the result from the others nor leaves work behind that
// nobody waits for.
//
//	v, err := group.Do(ctx, "https://shop.example/1.jpg", fetch)
package flight

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Group is a set of things that can be under way. The zero value is ready. It is
// safe for concurrent use and must not be copied.
type Group[K comparable, V any] struct {
	mu    sync.Mutex
	calls map[K]*call[V]
}

type call[V any] struct {
	waiters int // guarded by the group
	cancel  context.CancelFunc
	done    chan struct{} // closed when value and err are set
	value   V
	err     error
}

// Do returns what work returns, running it only if nobody else does for the same
// key. The error is work's, or ctx's if that ends first. The last caller to
// leave waits until the work has taken note, so work must heed its context. A
// panic in work is an Internal fault. Nothing is remembered once work has ended.
func (g *Group[K, V]) Do(ctx context.Context, key K, work func(context.Context) (V, error)) (V, error) {
	var zero V
	if err := ctx.Err(); err != nil {
		return zero, err
	}
	c := g.join(ctx, key, work)
	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
		if g.leave(key, c) {
			<-c.done
		}
		return zero, ctx.Err()
	}
}

func (g *Group[K, V]) join(ctx context.Context, key K, work func(context.Context) (V, error)) *call[V] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c, ok := g.calls[key]; ok {
		c.waiters++
		return c
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c := &call[V]{waiters: 1, cancel: cancel, done: make(chan struct{})}
	if g.calls == nil {
		g.calls = map[K]*call[V]{}
	}
	g.calls[key] = c
	go g.run(ctx, key, c, work)
	return c
}

// run ends when work does: at the latest soon after its last waiter left, who
// waits for that.
func (g *Group[K, V]) run(ctx context.Context, key K, c *call[V], work func(context.Context) (V, error)) {
	defer close(c.done)
	defer c.cancel()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.forget(key, c)
	}()
	defer func() {
		if v := recover(); v != nil {
			c.err = fault.Wrap(fmt.Errorf("panic: %v\n%s", v, debug.Stack()), fault.Internal,
				"a fault of the service: try again, and report it if it stays")
		}
	}()
	c.value, c.err = work(ctx)
}

// leave reports whether the caller was the last. From then on newcomers begin
// anew: what was cancelled is nobody's result.
func (g *Group[K, V]) leave(key K, c *call[V]) (last bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.waiters--; c.waiters > 0 {
		return false
	}
	g.forget(key, c)
	c.cancel()
	return true
}

func (g *Group[K, V]) forget(key K, c *call[V]) {
	if g.calls[key] == c {
		delete(g.calls, key)
	}
}
