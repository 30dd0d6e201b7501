package upstream_test

import (
	"fmt"
	"testing"
	"time"
)

// stop has no answer come before the end of a stop, and late adds to the time of each.
func stop(from, until time.Duration) func(at time.Duration, roll float64) time.Duration {
	return func(at time.Duration, _ float64) time.Duration {
		if at < from || at > until {
			return 0
		}
		return until - at
	}
}

func late(from, until, least, more time.Duration) func(at time.Duration, roll float64) time.Duration {
	return func(at time.Duration, roll float64) time.Duration {
		if at < from || at > until {
			return 0
		}
		return least + time.Duration(roll*float64(more))
	}
}

// TestStallsAndDelays_AreNoQueue has a network or a server stall and be slow for a while. Such
// answers are as late as those of a server that queues, but a lower limit makes none of them
// quicker: the speed has to be back soon.
func TestStallsAndDelays_AreNoQueue(t *testing.T) {
	const second, calm, end = time.Second, 45 * time.Second, 60 * time.Second
	for name, delays := range map[string][]func(at time.Duration, roll float64) time.Duration{
		"a delay":           {late(20*second, 26*second, 550*time.Millisecond, 300*time.Millisecond)},
		"a short delay":     {late(20*second, 26*second, 200*time.Millisecond, 300*time.Millisecond)},
		"a stop":            {stop(20*second, 25*second)},
		"stops and a delay": {stop(20*second, 23*second), late(25*second, 30*second, 500*time.Millisecond, 1), stop(32*second, 34*second)},
	} {
		config := keys("a")
		config.Ceiling = 24
		sc := scenario{name: name, items: 7000, config: config, window: 128, server: func(s *server) {
			s.silent = true
			s.delay = func(at time.Duration, roll float64) (all time.Duration) {
				for _, delay := range delays {
					all += delay(at, roll)
				}
				return all
			}
		}}
		if onceForRace(t, sc) {
			return
		}
		for seed := range uint64(8) {
			t.Run(fmt.Sprint(name, ", seed ", seed), func(t *testing.T) {
				r := run(t, sc, seed)
				before, after := r.perSecond(5*second, 20*second), r.perSecond(calm, end)
				if after < 0.8*before {
					t.Errorf("%.0f answers a second from 11 s after it, %.0f before", after, before)
				}
			})
		}
	}
}

// perSecond is the successes a second in a part of the run.
func (r *report) perSecond(from, until time.Duration) float64 {
	n := 0
	for _, at := range r.server.took {
		if d := at.Sub(r.server.began); d >= from && d < until {
			n++
		}
	}
	return float64(n) / (until - from).Seconds()
}
