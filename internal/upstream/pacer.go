package upstream

import "time"

// pacerSlack is how far behind its schedule a pacer may catch up at once. It
// covers a late timer; more would be a burst.
const pacerSlack = 20 * time.Millisecond

// pacer spaces starts evenly at a speed that others decide, and keeps still
// during a pause.
//
// The speed is asked for again at every look, so that a wait that was worked out
// at a low speed does not outlast it.
type pacer struct {
	last   instant // when the last start was due
	began  instant // when it took place
	paused instant // no start before
	since  instant // when the last pause was called: calls from before say nothing new
	random random
}

func newPacer(r random) pacer { return pacer{last: -never / 2, since: -1, random: r} }

// due returns when the next call may start, if gap is to lie between two.
func (p *pacer) due(gap time.Duration) instant { return max(p.last+gap, p.paused) }

// started notes a start. It returns the time since the last one if it was the
// pacer that this call has waited for, and else 0.
func (p *pacer) started(now instant, gap time.Duration) (waited time.Duration) {
	due := p.last + gap
	if gap > 0 && due >= now-pacerSlack {
		waited = now - p.began
	}
	// Never later than now: probes do not wait for the pacer, and must not put
	// those off that come after them.
	p.last, p.began = min(max(due, now-pacerSlack), now), now
	return waited
}

// pause allows no start until the later of two ends. Starts go on at a random
// phase of the gap, so that replicas that were paused together do not start
// together.
func (p *pacer) pause(now, until instant, gap time.Duration) {
	p.since = now
	if until <= p.paused {
		return
	}
	p.paused = until
	p.last = until - gap + p.random.upTo(min(gap, time.Second))
}

// spacing turns a speed in starts a second into a gap. Speeds beyond a million
// a second are no limit.
func spacing(cost, rate float64) time.Duration {
	if cost <= 0 || rate > 1e6*cost {
		return 0
	}
	// A thousand seconds is for ever here: the speed is looked at again long before.
	return time.Duration(min(cost/max(rate, 1e-9), 1000) * float64(time.Second))
}
