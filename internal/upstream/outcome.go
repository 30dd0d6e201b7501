package upstream

import (
	"net/http"
	"time"
)

// The constants of what follows a failure.
const (
	backoffFirst  = 500 * time.Millisecond
	backoffMost   = 20 * time.Second
	throttleShort = 250 * time.Millisecond // pause of the group if only whole seconds are given
	throttleRound = 2 * time.Second        // up to which whole seconds are mostly rounding
	throttleBlur  = 20 * time.Millisecond
	throttleHold  = 40 * time.Millisecond // pause in which most 429s of calls in flight come back
	throttleKnown = 20                    // starts from which on a single 429 is known to be one
	dryMost       = 5 * time.Second
)

// settle takes in how a lease ended, and returns how long its item has to wait.
// The lease is no longer in flight.
func (q *group) settle(now instant, l *Lease, r *Result) (wait time.Duration) {
	if r.Outcome == Abandoned && !l.gaveUp {
		if r.Late && !q.latency.known() && now-l.started >= timeoutLong {
			q.breaker.failed(now, l.started)
		}
		return 0
	}
	told := q.readHeader(now, l, r.Header)
	q.estimate.follow(l.need.Tokens, float64(r.Usage.Prompt+r.Usage.Completion))
	switch r.Outcome {
	case Succeeded, Rejected:
		q.succeeded(now, l, r.Outcome)
		if r.Again {
			return q.backoff(now, l, r)
		}
	case Throttled:
		q.accepted(now, l)
		return q.refused(now, l, r, told)
	case Overloaded:
		q.breaker.answered(now, l.started)
		return q.overloaded(now, l, r)
	case TimedOut, Abandoned:
		return q.unanswered(now, l, r)
	case Broken:
		q.breaker.answered(now, l.started)
		q.breaker.broke(now, l.started)
		return q.backoff(now, l, r)
	case Refused:
		q.breaker.answered(now, l.started)
		q.close(now, l)
		return l.key.refused(now, l.started, r, l.onlyItem())
	case Exhausted:
		q.breaker.answered(now, l.started)
		q.close(now, l)
		l.key.retire(now, r.Outcome, r.Detail)
	}
	return 0
}

// accepted notes that the server dealt with the call on this key.
func (q *group) accepted(now instant, l *Lease) {
	q.breaker.answered(now, l.started)
	if l.key.accepted(l.started) {
		q.limit.restart(now, q.limit.start)
	}
	q.close(now, l)
}

// close closes the breaker if the call shows that the server is back.
func (q *group) close(now instant, l *Lease) {
	if q.breaker.good(now, l.started) {
		q.limit.restart(now, q.limit.value/2)
	}
}

func (q *group) succeeded(now instant, l *Lease, v Outcome) {
	q.accepted(now, l)
	if v == Rejected {
		return // says nothing of how long answers take
	}
	q.lastAnswer, q.throttled = now, ""
	q.limit.strained(false)
	took, first := now-l.started, !q.latency.known()
	q.latency.answered(took, l.sawInFlight)
	if first && !q.limited {
		q.limit.lower(q.latency.first())
	}
	held := q.learned.careful > 0
	q.learned.succeeded(l.number, q.starts)
	if held && q.learned.careful == 0 { // or all that has grown meanwhile would start at once
		q.limit.lower(limitRoom * float64(q.inFlight))
	}
	if !q.limited && !q.limit.fixed {
		q.brake.succeeded(now, l.started, l.number, q.starts, l.sawInFlight, &q.limit)
	}
	if q.limited || !q.brake.engaged() && !q.brake.wary() && !q.latency.queues(took) {
		q.limit.succeeded(now, l.busy)
	}
}

func (q *group) overloaded(now instant, l *Lease, r *Result) time.Duration {
	if !q.breaker.open { // a probe's failure says nothing that is not known
		q.limit.strained(true)
		q.limit.overloaded(now, l.started, q.inFlight+1)
	}
	q.breaker.failed(now, l.started)
	return q.backoff(now, l, r)
}

