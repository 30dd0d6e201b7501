package upstream_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/upstream"
)

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
