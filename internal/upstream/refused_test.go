package upstream_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/upstream"
)

var (
	accepted  = upstream.Result{Outcome: upstream.Succeeded}
	refusal   = upstream.Result{Outcome: upstream.Refused, Detail: "401 no credentials"}
	certainly = upstream.Result{Outcome: upstream.Refused, Detail: "401 invalid_api_key", Certain: true}
)

// refuse settles a lease with a refusal and returns when its item may try again.
func refuse(l *upstream.Lease, r upstream.Result) time.Duration {
	if at := l.Settle(r).NotBefore; !at.IsZero() {
		return time.Until(at)
	}
	return 0
}

func TestRefusedKey_OneRefusalStopsNothing(t *testing.T) {
	for name, r := range map[string]upstream.Result{"by status": refusal, "by words": certainly} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := mustGate(t, fixedPool(8))
				warm(t, g, 3)
				if wait := refuse(mustLease(t, g), r); wait < 500*time.Millisecond || wait > time.Second {
					t.Errorf("its item waits for %v", wait)
				}
				began := time.Now()
				mustLeaseWithin(t, g, time.Minute).Settle(accepted)
				if took := time.Since(began); took != 500*time.Millisecond {
					t.Errorf("the next call came after %v", took)
				}
				for range 8 {
					l := mustLease(t, g)
					defer l.Settle(accepted)
				}
			})
		})
	}
}

func TestRefusedKey_IsTriedOneCallAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(8))
		warm(t, g, 3)
		mustLease(t, g).Settle(refusal)
		second := mustLeaseWithin(t, g, time.Minute)
		f := wantFault(t, g, anyone, 5*time.Second, fault.UpstreamAuth, false)
		if !strings.Contains(f.Message, "...cdef") || !strings.Contains(f.Message, refusal.Detail) {
			t.Errorf("it says %q", f.Message)
		}
		second.Settle(refusal)
		began := time.Now()
		third := mustLeaseWithin(t, g, time.Minute)
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("the third call came after %v", took)
		}
		if wait := refuse(third, refusal); wait != 0 {
			t.Errorf("its item waits for %v although the key is retired", wait)
		}
		_ = wantFault(t, g, anyone, time.Minute, fault.UpstreamAuth, true)
		time.Sleep(time.Minute)
		mustLease(t, g).Settle(accepted)
		mustLease(t, g).Settle(accepted)
	})
}

func TestRefusedKey_CallsInFlightCountOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(8))
		warm(t, g, 3)
		var leases []*upstream.Lease
		for range 8 {
			leases = append(leases, mustLease(t, g))
		}
		time.Sleep(100 * time.Millisecond)
		for _, l := range leases {
			l.Settle(refusal)
		}
		mustLeaseWithin(t, g, time.Minute).Settle(refusal)
		mustLeaseWithin(t, g, time.Minute).Settle(accepted)
		mustLease(t, g).Settle(accepted)
	})
}

func TestRefusedKey_ALaterCallThatWasAcceptedClearsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(8))
		warm(t, g, 3)
		stray := mustLease(t, g)
		time.Sleep(time.Millisecond)
		later, last := mustLease(t, g), mustLease(t, g)
		stray.Settle(refusal)
		later.Settle(accepted)
		mustLease(t, g).Settle(accepted)
		time.Sleep(time.Millisecond)
		mustLease(t, g).Settle(accepted)
		last.Settle(refusal) // sent before one that was accepted
		mustLease(t, g).Settle(accepted)
	})
}

func TestRefusedKey_ThatNeverAnsweredIsRetired(t *testing.T) {
	for name, tc := range map[string]struct {
		result upstream.Result
		calls  int
	}{
		"at once by words that leave no doubt": {certainly, 1},
		"by three refusals without":            {refusal, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, config := range []upstream.Config{fixedPool(8), keys("one", "two")} {
					g := mustGate(t, config)
					for range tc.calls * len(config.Groups) {
						mustLeaseWithin(t, g, time.Minute).Settle(tc.result)
					}
					_ = wantFault(t, g, anyone, time.Minute, fault.UpstreamAuth, true)
				}
			})
		})
	}
}

func TestRefusedKey_OthersServeMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, keys("first", "second"))
		a, b := mustLease(t, g), mustLease(t, g)
		a.Settle(accepted)
		b.Settle(accepted)
		bad := mustLease(t, g)
		bad.Settle(refusal)
		for range 5 {
			l := mustLease(t, g)
			defer l.Settle(accepted)
			if l.Secret() == bad.Secret() {
				t.Error("a call went to the suspected key at once")
			}
		}
	})
}

func TestRefusedKey_ServesAllButOneItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := mustGate(t, fixedPool(8))
		warm(t, g, 3)
		need := anyone
		for try := range 3 {
			l, err := within(t, g, need, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			advice := l.Settle(refusal)
			if advice.ItemRefused != (try > 0) {
				t.Errorf("try %d: %+v", try, advice)
			}
			need.NotBefore, need.Attempt = advice.NotBefore, need.Attempt+1
			if try == 0 {
				need.RefusedAt = time.Now()
				mustLeaseWithin(t, g, time.Minute).Settle(accepted)
			}
		}
		mustLease(t, g).Settle(accepted)
	})
}