// unanswered: a time-out is a sample too, or a model that has become slower than
// the time-out would never be found out. A call that was given up is none, nor is one
// that hung alone while later calls were answered.
func (q *group) unanswered(now instant, l *Lease, r *Result) time.Duration {
	if l.gaveUp {
		return 0
	}
	if !q.breaker.open && l.started >= q.breaker.newestGood {
		q.latency.add(now - l.started)
	}
	return q.overloaded(now, l, r)
}

// backoff doubles with each failure of the item that counts, with full jitter, as "Exponential
// Backoff And Jitter" (AWS Architecture Blog, 2015) found best. It is never less than the
// answer asks for.
func (q *group) backoff(now instant, l *Lease, r *Result) time.Duration {
	wait := q.random.upTo(min(backoffFirst<<min(l.need.Failures, 10), backoffMost))
	if asked, _ := r.asked(l.gate.wall(now)); asked > 0 {
		wait = max(wait, asked+q.random.upTo(throttleBlur))
	}
	return wait
}

// refused takes in a 429. One that is stray makes its own item wait, no other.
func (q *group) refused(now instant, l *Lease, r *Result, told room) (wait time.Duration) {
	q.limited, q.throttled = true, r.Cause
	asked, coarse := r.asked(l.gate.wall(now))
	wait, pause := q.throttleTimes(asked, coarse)
	if told == usedUp {
		q.ignored.refused(now, l.promised)
	} else {
		means := q.learn(now, l, told)
		switch {
		case means <= meansWait && q.starts < throttleKnown && asked > throttleRound:
			// A long wait that is asked for of the first calls is believed at once: it
			// is not known yet whether others get through.
		case means == meansNothing:
			return wait
		case means == meansWait:
			q.pacer.pause(now, now+throttleHold, 0)
			return wait
		case means == meansCut:
			pause = min(pause, throttleShort)
		default: // used up
			// In proportion to how long it has been, so that few calls only ask.
			pause = max(pause, min(q.learned.dryFor(now)/5, dryMost))
		}
	}
	q.limit.endSlowStart()
	if asked > 0 || l.started > q.pacer.since {
		q.pacer.pause(now, now+pause, q.gap(now, l.cost))
	}
	return wait
}

// learn takes in a 429 that headers do not account for.
func (q *group) learn(now instant, l *Lease, told room) meaning {
	return q.learned.throttled(refusal{
		now: now, started: l.started, number: l.number, total: q.starts,
		speed: q.recent.rate(now), rising: q.limit.slow && q.recent.rising(now), told: told == doubtful,
	})
}

// throttleTimes returns how long a 429's item waits, and how long its group.
func (q *group) throttleTimes(asked time.Duration, coarse bool) (wait, pause time.Duration) {
	switch {
	case asked == 0:
		pause = 100*time.Millisecond + q.random.upTo(100*time.Millisecond)
		wait = pause
	case coarse && asked <= throttleRound:
		// Most of these stand for something far shorter.
		wait, pause = asked, throttleShort
	default:
		wait, pause = asked, asked
	}
	return wait + q.random.upTo(throttleBlur), pause
}

// room is what an answer's headers say is left.
type room uint8

const (
	untold room = iota
	left
	usedUp
	doubtful // used up, by headers that are ignored
)

// readHeader takes in the rate headers of an answer.
func (q *group) readHeader(now instant, l *Lease, h http.Header) room {
	if len(h) == 0 {
		return untold
	}
	at := l.gate.wall(now)
	requests, ok1 := readQuota(h, requestNames, at)
	tokens, ok2 := readQuota(h, tokenNames, at)
	if !ok1 && !ok2 {
		return untold
	}
	q.limited = true
	if ok1 {
		requests.sent, requests.spent = l.started, float64(l.number)
		q.requests.observe(requests)
	}
	if ok2 {
		tokens.sent, tokens.spent = l.started, l.spentTokens
		q.tokens.observe(tokens)
	}
	empty, ignored := ok1 && requests.remaining < 1 || ok2 && tokens.remaining < l.cost, q.ignored.now(now)
	switch {
	case empty && ignored:
		return doubtful
	case ignored:
		return untold
	case empty:
		return usedUp
	default:
		return left
	}
}
