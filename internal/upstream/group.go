package upstream

import (
	"math"
	"time"
)

// recheck is how long a wait for the pacer may go on before its speed is looked
// at again, and how often calls in flight are looked at.
const recheck = 50 * time.Millisecond

// group is one quota group: the policies, and the calls that they let go.
type group struct {
	name    string
	baseURL string
	models  map[string]string
	keys    []*key
	weight  float64 // of all keys

	random   random
	limit    limit
	pacer    pacer
	requests level
	tokens   level
	estimate estimate
	learned  learned
	breaker  breaker
	brake    brake
	latency  latency

	// Limits from the configuration, a second. 0: none.
	requestsPerSecond, tokensPerSecond float64

	inFlight    int
	oldest      *Lease // of those in flight, linked in the order of starts
	newest      *Lease
	starts      int64 // ever; the number of a start
	spentTokens float64
	lastTokens  float64 // of the last start
	lastAnswer  instant // of the model; 0: none yet
	recent      recent  // starts
	limited     bool    // it has sent a rate header or a 429
	throttled   string  // a few public words of the last 429, if no answer came since
	ignored     ignored
}

// gap returns the time that has to lie between the last start and one that needs cost
// tokens: the tightest of all speeds decides.
func (q *group) gap(now instant, cost float64) time.Duration {
	rate := q.learned.current()
	if q.requestsPerSecond > 0 {
		rate = min(rate, q.requestsPerSecond)
	}
	perToken := math.Inf(1)
	if q.tokensPerSecond > 0 {
		perToken = q.tokensPerSecond
	}
	if !q.ignored.now(now) {
		rate = min(rate, q.requests.rate(now, float64(q.starts), 1))
		perToken = min(perToken, q.tokens.rate(now, q.spentTokens, cost))
	}
	gap := spacing(1, rate)
	if perToken == 0 {
		return max(gap, spacing(1, 0))
	}
	return max(gap, spacing(q.lastTokens, perToken))
}

// ready reports whether a call that needs so many tokens may start now. If not,
// at is when to look again; never means after the next settlement.
func (q *group) ready(now instant, tokens int) (ok bool, at instant) {
	if usable, at := q.anyKey(now); !usable {
		return false, at
	}
	if now < q.pacer.paused {
		return false, q.pacer.paused
	}
	if q.breaker.open {
		// A probe needs no room: calls that hang may take up all there is.
		return now >= q.breaker.probeAt, q.breaker.probeAt
	}
	if !q.limit.allows(q.inFlight) {
		return false, never
	}
	due := q.pacer.due(q.gap(now, q.estimate.cost(tokens)))
	return now >= due, min(due, now+recheck)
}

// anyKey reports whether some key is usable, or when one may be.
func (q *group) anyKey(now instant) (ok bool, at instant) {
	at = never
	for _, k := range q.keys {
		usable, when := k.usable(now)
		if usable {
			return true, now
		}
		if when > now {
			at = min(at, when)
		}
	}
	return false, at
}

// serving reports whether some key is not retired.
func (q *group) serving() bool {
	for _, k := range q.keys {
		if k.retired == 0 {
			return true
		}
	}
	return false
}

// pick chooses a key: one that has to prove itself, or is suspected, before others, then the one
// with the fewest calls in flight for its weight, then the first.
func (q *group) pick(now instant) *key {
	var best *key
	var least float64
	for _, k := range q.keys {
		if ok, _ := k.usable(now); !ok {
			continue
		}
		load := float64(k.inFlight+1) / k.weight
		if !k.proven || k.refusals > 0 {
			load = -1
		}
		if best == nil || load < least {
			best, least = k, load
		}
	}
	return best
}

// headroom returns how much of the group is free, 0..1, times its keys' weight.
func (q *group) headroom(now instant) float64 {
	free := 1 - float64(q.inFlight)/max(q.limit.value, 1)
	if !q.ignored.now(now) && q.requests.seen {
		free = min(free, q.requests.available(now, float64(q.starts), 1)/q.requests.last.limit)
	}
	return free * q.weight
}

// start puts a lease in flight.
func (q *group) start(now instant, l *Lease) {
	cost := q.estimate.cost(l.need.Tokens)
	q.learned.advance(q.pacer.started(now, q.gap(now, cost)))
	l.promised = max(q.requests.promise(now, float64(q.starts)), q.tokens.promise(now, q.spentTokens))
	l.key = q.pick(now)
	l.key.started(now)
	q.inFlight++
	q.starts++
	q.spentTokens += cost
	q.lastTokens = cost
	q.recent.add(now)
	l.group, l.started, l.number, l.cost = q, now, q.starts, cost
	l.spentTokens, l.sawInFlight = q.spentTokens, q.inFlight
	l.busy = q.limit.started(now, q.inFlight)
	l.hedgeAfter = q.latency.p95
	if q.breaker.open {
		l.probe = true
		q.breaker.probed(now)
	}
	q.link(l)
}

func (q *group) link(l *Lease) {
	l.prev = q.newest
	if q.newest == nil {
		q.oldest = l
	} else {
		q.newest.next = l
	}
	q.newest = l
}

func (q *group) unlink(l *Lease) {
	if l.prev == nil {
		q.oldest = l.next
	} else {
		l.prev.next = l.next
	}
	if l.next == nil {
		q.newest = l.prev
	} else {
		l.next.prev = l.prev
	}
	l.prev, l.next = nil, nil
}

// watch looks at the calls in flight: whether they have stalled, and which to
// give up. It returns when to look again.
func (q *group) watch(now instant) instant {
	if q.stalled(now) {
		q.breaker.trip(now)
	}
	if q.oldest != nil && q.breaker.during(q.oldest.started) {
		q.giveUp(now)
		return now + recheck
	}
	if q.inFlight >= stallInFlight {
		return now + recheck
	}
	return never
}

// stalled reports whether calls should long have been answered, and neither they
// nor any later one has been. As long as answers to earlier ones keep coming, it
// is a queue that has grown and no outage.
func (q *group) stalled(now instant) bool {
	old := q.latency.stalledAfter()
	if q.breaker.open || old == 0 || q.inFlight < stallInFlight || now-q.breaker.answerAt < q.latency.p50 {
		return false
	}
	n := 0
	for l := q.newest; l != nil && l.started > q.breaker.newestAnswer; l = l.prev {
		if now-l.started > old {
			n++
		}
	}
	return n >= stallOld
}

// giveUp ends the calls that an outage has swallowed. A server that has answered
// nothing so far may be loading the model, which ends with the last call. One that takes
// seconds may only have become slower, and would begin again from nothing: its calls are
// given up once it has answered later ones.
func (q *group) giveUp(now instant) {
	if !q.latency.known() || q.breaker.open && q.latency.p50 > slowAnswer {
		return
	}
	after := q.latency.giveUpAfter()
	for l := q.oldest; l != nil && now-l.started > after; l = l.next {
		if q.breaker.during(l.started) {
			l.giveUp()
		}
	}
}
