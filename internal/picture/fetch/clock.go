package fetch

import (
	"context"
	"errors"
	"time"
)

// errSlow is why a fetch's context ended when its own time was up.
var errSlow = errors.New("the time for one fetch is up")

// errStopped is why it ended when a large body all but stopped.
var errStopped = errors.New("the body does not come any further")

// clock ends a context once it has run for so long. It stands still until run,
// and between stop and run. It belongs to one goroutine.
type clock struct {
	left    time.Duration
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	started time.Time
}

// newClock returns a context and its clock. The caller must call end.
func newClock(ctx context.Context, d time.Duration) (context.Context, *clock) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, &clock{left: d, cancel: cancel}
}

func (c *clock) run() {
	c.started = time.Now()
	c.timer = time.AfterFunc(c.left, func() { c.cancel(errSlow) })
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
