package app_test

import (
	"context"
	"strconv"
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

func TestCallerThatLeaves_TakesNothingFromTheOthers(t *testing.T) {
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

// A caller that leaves shared work gets its own deadline's error; one that is alone, or
// the last one, or there when the work ends, gets the true reason.
func TestSharers_FailForTheTrueReason(t *testing.T) {
	const late = "DEADLINE_EXCEEDED"
	for reason, c := range map[string]struct {
		sim   llmsim.Config
		busy  int    // other items before these
		early string // what callers get that leave before the last one
	}{
		"UPSTREAM_TIMEOUT":     {sim: llmsim.Config{Latency: llmsim.Latency{Median: time.Hour}}, early: late},
		"RATE_LIMITED":         {sim: llmsim.Config{Quota: llmsim.Quota{Requests: llmsim.Limit{Amount: 1}}}, busy: 10, early: late},
		"UPSTREAM_UNAVAILABLE": {sim: llmsim.Config{Outages: []llmsim.Outage{{For: time.Hour, Kind: "503"}}}, early: "UPSTREAM_UNAVAILABLE"},
		late:                   {sim: llmsim.Config{Latency: llmsim.Latency{Median: 20 * time.Second}}, busy: 4, early: late},
	} {
		for name, limits := range map[string][]time.Duration{
			"alone":  {10 * time.Second},
			"shared": {6 * time.Second, 8 * time.Second, 10 * time.Second},
			// The work ends with them, so none leaves before.
			"equal": {130 * time.Second, 130 * time.Second, 130 * time.Second},
		} {
			if name == "equal" && reason == late {
				continue // by then it has had its turn
			}
			t.Run(reason+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := build(t, c.sim, "--max-workers=2")
					if reason == late { // else the first questions go one by one
						classify(t, w.client, goods(1, nil), credenza.Options{Cache: credenza.CacheBypass})
					}
					var callers sync.WaitGroup
					for _, it := range goods(c.busy, nil) {
						callers.Go(func() { _, _ = w.client.Classify(t.Context(), it, credenza.Options{}) })
					}
					synctest.Wait()
					for i, limit := range limits {
						want := c.early
						if i == len(limits)-1 || name == "equal" {
							want = reason
						}
						callers.Go(func() {
							began := time.Now()
							r, err := w.client.Classify(t.Context(), chair, credenza.Options{ItemTimeout: limit})
							if err != nil || r.Err == nil || string(r.Err.Reason) != want {
								t.Errorf("after %v of %v: %v, %v", time.Since(began), limit, r.Err, err)
							}
						})
						synctest.Wait()
					}
					callers.Wait()
				})
			})
		}
	}
}

func TestSharers_HurriedOneTakesNothingFromTheOthers(t *testing.T) {
	for name, limits := range map[string][2]time.Duration{
		"the first one":  {time.Second, 2 * time.Minute},
		"one that joins": {2 * time.Minute, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := build(t, llmsim.Config{Latency: llmsim.Latency{Median: 20 * time.Second}})
				var callers sync.WaitGroup
				for _, limit := range limits {
					want := ""
					if limit == time.Second {
						want = "DEADLINE_EXCEEDED"
					}
					callers.Go(func() {
						began := time.Now()
						r, err := w.client.Classify(t.Context(), chair, credenza.Options{ItemTimeout: limit})
						if err != nil || (r.Err == nil) != (want == "") || r.Err != nil && string(r.Err.Reason) != want {
							t.Errorf("after %v of %v: %v, %v", time.Since(began), limit, r.Err, err)
						}
					})
					synctest.Wait()
				}
				callers.Wait()
				if w.sim.Calls() != 1 {
					t.Errorf("%d calls", w.sim.Calls())
				}
			})
		})
	}
}

// The last one that leaves, at its deadline, ends the call to the model.
func TestSharers_LastDeadlineEndsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Latency: llmsim.Latency{Median: time.Minute}})
		var callers sync.WaitGroup
		for _, limit := range []time.Duration{time.Second, 3 * time.Second, 2 * time.Second} {
			callers.Go(func() {
				_, _ = w.client.Classify(t.Context(), chair, credenza.Options{ItemTimeout: limit})
			})
		}
		time.Sleep(2900 * time.Millisecond)
		if s := w.sim.Stats(); s.InFlight != 1 {
			t.Errorf("%d calls in flight before the last deadline", s.InFlight)
		}
		time.Sleep(200 * time.Millisecond)
		if s := w.sim.Stats(); s.Calls != 1 || s.InFlight != 0 {
			t.Errorf("%d calls, %d in flight 100 ms after the last deadline", s.Calls, s.InFlight)
		}
		callers.Wait()
	})
}

// An item learns at once of a pause that outlasts the bound of shared work, and at its
// own deadline of a shorter one; either way it is told when to come again.
func TestPause_IsToldWithTheTimeToComeAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		pause, limit, told time.Duration
	}{
		"at once":         {4 * time.Minute, 0, 0},
		"at its deadline": {time.Minute, 10 * time.Second, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := build(t, llmsim.Config{Rules: llmsim.Behaviour{{Status: 429, Header: map[string]string{"Retry-After": strconv.Itoa(int(tt.pause.Seconds()))}}}})
				began := time.Now()
				r, err := w.client.Classify(t.Context(), chair, credenza.Options{ItemTimeout: tt.limit})
				if err != nil || r.Err == nil || r.Err.Reason != "RATE_LIMITED" {
					t.Fatal(r.Err, err)
				}
				took := time.Since(began)
				if again := tt.pause - took; took > tt.told+time.Second || r.Err.RetryAfter < again-time.Second || r.Err.RetryAfter > tt.pause {
					t.Errorf("after %v: %v, to come again in %v", took, r.Err, r.Err.RetryAfter)
				}
			})
		})
	}
}
