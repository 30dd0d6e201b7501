package app_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

var chair = credenza.Item{ProductName: "oak chair"}

func TestCachePolicies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Latency: llmsim.Latency{Median: time.Second}})
		ask := func(policy credenza.CachePolicy) credenza.Trace {
			r, err := w.client.Classify(t.Context(), chair, credenza.Options{Cache: policy})
			if err != nil || r.Err != nil {
				t.Fatal(err, r.Err)
			}
			return r.Trace
		}
		for i, step := range []struct {
			policy credenza.CachePolicy
			calls  int64 // in all, after it
		}{
			{credenza.CacheBypass, 1},
			{credenza.CacheUse, 2},
			{credenza.CacheUse, 2},
			{credenza.CacheBypass, 3},
			{credenza.CacheRefresh, 4},
			{credenza.CacheUse, 4},
		} {
			before := w.sim.Calls()
			trace := ask(step.policy)
			if w.sim.Calls() != step.calls || trace.Cached != (before == step.calls) {
				t.Errorf("step %d: %d calls, %+v", i, w.sim.Calls(), trace)
			}
		}
		var together sync.WaitGroup
		for range 5 { // none shares, then all share
			together.Go(func() { ask(credenza.CacheBypass) })
		}
		together.Wait()
		if w.sim.Calls() != 9 {
			t.Errorf("five that bypass made %d calls", w.sim.Calls()-4)
		}
		for range 5 {
			together.Go(func() { ask(credenza.CacheRefresh) })
		}
		together.Wait()
		if w.sim.Calls() != 10 {
			t.Errorf("five that refresh made %d calls", w.sim.Calls()-9)
		}
	})
}

func TestWhoLeavesTakesNothingFromTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Latency: llmsim.Latency{Median: 10 * time.Second}})
		leader, leave := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() {
			if _, err := w.client.Classify(leader, chair, credenza.Options{}); err == nil {
				t.Error("the leader got an answer")
			}
		})
		synctest.Wait()
		var paid atomic.Int64
		for range 3 {
			callers.Go(func() {
				r, err := w.client.Classify(t.Context(), chair, credenza.Options{})
				if err != nil || r.Err != nil {
					t.Error(err, r.Err)
				}
				paid.Add(int64(r.Trace.Attempts))
			})
			synctest.Wait()
		}
		time.Sleep(time.Second)
		leave()
		callers.Wait()
		if w.sim.Calls() != 1 || paid.Load() != 1 {
			t.Errorf("%d calls, of which %d are in a trace", w.sim.Calls(), paid.Load())
		}
	})
}

func TestWhatIsUrgentDoesNotWaitAsBulk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Latency: llmsim.Latency{Median: time.Second}}, "--max-workers=1")
		var callers sync.WaitGroup
		ask := func(it credenza.Item, bulk bool) {
			if _, err := w.client.Classify(t.Context(), it, credenza.Options{Bulk: bulk}); err != nil {
				t.Error(err)
			}
		}
		for _, it := range append(goods(50, nil), chair) {
			callers.Go(func() { ask(it, true) })
			synctest.Wait()
		}
		began := time.Now()
		ask(chair, false)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		callers.Wait()
	})
}

func TestWorkEndsWithItsLastWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Latency: llmsim.Latency{Median: 10 * time.Second}})
		ctx, leave := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		for range 3 {
			callers.Go(func() { _, _ = w.client.Classify(ctx, chair, credenza.Options{}) })
		}
		time.Sleep(time.Second)
		leave()
		callers.Wait()
		time.Sleep(100 * time.Millisecond)
		if s := w.sim.Stats(); s.Calls != 1 || s.InFlight != 0 {
			t.Errorf("%d calls, %d in flight", s.Calls, s.InFlight)
		}
	})
}

func TestErrorsAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{}, "--fallback=offline")
		declined := chair
		declined.Description = "sim:refuse"
		for i := range 3 {
			r, err := w.client.Classify(t.Context(), declined, credenza.Options{})
			if err != nil || r.Err != nil || r.Trace.Backend != "offline" || r.Trace.Cached {
				t.Fatal(err, r.Err, r.Trace)
			}
			if w.sim.Calls() != int64(i)+1 {
				t.Errorf("after %d questions there were %d calls", i+1, w.sim.Calls())
			}
		}
	})
}

// The reason of an item whose time is up must be the same whether it waits for its
// own question or shares another's, as the last or as one of many.
func TestSharersFailForTheTrueReason(t *testing.T) {
	for reason, c := range map[string]struct {
		sim  llmsim.Config
		busy int // other items before these
	}{
		"UPSTREAM_TIMEOUT":     {sim: llmsim.Config{Latency: llmsim.Latency{Median: time.Hour}}},
		"RATE_LIMITED":         {sim: llmsim.Config{Quota: llmsim.Quota{Requests: llmsim.Limit{Amount: 1}}}, busy: 10},
		"UPSTREAM_UNAVAILABLE": {sim: llmsim.Config{Outages: []llmsim.Outage{{For: time.Hour, Kind: "503"}}}},
		"DEADLINE_EXCEEDED":    {sim: llmsim.Config{Latency: llmsim.Latency{Median: 20 * time.Second}}, busy: 4},
	} {
		t.Run(reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := build(t, c.sim, "--max-workers=2")
				var callers sync.WaitGroup
				for _, it := range goods(c.busy, nil) {
					callers.Go(func() { _, _ = w.client.Classify(t.Context(), it, credenza.Options{}) })
				}
				synctest.Wait()
				for _, limit := range []time.Duration{6 * time.Second, 8 * time.Second, 10 * time.Second} {
					callers.Go(func() {
						began := time.Now()
						r, err := w.client.Classify(t.Context(), chair, credenza.Options{ItemTimeout: limit})
						if err != nil || r.Err == nil || r.Err.Reason != reason {
							t.Errorf("after %v of %v: %v, %v", time.Since(began), limit, r.Err, err)
						}
					})
				}
				callers.Wait()
			})
		})
	}
}

func TestASharerWithMoreTimeGetsTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Alone, the first would be told at once that there is no quota in its time.
		w := build(t, llmsim.Config{Quota: llmsim.Quota{Requests: llmsim.Limit{Amount: 1}}})
		if _, err := w.client.Classify(t.Context(), credenza.Item{ProductName: "elm bench"}, credenza.Options{}); err != nil {
			t.Fatal(err)
		}
		var callers sync.WaitGroup
		ask := func(limit time.Duration, want string) {
			r, err := w.client.Classify(t.Context(), chair, credenza.Options{ItemTimeout: limit})
			got := ""
			if r.Err != nil {
				got = r.Err.Reason
			}
			if err != nil || got != want {
				t.Errorf("with %v: %v, %v, want %q", limit, r.Err, err, want)
			}
		}
		callers.Go(func() { ask(2*time.Minute, "") })
		synctest.Wait()
		ask(10*time.Second, "RATE_LIMITED")
		callers.Wait()
	})
}
