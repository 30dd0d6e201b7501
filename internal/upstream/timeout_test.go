package upstream_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/upstream"
)

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
