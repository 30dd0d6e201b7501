package upstream_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/upstream"
)

func from(caller string) upstream.Need {
	return upstream.Need{Caller: catalog.Caller{ID: caller}, Attempt: 1}
}

// warm lets a gate see what is usual: n answers of 100 ms.
func warm(t *testing.T, g *upstream.Gate, n int) {
	t.Helper()
	for range n {
		l := mustLease(t, g)
		time.Sleep(100 * time.Millisecond)
		l.Settle(upstream.Result{Outcome: upstream.Succeeded})
	}
}

// TestCallersComeAndGo has callers that wait alone, leave early, and come again:
// none may be counted twice, and nothing may be left of any.
func TestCallersComeAndGo(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			g := mustGate(t, fixedPool(3))
			rng := rand.New(rand.NewPCG(seed, 2))
			var wg sync.WaitGroup
			for range 3000 {
				n := from(strconv.Itoa(rng.IntN(6)))
				if rng.IntN(4) == 0 {
					n.Priority = catalog.Bulk
				}
				at := time.Duration(rng.IntN(20000)) * time.Millisecond
				takes := time.Duration(rng.IntN(40)+5) * time.Millisecond
				patience := time.Duration(rng.IntN(400)+1) * time.Millisecond
				wg.Go(func() {
					time.Sleep(at)
					ctx, cancel := context.WithTimeout(context.Background(), patience)
					defer cancel()
					if l, err := g.Acquire(ctx, n); err == nil {
						time.Sleep(takes)
						l.Settle(upstream.Result{Outcome: upstream.Succeeded})
					}
				})
			}
			wg.Wait()
			if s := g.Status(); s.InFlight != 0 || s.QueuedInteractive != 0 || s.QueuedBulk != 0 {
				t.Errorf("seed %d: left behind %+v", seed, s)
			}
		})
	}
}

func TestBulkSavesNoShareUpWhileItCannotStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(10))
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		work := func(n upstream.Need, times int) {
			for range times {
				l, err := g.Acquire(ctx, n)
				if err != nil {
					return
				}
				time.Sleep(50 * time.Millisecond)
				l.Settle(upstream.Result{Outcome: upstream.Succeeded})
			}
		}
		bulk := from("bulk")
		bulk.Priority = catalog.Bulk
		retry := bulk
		retry.NotBefore, retry.Attempt = time.Now().Add(time.Minute), 2
		wg.Go(func() { work(retry, 1) })
		for range 20 {
			wg.Go(func() { work(from("busy"), 590) })
		}
		time.Sleep(58 * time.Second)
		for range 2000 {
			wg.Go(func() { work(bulk, 1) })
		}
		synctest.Wait()
		began := time.Now()
		work(from("newcomer"), 1)
		if took := time.Since(began); took > 300*time.Millisecond {
			t.Errorf("a newcomer's call of 50 ms took %v", took)
		}
		cancel()
		wg.Wait()
	})
}

func TestHangingCallsAreNoticedThoughNothingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(32))
		warm(t, g, 200)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				l, err := g.Acquire(t.Context(), anyone)
				if err != nil {
					t.Error(err)
					return
				}
				given := make(chan struct{})
				l.WhenGivenUp(func() { close(given) })
				select {
				case <-given:
				case <-time.After(l.Timeout()):
				}
				l.Settle(upstream.Result{Outcome: upstream.TimedOut})
			})
		}
		time.Sleep(4 * time.Second)
		if s := g.Status(); !s.Groups[0].Open || s.Counters.GivenUp != 20 {
			t.Errorf("after 4 s: open %v, %d given up", s.Groups[0].Open, s.Counters.GivenUp)
		}
		wg.Wait()
	})
}

func TestManyBrokenCallsAreAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(32))
		warm(t, g, 10)
		sent := 0
		for !g.Status().Groups[0].Open && sent < 100 {
			l := mustLease(t, g)
			time.Sleep(10 * time.Millisecond)
			l.Settle(upstream.Result{Outcome: upstream.Broken})
			sent++
		}
		if sent != 15 {
			t.Errorf("the breaker opened after %d broken calls", sent)
		}
	})
}

func TestProbesDoNotPutTheFirstCallsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(32))
		l := mustLease(t, g)
		used := http.Header{"X-Ratelimit-Limit-Requests": {"100"}, "X-Ratelimit-Remaining-Requests": {"5"}, "X-Ratelimit-Reset-Requests": {"20s"}}
		l.Settle(upstream.Result{Outcome: upstream.Succeeded, Header: used})
		began := time.Now()
		for try := 1; ; try++ {
			n := anyone
			n.Attempt = try
			l, err := g.Acquire(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
			if time.Since(began) > 22*time.Second {
				l.Settle(upstream.Result{Outcome: upstream.Succeeded})
				break
			}
			advice := l.Settle(upstream.Result{Outcome: upstream.Overloaded})
			time.Sleep(time.Until(advice.NotBefore) + time.Millisecond)
		}
		mustLeaseWithin(t, g, 2*time.Second).Settle(upstream.Result{Outcome: upstream.Succeeded})
	})
}

func TestDeadlineInAnOutageSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(4))
		for range 5 {
			l := mustLease(t, g)
			time.Sleep(time.Millisecond)
			l.Settle(upstream.Result{Outcome: upstream.Overloaded})
		}
		for _, after := range []upstream.Outcome{upstream.Abandoned, upstream.TimedOut, upstream.Throttled} {
			n := anyone
			n.After, n.NotBefore = after, time.Now().Add(time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			_, err := g.Acquire(ctx, n)
			cancel()
			if !fault.Is(err, fault.UpstreamUnavailable) {
				t.Errorf("after %v: %v", after, err)
			}
		}
	})
}

func TestAbsurdTokenLimitIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(4))
		n := anyone
		n.Tokens = 900
		l := mustLease(t, g)
		absurd := http.Header{"X-Ratelimit-Limit-Tokens": {"1"}, "X-Ratelimit-Remaining-Tokens": {"0"}, "X-Ratelimit-Reset-Tokens": {"1s"}}
		l.Settle(upstream.Result{Outcome: upstream.Succeeded, Header: absurd})
		if _, err := g.Acquire(t.Context(), n); !fault.Is(err, fault.InvalidItem) {
			t.Errorf("within the minute: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if _, err := g.Acquire(t.Context(), n); err != nil {
			t.Errorf("later: %v", err)
		}
	})
}

func TestRetryBudgetForgives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(64))
		fail := func() time.Duration {
			l := mustLeaseWithin(t, g, time.Minute)
			advice := l.Settle(upstream.Result{Outcome: upstream.Broken})
			l2 := mustLeaseWithin(t, g, time.Minute)
			l2.Settle(upstream.Result{Outcome: upstream.Succeeded})
			return time.Until(advice.NotBefore)
		}
		for range 2000 {
			fail()
		}
		time.Sleep(30 * time.Second)
		if wait := fail(); wait > time.Second {
			t.Errorf("half a minute later a retry is put off %v", wait)
		}
	})
}
