package upstream_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/upstream"
)

func TestCancelledWaiterLeavesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(1))
		l := mustLease(t, g)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := g.Acquire(ctx, anyone)
			done <- err
		}()
		synctest.Wait()
		if s := g.Status(); s.QueuedInteractive != 1 {
			t.Fatalf("%+v", s)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if s := g.Status(); s.QueuedInteractive != 0 {
			t.Errorf("still in the queue: %+v", s)
		}
		l.Settle(upstream.Result{})
		mustLease(t, g).Settle(upstream.Result{})
	})
}

func TestFullQueueTurnsNewCallsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fixedPool(1)
		c.QueueBound = 2
		g := mustGate(t, c)
		l := mustLease(t, g)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		for range 2 {
			if err := g.Full(anyone.Caller, anyone.Priority); err != nil {
				t.Fatal(err)
			}
			go func() {
				_, err := g.Acquire(ctx, anyone)
				done <- err
			}()
			synctest.Wait()
		}
		if err := g.Full(anyone.Caller, anyone.Priority); !fault.Is(err, fault.ServerFull) || fault.From(err).RetryAfter <= 0 {
			t.Errorf("got %v", err)
		}
		cancel()
		for range 2 {
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		l.Settle(upstream.Result{})
		if err := g.Full(anyone.Caller, anyone.Priority); err != nil {
			t.Error(err)
		}
	})
}

func TestPauseOutlastsTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(2))
		waiter := make(chan error)
		l, other := mustLease(t, g), mustLease(t, g)
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := g.Acquire(ctx, anyone)
			waiter <- err
		}()
		synctest.Wait()
		began := time.Now()
		advice := l.Settle(upstream.Result{Outcome: upstream.Throttled, Header: http.Header{"Retry-After": {"60"}}})
		if err := <-waiter; !fault.Is(err, fault.RateLimited) || time.Since(began) > 0 {
			t.Errorf("the one who waited got %v after %v", err, time.Since(began))
		}
		f := wantFault(t, g, anyone, 30*time.Second, fault.RateLimited, true)
		if f.RetryAfter < 59*time.Second || f.RetryAfter > time.Minute {
			t.Errorf("it says to come back in %v", f.RetryAfter)
		}
		// The later of two ends wins.
		other.Settle(upstream.Result{Outcome: upstream.Throttled, Header: http.Header{"Retry-After": {"5"}}})
		if advice.Counts || advice.Asked != time.Minute || time.Until(advice.NotBefore) < time.Minute {
			t.Errorf("%+v", advice)
		}
		if s := g.Status(); s.Groups[0].Paused < 59*time.Second {
			t.Errorf("paused for %v", s.Groups[0].Paused)
		}
		mustLeaseWithin(t, g, 2*time.Minute).Settle(upstream.Result{})
		if d := time.Since(began); d < time.Minute || d > 62*time.Second {
			t.Errorf("the pause took %v", d)
		}
	})
}

func mustLeaseWithin(t *testing.T, g *upstream.Gate, d time.Duration) *upstream.Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	l, err := g.Acquire(ctx, anyone)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestItemOverTheTokenLimitFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fixedPool(1)
		c.Groups[0].TokensPerMinute = 1000
		g := mustGate(t, c)
		n := anyone
		n.Tokens = 1001
		_ = wantFault(t, g, n, time.Minute, fault.InvalidItem, true)
	})
}

func TestTheFaultSaysWhatWasWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(8))
		for range 5 {
			mustLease(t, g).Settle(upstream.Result{Outcome: upstream.Overloaded})
		}
		if s := g.Status().Groups[0]; !s.Open {
			t.Fatalf("the breaker is closed: %+v", s)
		}
		_ = wantFault(t, g, anyone, 100*time.Millisecond, fault.UpstreamUnavailable, false)
		probe := mustLeaseWithin(t, g, time.Second)
		if probe.Settle(upstream.Result{Outcome: upstream.Overloaded}).Counts {
			t.Error("a probe counts as an attempt")
		}
		mustLeaseWithin(t, g, time.Second).Settle(upstream.Result{Outcome: upstream.Succeeded})
		mustLease(t, g).Settle(upstream.Result{Outcome: upstream.Succeeded})
		n := anyone
		n.After, n.NotBefore = upstream.TimedOut, time.Now().Add(time.Hour)
		_ = wantFault(t, g, n, time.Minute, fault.UpstreamTimeout, true)
	})
}

func TestRetriesGoAheadAndNotBeforeTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(1))
		l := mustLease(t, g)
		began, order := time.Now(), make(chan string, 2)
		ask := func(name string, n upstream.Need) {
			l, err := g.Acquire(t.Context(), n)
			if err != nil {
				t.Error(err)
				return
			}
			order <- name
			time.Sleep(time.Second)
			l.Settle(upstream.Result{Outcome: upstream.Succeeded})
		}
		go ask("fresh", anyone)
		retry := anyone
		retry.Attempt, retry.NotBefore = 2, began.Add(500*time.Millisecond)
		go ask("retry", retry)
		time.Sleep(time.Second)
		l.Settle(upstream.Result{Outcome: upstream.Succeeded})
		if first, second := <-order, <-order; first != "retry" || second != "fresh" {
			t.Errorf("%s went before %s", first, second)
		}
		synctest.Wait()
		time.Sleep(time.Second)
		late := anyone
		late.NotBefore = time.Now().Add(3 * time.Second)
		began = time.Now()
		go ask("late", late)
		if <-order; time.Since(began) != 3*time.Second {
			t.Errorf("started after %v", time.Since(began))
		}
		time.Sleep(2 * time.Second)
	})
}

func TestHedgesTakeOnlyWhatIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fixedPool(2)
		c.HedgeShare = 0.1
		g := mustGate(t, c)
		if _, ok := g.Hedge(anyone); ok {
			t.Error("a hedge without any success to pay for it")
		}
		for range 11 {
			mustLease(t, g).Settle(upstream.Result{Outcome: upstream.Succeeded})
		}
		a, b := mustLease(t, g), mustLease(t, g)
		if _, ok := g.Hedge(anyone); ok {
			t.Error("a hedge beyond the pool")
		}
		b.Settle(upstream.Result{Outcome: upstream.Succeeded})
		h, ok := g.Hedge(anyone)
		if !ok {
			t.Fatal("no hedge although there is room")
		}
		h.Settle(upstream.Result{Outcome: upstream.Abandoned})
		a.Settle(upstream.Result{Outcome: upstream.Succeeded})
		if _, ok := g.Hedge(anyone); ok {
			t.Error("a second hedge on one budget")
		}
	})
}
