package flight

import (
	"context"
	"sync"
	"time"
)

// waiter is one who waits for shared work.
type waiter struct {
	// outer is the shared work in which this one waits for another, nil for none.
	outer    *span
	deadline func() (time.Time, bool)
	joined   bool // others were there before
}

// linkTo has the work within which w waits explain itself by what it waits for.
func (w *waiter) linkTo(inner *span) {
	if w.outer != nil {
		w.outer.setWhy(func() error { return inner.explain(nil) })
	}
}

// span is the context of shared work. It has the values of who began it and the
// latest deadline of those who wait. It ends with the last of them, by the error
// of that one's own context.
type span struct {
	values context.Context //nolint:containedctx // it is a context itself
	ended  context.Context //nolint:containedctx // done and its followers
	cancel context.CancelFunc
	forget func() // takes the work out of its group, whose lock is held

	mu      sync.Mutex
	waiters map[*waiter]struct{}
	err     error
	why     func() error
}

type spanKey struct{}

func newSpan(ctx context.Context) *span {
	s := &span{values: context.WithoutCancel(ctx), waiters: map[*waiter]struct{}{}}
	s.ended, s.cancel = context.WithCancel(context.Background())
	return s
}

// spanOf returns the shared work that ctx belongs to, nil for none.
func spanOf(ctx context.Context) *span {
	s, _ := ctx.Value(spanKey{}).(*span)
	return s
}

// Explain tells what holds the work of ctx up, for those who leave at their
// deadline while others go on. It replaces what was said before; nil says nothing.
// why is called from any goroutine, at any time until then. Where the work is not
// shared, nothing happens.
func Explain(ctx context.Context, why func() error) {
	if s := spanOf(ctx); s != nil {
		s.setWhy(why)
	}
}

func (s *span) setWhy(why func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.why = why
}

// explain returns why one leaves whose own context ended with err: for a
// deadline, what holds the work up. Without err it returns that alone.
func (s *span) explain(err error) error {
	if err == context.Canceled { //nolint:errorlint // contexts return it as it is
		return err
	}
	s.mu.Lock()
	why := s.why
	s.mu.Unlock()
	if why == nil {
		return err
	}
	if held := why(); held != nil {
		return held
	}
	return err
}

func (s *span) enter(w *waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.joined = len(s.waiters) > 0
	s.waiters[w] = struct{}{}
}

// leave reports whether w was the last.
func (s *span) leave(w *waiter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiters, w)
	return len(s.waiters) == 0
}

func (s *span) end(why error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = why
	}
	s.mu.Unlock()
	s.cancel()
}

// Deadline is the latest of those who wait, none if one of them has none.
func (s *span) Deadline() (latest time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.waiters {
		at, bounded := w.deadline()
		if !bounded {
			return time.Time{}, false
		}
		if at.After(latest) {
			latest = at
		}
	}
	return latest, len(s.waiters) > 0
}

// Done is closed when the last one has left.
func (s *span) Done() <-chan struct{} { return s.ended.Done() }

// Err is the error of the last one's context.
func (s *span) Err() error {
	if s.ended.Err() == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Value returns what the one who began the work had with it.
func (s *span) Value(key any) any {
	if key == (spanKey{}) {
		return s
	}
	return s.values.Value(key)
}

// AfterFunc lets contexts that are derived from this one follow it without a
// goroutine of their own: see context.AfterFunc.
func (s *span) AfterFunc(f func()) (stop func() bool) { return context.AfterFunc(s.ended, f) }
