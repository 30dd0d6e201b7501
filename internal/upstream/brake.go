package upstream

import "time"

// The brake's constants.
const (
	brakeFew     = 8   // calls in flight that hardly any server has to queue
	brakeRound   = 16  // successes that are judged together
	brakeOver    = 1.8 // times the base latency
	brakeWary    = 1.4 // times the base latency, from which the limit does not grow
	brakeSamples = 24  // in a dip
	brakeDip     = 0.5 // of what is being served
	brakeLow     = 1.15
	brakeAim     = 1.3
	brakeHigh    = 1.5
	brakeProbe   = 0.15
	brakePays    = 0.05 // throughput that a larger limit has to bring
	brakeCosts   = 0.03 // throughput that a smaller one may cost
	brakePeriod  = 5 * time.Second
	brakeSettle  = time.Second // the period while the limit is still far off
	brakeStall   = 0.7         // of a round's mean latency without an answer: a stall and no queue
	brakeEarly   = 4           // rounds in which the server is likely not to queue yet
)

// brake is for servers that queue what they cannot serve at once, as those that
// run a model on their own machine do. They never refuse; each further call just
// makes all of them slower.
//
// When answers take well over what they take with few calls in flight, the limit
// dips for a moment to see what they take without a queue. Where that was a false
// alarm, all is as before. Answers that are late because nothing came for a while are no
// reason for a dip: a queue moves on all the time. Else the limit is set to what Little's law says is
// being served (throughput times unloaded latency) and a little more, to keep
// the server's queue from running empty. From then on a little less and a little
// more are tried in turn, and kept if that pays.
//
// Ideas from Envoy's adaptive concurrency, Netflix's Gradient2, and BBR (the dip).
type brake struct {
	phase brakePhase
	base  float64 // mean latency without a queue, seconds
	bases int     // answers that it is the mean of

	rounds int
	began  instant // of the round
	done   recent  // successes
	ended  int     // successes in the round
	sum    float64 // latency of those that also started in it, seconds
	count  int
	last   instant       // the newest success
	gap    time.Duration // the longest time between two of the round

	dipFrom int64   // starts before the dip
	lifted  instant // when enough calls had started in the dip. 0: not yet
	slow    float64 // latency that raised the alarm, seconds

	speed float64 // successes a second, before the dip or the trial
	prior float64 // limit before it
	trial float64 // +1 up, -1 down, 0 none
	way   float64 // of the next trial

	period time.Duration // of trials
}

type brakePhase uint8

const (
	brakeOff brakePhase = iota
	brakeDipping
	brakeOn
)

// engaged reports whether the brake has taken the limit over.
func (b *brake) engaged() bool { return b.phase != brakeOff }

// succeeded notes the success of a call with the given number, and sets the limit
// if that is due. inFlight is what the call saw at its start, itself included,
// starts is how many calls have started by now.
func (b *brake) succeeded(now, started instant, number, starts int64, inFlight int, lim *limit) {
	took := (now - started).Seconds()
	b.done.add(now)
	if b.phase == brakeDipping {
		b.dip(now, took, number, starts, lim)
		return
	}
	if b.phase == brakeOff && inFlight <= brakeFew {
		b.bases++
		b.base += (took - b.base) / float64(min(b.bases, 64))
	}
	b.ended++
	b.gap, b.last = max(b.gap, now-b.last), now
	if started >= b.began {
		b.sum += took
		b.count++
	}
	switch {
	case b.phase == brakeOff && b.count >= brakeRound && b.bases >= brakeFew:
		b.judge(now, starts, lim)
	case b.phase == brakeOn && now-b.began >= b.period:
		b.tune(now, lim)
	}
}

// wary reports whether answers have begun to take longer: no time to grow.
func (b *brake) wary() bool {
	return b.count >= brakeFew && b.bases >= brakeFew && b.sum/float64(b.count) > brakeWary*b.base
}

// round begins a new one.
func (b *brake) round(now instant) {
	b.began, b.ended, b.sum, b.count, b.last, b.gap = now, 0, 0, 0, now, 0
}

// judge ends a round in which the server may have been found to queue.
func (b *brake) judge(now instant, starts int64, lim *limit) {
	mean := b.sum / float64(b.count)
	stalled := b.gap.Seconds() > brakeStall*mean
	b.round(now)
	if b.rounds++; b.rounds <= brakeEarly {
		// Eight answers alone may have been slow ones by chance.
		b.base = min(b.base, mean)
	}
	if mean < brakeOver*b.base || stalled { // a queue moves on all the time
		return
	}
	b.phase, b.slow, b.speed, b.prior = brakeDipping, mean, b.done.rate(now), lim.value
	b.dipFrom, b.lifted = starts, 0
	lim.set(b.speed * b.base * brakeDip)
}

// dip measures the calls that start first in a dip: all of them, as those that
// end first are the short ones.
func (b *brake) dip(now instant, took float64, number, starts int64, lim *limit) {
	last := b.dipFrom + brakeSamples
	if number > b.dipFrom && number <= last {
		b.sum += took
		b.count++
	}
	switch {
	case b.lifted == 0 && starts >= last:
		b.lifted = now
		lim.set(b.speed * b.base * brakeAim)
	case b.count >= brakeSamples,
		b.lifted > 0 && b.count >= brakeFew && (now-b.lifted).Seconds() > 4*b.base:
		b.surface(now, lim)
	}
}

// surface ends a dip.
func (b *brake) surface(now instant, lim *limit) {
	b.base, b.bases = b.sum/float64(b.count), brakeSamples
	b.round(now)
	if b.slow < brakeOver*b.base {
		b.phase = brakeOff
		lim.restart(now, b.prior)
		return
	}
	b.phase, b.way, b.trial, b.period = brakeOn, -1, 0, brakeSettle
	lim.set(b.speed * b.base * brakeAim)
}

// tune ends one trial and begins the next.
func (b *brake) tune(now instant, lim *limit) {
	speed, mean := float64(b.ended)/(now-b.began).Seconds(), b.sum/float64(max(b.count, 1))
	b.round(now)
	switch {
	case b.trial < 0 && speed < (1-brakeCosts)*b.speed:
		// With fewer calls the server was idle at times: so long they take without a queue.
		b.base = max(b.base, mean)
		lim.set(b.prior)
		b.trial, b.period = 0, brakeSettle
		return
	case b.trial > 0 && speed < (1+brakePays)*b.speed:
		lim.set(b.prior)
		b.trial = 0
		return
	}
	serving := speed * b.base
	if lim.value < brakeLow*serving || lim.value <= brakeFew && lim.value < brakeWary*serving {
		// The server has become quicker, or was still filling up. With few calls the latency is
		// that of few answers, and so a matter of chance too.
		b.trial, b.period = 0, brakeSettle
		lim.set(max(brakeAim*serving, lim.value+1))
		return
	}
	if lim.value > brakeHigh*serving {
		b.way = -1
	}
	b.speed, b.prior, b.trial, b.period = speed, lim.value, b.way, brakePeriod
	b.way = -b.way
	to := lim.value + b.trial*max(1, brakeProbe*lim.value) // a part of a call changes nothing
	if (b.trial < 0 && to < brakeLow*serving) || (b.trial > 0 && to > brakeHigh*serving) {
		b.trial = 0
		return
	}
	lim.set(to)
}
