package catalog

import (
	"context"
	"time"
)

// Every returns a sequence, for a loop, of moments that are an interval apart, the first one
// after an interval. It ends when ctx does.
func Every(ctx context.Context, interval time.Duration) func(yield func() bool) {
	return func(yield func() bool) {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if !yield() {
					return
				}
			}
		}
	}
}
