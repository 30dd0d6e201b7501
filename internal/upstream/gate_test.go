package upstream_test

import (
	"context"
	"encoding/json"
	"fmt"
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

func TestALeaseThatIsHeldKeepsItsPlaceUntilItsRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(1))
		l := mustLease(t, g)
		l.Settle(upstream.Result{Outcome: upstream.Succeeded, Held: true})
		if s := g.Status(); s.InFlight != 1 || s.Counters.Settled[upstream.Succeeded] != 1 {
			t.Errorf("%+v", s)
		}
		time.AfterFunc(time.Minute, l.Release)
		began := time.Now()
		next, err := g.Acquire(t.Context(), anyone)
		if err != nil || time.Since(began) != time.Minute {
			t.Fatalf("%v after %v", err, time.Since(began))
		}
		l.Release() // has no effect
		next.Settle(upstream.Result{Outcome: upstream.Succeeded})
		if s := g.Status(); s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
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
