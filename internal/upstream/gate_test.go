package upstream_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/upstream"
)

const secret = "sk-0123456789abcdef"

var anyone = upstream.Need{Caller: catalog.Caller{ID: "a"}, Attempt: 1}

// mustLease acquires a lease that is to be had at once.
func mustLease(t *testing.T, g *upstream.Gate) *upstream.Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	l, err := g.Acquire(ctx, anyone)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// wantFault acquires with a deadline and wants it to fail so, at once or when the
// deadline comes.
func wantFault(t *testing.T, g *upstream.Gate, n upstream.Need, within time.Duration, reason fault.Reason, atOnce bool) *fault.Fault {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	began := time.Now()
	_, err := g.Acquire(ctx, n)
	if !fault.Is(err, reason) {
		t.Fatalf("got %v, want %v", err, reason)
	}
	if took := time.Since(began); atOnce != (took == 0) {
		t.Fatalf("%v came after %v", reason, took)
	}
	return fault.From(err)
}

func fixedPool(n int) upstream.Config {
	c := keys(secret)
	c.Fixed = n
	return c
}

func TestConfigIsChecked(t *testing.T) {
	group := upstream.Group{BaseURL: "http://model.test", Keys: []upstream.Key{{}}}
	for name, c := range map[string]upstream.Config{
		"no groups":       {},
		"no keys":         {Groups: []upstream.Group{{BaseURL: "http://model.test"}}},
		"no address":      {Groups: []upstream.Group{{Keys: group.Keys}}},
		"another scheme":  {Groups: []upstream.Group{{BaseURL: "ftp://model.test", Keys: group.Keys}}},
		"negative pool":   {Groups: []upstream.Group{group}, Fixed: -1},
		"huge ceiling":    {Groups: []upstream.Group{group}, Ceiling: upstream.MaxWorkers + 1},
		"share over one":  {Groups: []upstream.Group{group}, BulkShare: 1.5},
		"negative hedges": {Groups: []upstream.Group{group}, HedgeShare: -0.1},
		"negative queue":  {Groups: []upstream.Group{group}, QueueBound: -1},
		"negative weight": {Groups: []upstream.Group{{BaseURL: "http://model.test", Keys: []upstream.Key{{Weight: -1}}}}},
		"negative limit":  {Groups: []upstream.Group{{BaseURL: "http://model.test", Keys: group.Keys, RequestsPerMinute: -1}}},
	} {
		if g, err := upstream.New(c); err == nil || g != nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	k := upstream.Key{Secret: upstream.NewSecret(secret)}
	asJSON, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	g := mustGate(t, keys(secret))
	for _, s := range []string{
		fmt.Sprint(k), fmt.Sprintf("%+v %#v %s %q %x", k, k, k.Secret, k.Secret, k.Secret), string(asJSON), fmt.Sprintf("%+v", g.Status()),
	} {
		if strings.Contains(s, secret[:8]) || strings.Contains(s, fmt.Sprintf("%x", secret[:8])) {
			t.Errorf("shown: %s", s)
		}
		if !strings.Contains(s, "cdef") {
			t.Errorf("not recognisable: %s", s)
		}
	}
	if s := upstream.NewSecret("short").String(); s != "..." {
		t.Errorf("a short key is shown as %q", s)
	}
	l := mustLeaseWithin(t, g, time.Minute)
	defer l.Settle(upstream.Result{})
	if l.Secret() != secret {
		t.Errorf("the lease has %q", l.Secret())
	}
}

func TestFixedPoolIsThereFromTheFirstCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(100))
		for range 100 {
			l := mustLease(t, g)
			defer l.Settle(upstream.Result{})
		}
		_ = wantFault(t, g, anyone, time.Second, fault.DeadlineExceeded, false)
		if s := g.Status(); s.InFlight != 100 || s.Limit != 100 || s.Fixed != 100 || s.QueuedInteractive != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestCeilingChangesAtRunTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(4))
		if err := g.SetCeiling(0); !fault.Is(err, fault.InvalidRequest) {
			t.Errorf("a ceiling of 0: %v", err)
		}
		if err := g.SetCeiling(1); err != nil {
			t.Fatal(err)
		}
		l := mustLease(t, g)
		_ = wantFault(t, g, anyone, time.Second, fault.DeadlineExceeded, false)
		if err := g.SetCeiling(2); err != nil {
			t.Fatal(err)
		}
		mustLease(t, g).Settle(upstream.Result{})
		l.Settle(upstream.Result{})
	})
}

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

func TestLeaseIsSettledOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(1))
		l := mustLease(t, g)
		l.Settle(upstream.Result{Outcome: upstream.Succeeded})
		l.Settle(upstream.Result{Outcome: upstream.Refused})
		s := g.Status()
		if s.InFlight != 0 || s.Counters.Misused != 1 || s.Counters.Settled[upstream.Refused] != 0 {
			t.Errorf("%+v", s)
		}
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

func TestModelsChooseTheirGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := keys("first", "second")
		c.Fixed = 4
		c.Groups[0].Models = map[string]string{"small": "small-v2"}
		c.Groups[1].Models = map[string]string{"large": "large", "small": "tiny"}
		g := mustGate(t, c)
		for model, sent := range map[string]string{"small": "small-v2", "large": "large"} {
			l, err := g.Acquire(t.Context(), upstream.Need{Model: model})
			if err != nil {
				t.Fatal(err)
			}
			if got := l.Model(model); got != sent {
				t.Errorf("%s is sent as %s", model, got)
			}
			l.Settle(upstream.Result{Outcome: upstream.Succeeded})
		}
		if g.Serves("huge") || !g.Serves("large") {
			t.Error("Serves is wrong")
		}
		_ = wantFault(t, g, upstream.Need{Model: "huge"}, time.Second, fault.UpstreamRejected, true)
	})
}

func TestEveryKeyRetiredFailsAtOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		outcome upstream.Outcome
		reason  fault.Reason
	}{
		"refused":   {upstream.Refused, fault.UpstreamAuth},
		"exhausted": {upstream.Exhausted, fault.QuotaExhausted},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := mustGate(t, fixedPool(2))
				bad := upstream.Result{Outcome: tc.outcome, Certain: true, Detail: "401 invalid_api_key"}
				mustLease(t, g).Settle(bad)
				f := wantFault(t, g, anyone, time.Minute, tc.reason, true)
				if !strings.Contains(f.Message, "...cdef") || !strings.Contains(f.Message, bad.Detail) || strings.Contains(f.Message, secret) {
					t.Errorf("the text is %q", f.Message)
				}
				time.Sleep(time.Minute)
				// One call tries the key again, others do not wait for it.
				l := mustLease(t, g)
				_ = wantFault(t, g, anyone, time.Minute, tc.reason, true)
				l.Settle(bad)
				time.Sleep(time.Minute)
				_ = wantFault(t, g, anyone, time.Minute, tc.reason, true)
				time.Sleep(time.Minute)
				mustLease(t, g).Settle(upstream.Result{Outcome: upstream.Succeeded})
				mustLease(t, g).Settle(upstream.Result{Outcome: upstream.Succeeded})
			})
		})
	}
}

func TestWaitersAreToldThatTheLastKeyIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(1))
		l := mustLease(t, g)
		done := make(chan error)
		go func() {
			_, err := g.Acquire(t.Context(), anyone)
			done <- err
		}()
		synctest.Wait()
		l.Settle(upstream.Result{Outcome: upstream.Exhausted, Detail: "insufficient_quota"})
		if err := <-done; !fault.Is(err, fault.QuotaExhausted) {
			t.Errorf("got %v", err)
		}
	})
}

func TestNewKeyGetsOneCallFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, keys("first", "second"))
		a, b := mustLease(t, g), mustLease(t, g)
		if a.Secret() == b.Secret() {
			t.Errorf("both calls went to %s", a.Secret())
		}
		_ = wantFault(t, g, anyone, time.Second/2, fault.DeadlineExceeded, false)
		a.Settle(upstream.Result{Outcome: upstream.Succeeded})
		for range 10 {
			l := mustLease(t, g)
			defer l.Settle(upstream.Result{})
			if l.Secret() != a.Secret() {
				t.Errorf("a call went to %s, which has proved nothing", l.Secret())
			}
		}
		b.Settle(upstream.Result{})
	})
}

func TestCallsKeepToOneKeyAndSpillOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, keys("first", "second"))
		a, b := mustLease(t, g), mustLease(t, g)
		a.Settle(upstream.Result{Outcome: upstream.Succeeded})
		b.Settle(upstream.Result{Outcome: upstream.Succeeded})
		home := mustLease(t, g)
		for range 10 {
			l := mustLease(t, g)
			defer l.Settle(upstream.Result{})
			if l.Secret() != home.Secret() {
				t.Error("a call left the key whose prompt cache is warm")
			}
		}
		home.Settle(upstream.Result{Outcome: upstream.Throttled, RetryAfter: time.Minute})
		if l := mustLease(t, g); l.Secret() == home.Secret() {
			t.Error("a call went to a key that is paused")
		} else {
			l.Settle(upstream.Result{Outcome: upstream.Succeeded})
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
		l.Settle(upstream.Result{Outcome: upstream.Throttled, Header: http.Header{"Retry-After": {"60"}}})
		if err := <-waiter; !fault.Is(err, fault.RateLimited) || time.Since(began) > 0 {
			t.Errorf("the one who waited got %v after %v", err, time.Since(began))
		}
		f := wantFault(t, g, anyone, 30*time.Second, fault.RateLimited, true)
		if f.RetryAfter < 59*time.Second || f.RetryAfter > time.Minute {
			t.Errorf("it says to come back in %v", f.RetryAfter)
		}
		// The later of two ends wins.
		other.Settle(upstream.Result{Outcome: upstream.Throttled, Header: http.Header{"Retry-After": {"5"}}})
		if advice := l.Advice(); advice.Counts || time.Until(advice.NotBefore) < time.Minute {
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

func TestConfiguredLimitIsKeptFromTheStart(t *testing.T) {
	sc := scenario{name: "configured 6,000 a minute", items: 1000, quota: 100, server: unlimited, config: keys("k")}
	sc.config.Groups[0].RequestsPerMinute = 6000
	r := run(t, sc, 1)
	if d := r.span; d < 9900*time.Millisecond || d > 12*time.Second {
		t.Errorf("1,000 items at 100/s took %v", d)
	}
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
		probe.Settle(upstream.Result{Outcome: upstream.Overloaded})
		if probe.Advice().Counts {
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

func TestTimeoutFollowsLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(1))
		answers := func(n int, takes, least, most time.Duration) {
			t.Helper()
			for range n {
				l := mustLeaseWithin(t, g, time.Hour)
				if d := l.Timeout(); d < least || d > most {
					t.Fatalf("time-out %v, want %v to %v", d, least, most)
				}
				time.Sleep(takes)
				l.Settle(upstream.Result{Outcome: upstream.Succeeded})
			}
		}
		answers(1, 2*time.Second, 10*time.Minute, 10*time.Minute)    // nothing was answered
		answers(98, 2*time.Second, 30*time.Second, 30*time.Second)   // little is known
		answers(1, 20*time.Second, 30*time.Second, 30*time.Second)   // three times the slowest,
		answers(1, 2*time.Second, 9*time.Second, 110*time.Second)    // of the first hundred
		answers(1500, 2*time.Second, 9*time.Second, 110*time.Second) // five times the 99th percentile
		answers(1, 2*time.Second, 9*time.Second, 11*time.Second)     // of all
		answers(100, 12*time.Second, 9*time.Second, 65*time.Second)  // and up with slower answers,
		answers(1, 2*time.Second, 55*time.Second, 65*time.Second)    // over 30 s too
	})
}

func TestTimeout_IsThreeTimesTheSlowestOfTheFirstAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(3))
		waits, slow, quick := mustLease(t, g), mustLease(t, g), mustLease(t, g)
		if d := waits.TimeLeft(); d != 30*time.Second {
			t.Errorf("to be looked at after %v, want the least that can be learned", d)
		}
		time.Sleep(time.Second)
		quick.Settle(upstream.Result{Outcome: upstream.Succeeded})
		if d := waits.TimeLeft(); d != 29*time.Second {
			t.Errorf("%v left after the first answer, want the rest of 30 s", d)
		}
		time.Sleep(19 * time.Second)
		slow.Settle(upstream.Result{Outcome: upstream.Succeeded})
		if d := waits.TimeLeft(); d != 40*time.Second {
			t.Errorf("%v left after an answer of 20 s, want the rest of 60 s", d)
		}
		time.Sleep(time.Minute)
		if d := waits.TimeLeft(); d != 0 {
			t.Errorf("%v left after its time", d)
		}
		waits.Settle(upstream.Result{})
	})
}

func TestTimeout_OfAHangingServerOpensTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(8))
		var leases []*upstream.Lease
		for range 6 {
			l := mustLease(t, g)
			l.WhenGivenUp(func() { t.Error("given up, and a load that goes on with it") })
			leases = append(leases, l)
		}
		time.Sleep(time.Minute)
		for _, l := range leases[:5] {
			l.Settle(upstream.Result{Outcome: upstream.Abandoned, Late: true})
		}
		if s := g.Status().Groups[0]; !s.Open {
			t.Errorf("%+v, want an open breaker after five items had no answer in a minute", s)
		}
		time.Sleep(3 * time.Second)
		leases[5].Settle(upstream.Result{})
		if o, _ := g.Outage("any"); o == nil {
			t.Error("no outage is told")
		}
	})
}
