package upstream

import (
	"slices"
	"time"
)

// The breaker's constants.
const (
	breakerFailures = 5
	breakerBroken   = 15
	stallInFlight   = 8
	stallOld        = 3
	probeFirst      = time.Second / 2 // pause before the first two probes
	probeLateAfter  = 15 * time.Second
)

// breaker keeps calls from a server that is away. It judges by when calls
// started, never by when they ended: failures count only from calls that
// started after the newest one that went well.
//
// 503, a refused connection and a time-out are failures. A single 500 or reset
// comes alone and is none; many of them in a row, with nothing good in between,
// are an outage too.
type breaker struct {
	open     bool
	openedAt instant
	closedAt instant // 0: it has never been open
	opened   int64   // times

	// Of the outage, while it is open.
	since    instant // start of the call that showed it
	failedAt instant // when a call failed last
	steady   instant // since when calls fail without a long pause in between
	cause    string  // how, for people
	reported bool    // by Outages

	probes  int
	probeAt instant

	newestGood   instant   // start of the newest call that the server dealt with
	newestAnswer instant   // the same, with failures that are an answer
	answerAt     instant   // when the last answer came
	failures     []instant // starts, later than newestGood
	broken       []instant // the same, of calls that broke
}

func newBreaker() breaker { return breaker{newestGood: -1, newestAnswer: -1} }

// answered notes that the server said something, good or bad.
func (b *breaker) answered(now, started instant) {
	b.newestAnswer, b.answerAt = max(b.newestAnswer, started), now
}

// good notes a call that the server dealt with. It reports whether this closes
// the breaker.
func (b *breaker) good(now, started instant) (closed bool) {
	if started > b.newestGood {
		b.newestGood = started
		b.failures = laterThan(b.failures, started)
		b.broken = laterThan(b.broken, started)
	}
	if !b.open || started < b.openedAt {
		return false
	}
	b.open, b.closedAt, b.failures, b.broken = false, now, b.failures[:0], b.broken[:0]
	return true
}

// failed notes a failure, and reports whether it opens the breaker.
func (b *breaker) failed(now, started instant) (opened bool) {
	if b.open || started <= b.newestGood {
		return false
	}
	b.failures = append(b.failures, started)
	if len(b.failures) < breakerFailures {
		return false
	}
	b.trip(now)
	b.since, b.steady = started, started
	return true
}

// broke notes a call that broke, and reports whether this opens the breaker.
func (b *breaker) broke(now, started instant) (opened bool) {
	if b.open || started <= b.newestGood {
		return false
	}
	b.broken = append(b.broken, started)
	if len(b.broken)+len(b.failures) < breakerBroken {
		return false
	}
	b.trip(now)
	b.since, b.steady = started, started
	return true
}

// laterThan keeps the starts after one, in place.
func laterThan(starts []instant, than instant) []instant {
	return slices.DeleteFunc(starts, func(s instant) bool { return s <= than })
}

// trip opens the breaker.
func (b *breaker) trip(now instant) {
	b.open, b.openedAt, b.probes = true, now, 0
	b.since, b.steady, b.failedAt, b.cause = now, now, now, ""
	b.opened++
	b.failures, b.broken = b.failures[:0], b.broken[:0]
	b.probeAt = now + probeFirst
}

// probed notes that a probe was sent and sets the time of the next one: twice
// after half a second, then each second, and each two seconds in a long outage.
func (b *breaker) probed(now instant) {
	b.probes++
	switch {
	case now-b.openedAt >= probeLateAfter:
		b.probeAt = now + 2*time.Second
	case b.probes < 2:
		b.probeAt = now + probeFirst
	default:
		b.probeAt = now + time.Second
	}
}

// during reports whether a call that started then was in flight in the last
// outage, and so may never be answered.
func (b *breaker) during(started instant) bool {
	return b.open || started < b.closedAt
}
