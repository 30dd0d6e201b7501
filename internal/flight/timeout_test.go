package flight_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/flight"
)

func TestATimeoutHoldsWhenTheDeadlineMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group[string, time.Duration]
		work := func(ctx context.Context) (time.Duration, error) {
			began := time.Now()
			limited, cancel := flight.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			<-limited.Done()
			if err := limited.Err(); ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v, and the work's own: %v", err, ctx.Err())
			}
			return time.Since(began), nil
		}
		var all sync.WaitGroup
		all.Go(func() {
			hurried, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, _, _ = g.Share(hurried, "a", work)
		})
		synctest.Wait()
		if took, _, err := g.Share(t.Context(), "a", work); took != 2*time.Second || err != nil {
			t.Errorf("the time-out came after %v, %v", took, err)
		}
		all.Wait()
	})
}
