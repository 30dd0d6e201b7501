package upstream_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// refused is how a call ends whose server is not there.
var refused = upstream.Result{Outcome: upstream.Overloaded, Cause: "connection refused"}

// within asks for a lease with a deadline.
func within(t *testing.T, g *upstream.Gate, need upstream.Need, d time.Duration) (*upstream.Lease, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return g.Acquire(ctx, need)
}

// breakDown opens the breaker of every group that the need is served by.
func breakDown(t *testing.T, g *upstream.Gate, need upstream.Need, calls int) {
	t.Helper()
	var leases []*upstream.Lease
	for range calls {
		l, err := within(t, g, need, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		leases = append(leases, l)
	}
	for _, l := range leases {
		l.Settle(refused)
	}
}

// probe has items with an hour each try for as long as d says, which all fail.
func probe(t *testing.T, g *upstream.Gate, need upstream.Need, d time.Duration) {
	t.Helper()
	for began := time.Now(); time.Since(began) < d; {
		l, err := within(t, g, need, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		l.Settle(refused)
	}
}

func hosts(g *upstream.Gate) (list []string) {
	outages, _ := g.Outages()
	for _, o := range outages {
		list = append(list, o.Host+": "+o.Cause)
	}
	return list
}

func TestOutage_IsToldAfterTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fixedPool(8)
		c.Groups[0].BaseURL = "https://user:password@llm.test:8443/v1/secret?sig=secret"
		g := mustGate(t, c)
		_, changed := g.Outage("any")
		began := time.Now()
		breakDown(t, g, anyone, 5)
		if o, _ := g.Outage("any"); o != nil {
			t.Errorf("told at once: %+v", o)
		}
		<-changed
		o, changed := g.Outage("any")
		if took := time.Since(began); o == nil || took != 2*time.Second || !o.Since.Equal(began) {
			t.Fatalf("%+v after %v", o, took)
		}
		if o.String() != "the model at llm.test:8443 does not answer (connection refused)" {
			t.Errorf("it says %q", o)
		}
		l, err := within(t, g, anyone, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		l.Settle(upstream.Result{Outcome: upstream.Succeeded})
		<-changed
		if o, _ := g.Outage("any"); o != nil || hosts(g) != nil {
			t.Errorf("still told: %+v", o)
		}
	})
}

func TestOutage_FailsItemsByWhatTheyMayTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(8))
		breakDown(t, g, anyone, 5)
		probe(t, g, anyone, 20*time.Second)
		f := wantFault(t, g, anyone, 10*time.Second, fault.UpstreamUnavailable, true)
		if !strings.Contains(f.Message, "the model at model.test does not answer (connection refused), and has not for 2") {
			t.Errorf("it says %q", f.Message)
		}
		began := anyone
		began.Began = time.Now().Add(-25 * time.Second)
		_ = wantFault(t, g, began, 1500*time.Millisecond, fault.UpstreamUnavailable, false)
	})
}

// endable is a context whose deadline comes when a test says so, and wakes no one.
type endable struct{ ended atomic.Bool }

func (c *endable) Deadline() (time.Time, bool) { return time.Time{}, false }

func (c *endable) Done() <-chan struct{} { return nil }

func (c *endable) Value(any) any { return nil }

func (c *endable) Err() error {
	if c.ended.Load() {
		return context.DeadlineExceeded
	}
	return nil
}

// TestOutage_IsToldToItemsWhoseDeadlineComes has a deadline come before the item asks for a
// lease, and at the moment in which it gets one.
func TestOutage_IsToldToItemsWhoseDeadlineComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(8))
		breakDown(t, g, anyone, 5)
		_ = wantFault(t, g, anyone, 0, fault.UpstreamUnavailable, true)
		ctx := &endable{}
		time.AfterFunc(time.Nanosecond, func() { ctx.ended.Store(true) })
		lease, err := g.Acquire(ctx, anyone) // waits for the first probe
		if f := fault.From(err); lease != nil || f.Reason != fault.UpstreamUnavailable || !strings.Contains(f.Message, "connection refused") {
			t.Errorf("got %v, error %v", lease, err)
		}
		if s := g.Status(); s.InFlight != 0 || s.QueuedInteractive != 0 {
			t.Errorf("%d in flight, %d wait", s.InFlight, s.QueuedInteractive)
		}
	})
}

func TestOutage_IsProbedByItemsThatItFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(8))
		breakDown(t, g, anyone, 5)
		probe(t, g, anyone, 20*time.Second)
		leases, failed := 0, 0
		for range 300 { // 30 s
			time.Sleep(100 * time.Millisecond)
			l, err := within(t, g, anyone, 10*time.Second)
			if fault.Is(err, fault.UpstreamUnavailable) {
				failed++
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			leases++
			l.Settle(refused)
		}
		if leases < 14 || leases > 16 || failed != 300-leases {
			t.Errorf("%d probes and %d failures in 30 s, want a probe each 2 s", leases, failed)
		}
	})
}

