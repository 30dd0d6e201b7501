package upstream_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// TestDoomedWaiters_EndSoon settles two 429s one after the other, of which the second
// asks for more time than the waiters have.
func TestDoomedWaiters_EndSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := keys("k")
		c.Fixed = 2
		g := mustGate(t, c)
		need := upstream.Need{Caller: catalog.Caller{ID: "a"}, Attempt: 1, Tokens: 500}
		var leases []*upstream.Lease
		for range c.Fixed {
			l, err := g.Acquire(t.Context(), need)
			if err != nil {
				t.Fatal(err)
			}
			leases = append(leases, l)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		var wg sync.WaitGroup
		for range 2000 {
			wg.Go(func() {
				_, err := g.Acquire(ctx, need)
				if took := time.Since(began); !fault.Is(err, fault.RateLimited) || took > 10*time.Millisecond {
					t.Errorf("%v after %v", err, took)
				}
			})
		}
		synctest.Wait()
		leases[0].Settle(upstream.Result{Outcome: upstream.Throttled})
		leases[1].Settle(upstream.Result{Outcome: upstream.Throttled, Header: http.Header{"Retry-After-Ms": {"60000"}}})
		wg.Wait()
	})
}
