package fetch

import (
	"context"
	"errors"
	"time"
)

// errTimeout is the cause of a context whose fetch took too long.
var errTimeout = errors.New("the time for one fetch is up")

// errStalled is the cause of a context whose large body almost stopped.
var errStalled = errors.New("the body has stalled")

// clock is a timeout that can be stopped: it ends a context after it has run for the
// time that is left. It begins stopped. It is for one goroutine.
type clock struct {
	left    time.Duration
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	started time.Time
}

// newClock returns a context and its stopped clock. The caller must call end.
func newClock(ctx context.Context, d time.Duration) (context.Context, *clock) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, &clock{left: d, cancel: cancel}
}

func (c *clock) run() {
	c.started = time.Now()
	c.timer = time.AfterFunc(c.left, func() { c.cancel(errTimeout) })
}

func (c *clock) stop() {
	if c.timer != nil && c.timer.Stop() {
		c.left -= time.Since(c.started)
	}
	c.timer = nil
}

func (c *clock) end() {
	c.stop()
	c.cancel(nil)
}