func TestOutage_HoldsUpNoModelThatAnotherServerHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := []upstream.Key{{}}
		g := mustGate(t, upstream.Config{Fixed: 16, Groups: []upstream.Group{
			{BaseURL: "http://one.test", Keys: key, Models: map[string]string{"both": "x", "first": "x"}},
			{BaseURL: "http://two.test", Keys: key, Models: map[string]string{"both": "x"}},
		}})
		first, both := anyone, anyone
		first.Model, both.Model = "first", "both"
		breakDown(t, g, first, 5)
		time.Sleep(3 * time.Second)
		if o, _ := g.Outage("first"); o == nil || o.Host != "one.test" {
			t.Errorf("of the first: %+v", o)
		}
		if o, _ := g.Outage("both"); o != nil {
			t.Errorf("of both: %+v", o)
		}
		if got := hosts(g); len(got) != 1 || got[0] != "one.test: connection refused" {
			t.Errorf("outages %v", got)
		}
	})
}

func TestOutage_OfAServerIsThatOfAllItsKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := []upstream.Key{{}}
		g := mustGate(t, upstream.Config{Fixed: 16, Groups: []upstream.Group{
			{BaseURL: "http://one.test/a", Keys: key, Models: map[string]string{"a": "a"}},
			{BaseURL: "http://one.test/b", Keys: key, Models: map[string]string{"b": "b"}},
		}})
		one, other := anyone, anyone
		one.Model, other.Model = "a", "b"
		breakDown(t, g, one, 5)
		time.Sleep(3 * time.Second)
		if got := hosts(g); got != nil {
			t.Errorf("outages %v", got)
		}
		breakDown(t, g, other, 5)
		time.Sleep(3 * time.Second)
		if got := hosts(g); len(got) != 1 {
			t.Errorf("outages %v", got)
		}
	})
}

func TestDrain_EndsWaitsForAServerThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(8))
		breakDown(t, g, anyone, 5)
		hanging, err := within(t, g, anyone, time.Minute) // the probe
		if err != nil {
			t.Fatal(err)
		}
		hanging.WhenGivenUp(func() { go hanging.Settle(upstream.Result{Outcome: upstream.TimedOut}) })
		ctx, cancel := context.WithCancel(t.Context())
		limited, patient := make(chan error, 1), make(chan error, 1)
		go func() {
			// Of a retry, which has no turn yet either.
			need := anyone
			need.Attempt, need.NotBefore = 2, time.Now().Add(30*time.Second)
			_, err := within(t, g, need, time.Minute)
			limited <- err
		}()
		go func() {
			need := anyone
			need.Attempt, need.NotBefore = 2, time.Now().Add(30*time.Second)
			_, err := g.Acquire(ctx, need)
			patient <- err
		}()
		synctest.Wait()
		began := time.Now()
		g.Drain()
		if err := <-limited; !fault.Is(err, fault.UpstreamUnavailable) || time.Since(began) > 0 {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		synctest.Wait()
		f := wantFault(t, g, anyone, time.Minute, fault.UpstreamUnavailable, true)
		if !strings.Contains(f.Error(), "connection refused") {
			t.Errorf("after a call was given up: %v", f)
		}
		if s := g.Status(); s.InFlight != 0 || s.QueuedInteractive != 1 {
			t.Errorf("%d in flight, %d wait, want the one without a deadline", s.InFlight, s.QueuedInteractive)
		}
		cancel()
		if err := <-patient; !errors.Is(err, context.Canceled) {
			t.Errorf("the one without a deadline: %v", err)
		}
	})
}

// A machine whose processors are busy for a moment once looked like a server that is away: all
// calls then waited for a probe, half a second later.
func TestMomentWithoutAnswers_OfAQuickServerIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls = 16
		g := mustGate(t, fixedPool(calls))
		round := func(took time.Duration) {
			var leases []*upstream.Lease
			for range calls {
				began := time.Now()
				l, err := within(t, g, anyone, time.Minute)
				if err != nil {
					t.Fatal(err)
				}
				if waited := time.Since(began); waited > 0 {
					t.Errorf("a call waited for %v", waited)
				}
				leases = append(leases, l)
			}
			time.Sleep(took)
			for _, l := range leases {
				l.Settle(upstream.Result{Outcome: upstream.Succeeded})
			}
		}
		for range 20 {
			round(50 * time.Millisecond)
		}
		round(400 * time.Millisecond)
		round(50 * time.Millisecond)
	})
}
