package upstream_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/upstream"
)

// away fails every call that comes within ten seconds from the tenth on.
func away(v upstream.Outcome) func(*server) {
	return func(s *server) {
		s.faults = func(at time.Duration, _ float64) upstream.Outcome {
			if at >= 10*time.Second && at < 20*time.Second {
				return v
			}
			return upstream.Succeeded
		}
	}
}

// sentOK is how many calls were let in between two times.
func (r *report) sentOK(from, to time.Duration) int {
	n := 0
	for _, t := range r.server.took {
		if d := t.Sub(r.server.began); d >= from && d < to {
			n++
		}
	}
	return n
}

// until is how long after from it took until n calls were let in in half a second.
func (r *report) until(from time.Duration, n int) time.Duration {
	for d := time.Duration(0); d < time.Minute; d += time.Second / 10 {
		if r.sentOK(from+d, from+d+time.Second/2) >= n {
			return d
		}
	}
	return time.Minute
}

// sent is how many calls came between two times.
func (r *report) sent(from, to time.Duration) int {
	n := 0
	for _, c := range r.server.log {
		if c.at >= from && c.at < to {
			n++
		}
	}
	return n
}

func TestOutages(t *testing.T) {
	fixed, free := keys("k"), keys("k")
	fixed.Fixed = 32
	for _, sc := range []struct {
		scenario
		// most is how many calls may go into the outage beyond the pool.
		most, pool int
	}{
		{scenario{name: "503, 32 workers", items: 4000, config: fixed, server: away(upstream.Overloaded)}, 50, 0},
		{scenario{name: "503, adaptive", items: 20000, config: free, server: away(upstream.Overloaded)}, 50, 256},
		{scenario{name: "503 at 100/s", items: 3000, config: free, server: both(away(upstream.Overloaded), hundred)}, 50, 0},
		{scenario{name: "hanging, 32 workers", items: 4000, config: fixed, server: away(upstream.TimedOut)}, 50, 0},
		{scenario{name: "hanging, adaptive", items: 20000, config: free, server: away(upstream.TimedOut)}, 50, 256},
		{scenario{name: "hanging at 100/s", items: 3000, config: free, server: both(away(upstream.TimedOut), hundred)}, 50, 32},
		{scenario{name: "hanging, 3 replicas", items: 9000, replicas: 3, config: fixed, server: away(upstream.TimedOut)}, 150, 0},
	} {
		play(t, sc.scenario, func(r *report) (wrong []string) {
			usual := r.sentOK(8*time.Second, 9*time.Second) / 2
			into, back := r.sent(10*time.Second, 20*time.Second), r.until(20*time.Second, usual*9/10)
			t.Logf("   %d calls into it, back to speed after %v", into, back)
			if into >= sc.most+sc.pool {
				wrong = append(wrong, fmt.Sprintf("%d calls went into the outage, want under %d", into, sc.most+sc.pool))
			}
			if r.sent(11500*time.Millisecond, 14*time.Second) == 0 {
				wrong = append(wrong, "the outage was found out too late for probes")
			}
			soon := 2 * time.Second
			if sc.config.Fixed == 0 {
				soon = 5 * time.Second // it has to grow again
			}
			if back > soon {
				wrong = append(wrong, fmt.Sprintf("full speed came back only after %v", back))
			}
			return wrong
		})
	}
}

// faulty fails calls at random, whatever their speed.
func faulty(s *server) {
	s.faults = func(_ time.Duration, roll float64) upstream.Outcome {
		switch {
		case roll < 0.10:
			return upstream.Throttled
		case roll < 0.18: // 500s and resets
			return upstream.Broken
		case roll < 0.185:
			return upstream.TimedOut
		default:
			return upstream.Succeeded
		}
	}
}

func TestRandomFaults(t *testing.T) {
	fixed := keys("k")
	fixed.Fixed = 32
	for _, sc := range []scenario{
		{name: "faults, 32 workers", items: 2000, config: fixed, server: both(faulty, silent)},
		{name: "faults, 32 workers, Retry-After", items: 2000, config: fixed, server: faulty},
		{name: "faults, adaptive", items: 2000, config: keys("k"), server: both(faulty, silent)},
	} {
		plain := sc
		plain.server = unlimited
		// Of calls that fail one in seven, four attempts would lose an item in
		// every second run.
		sc.garbage, sc.attempts = 0.05, 8
		play(t, sc, func(r *report) (wrong []string) {
			without := run(t, plain, 1).span
			t.Logf("   %v, without faults %v", r.span, without)
			// A hang among the first hundred calls takes the whole 30 s.
			if extra := r.span - without; extra > 40*time.Second {
				wrong = append(wrong, fmt.Sprintf("took %v more than without faults", extra))
			}
			return wrong
		})
	}
}

func TestDeadKeys(t *testing.T) {
	sc := scenario{name: "good, revoked, exhausted", items: 1000, config: keys("good", "revoked", "exhausted"), server: func(s *server) {
		s.account("revoked").dead = upstream.Refused
		s.account("exhausted").dead = upstream.Exhausted
	}}
	play(t, sc, func(r *report) (wrong []string) {
		if n := r.server.account("revoked").calls + r.server.account("exhausted").calls; n >= 20 {
			wrong = append(wrong, fmt.Sprintf("%d calls were wasted on dead keys", n))
		}
		return wrong
	})
}
