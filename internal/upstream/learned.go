package upstream

import (
	"math"
	"time"
)

// The learned rate's numbers, chosen by simulation: see TestQuotas and TestStray429s.
const (
	// A 429 of a call is a limit's or stray: see suspicion.
	excessTimes = 2.0  // a limit refuses at least this many times the stray share,
	excessShare = 0.03 // and this share of the calls more
	alarmFree   = 3.4  // log likelihood ratio that starts a trial while no limit is known
	alarmNear   = 2.75 // the same for a cut at a known limit: one 429 is enough unless some are stray
	alarmAway   = 6.0  // the same below it, where a limit's 429s are not expected
	alarmRise   = 100.0
	alarmMost   = 7.0
	denseShare  = 0.3 // only a limit refuses so many at once,
	denseLeast  = 3   // if there are this many 429s

	// A cut.
	cutNear  = 0.985 // of the top, from where on the curve is near the limit
	cutRest  = 0.95  // of the top, so that a bucket fills a little
	cutYield = 0.9   // the same if the goodput has fallen, which lets replicas become equal
	cutFirst = 0.3   // of the goodput when a limit is first met: a full bucket makes it look better
	cutMeans = 8     // calls that are enough to measure goodput by
	cutWeak  = 0.1   // if less than this share was refused it may be chance, and the top
	cutKept  = 0.993 // falls to this part of itself at the least,
	cutSoon  = 0.95  // or to this if the last cut was less than a second ago

	// A quota that is used up.
	dryAfter = 3   // calls in a row that are refused
	dryShare = 0.8 // or this share, as a call may still have got through
	dryAsk   = 10  // starts a second while it is
)

// learned is the speed that 429s allow if headers are silent. It is infinite until
// they show a limit.
//
// Two kinds of 429 look the same. A limit's 429s end when the speed falls a little,
// stray ones come at any speed: the server was busy, a proxy was restarted. Slowing
// down for stray ones wastes time, so their share is estimated, and only 429s that
// are too many for that share raise an alarm. A stray 429 delays its own item only.
//
// While no limit is known, an alarm starts a trial at half the speed, unless the
// 429s are so many that only a limit explains them. While one is known, an alarm
// cuts the speed to the goodput since the last cut. That is the limit exactly,
// because the quota was used up at both ends.
//
// After a cut the speed follows a cubic curve: back to what was measured, flat
// around it, then growing ever faster. The curve stands still while something else
// holds the calls back, or it would grow untested.
//
// Calls are counted by their numbers and in the order of their starts: 429s come
// back sooner than answers, so among those that are back too many are 429s.
//
// Ideas from CUSUM and the sequential probability ratio test (Page 1954, Wald 1945)
// and from CUBIC (RFC 9438).
type learned struct {
	curve   curve
	stray   strayShare
	suspect suspicion
	trial   trial
	confirm int64   // an alarm up to this call is a limit,
	tried   float64 // and this speed was below it

	total      int64   // starts so far
	cutAt      instant // the last cut or start of a trial: calls from before say nothing new
	cutNumber  int64   // starts by then
	refused    int64   // 429s of calls since
	opened     instant // start of the call whose 429 led to it
	openNumber int64
	rejects    int64 // 429s since that call
	dry        bool  // nothing gets through: the quota is used up
	drySince   instant
}

// refusal is a 429: of the call with the given start and number, among total
// starts so far, of which speed in the last second.
type refusal struct {
	now, started  instant
	number, total int64
	speed         float64
}

// meaning is what a 429 means for the gate.
type meaning uint8

const (
	meansNothing meaning = iota // stray, or nothing new: its own item waits, no other
	meansCut                    // the speed was too high and has been cut
	meansUsedUp                 // nothing gets through: the quota is used up, whatever the speed
)

func newLearned() learned { return learned{cutAt: -1, stray: strayShare{share: strayFirst}} }

// current returns the speed now, in starts a second. If the quota is used up, calls
// only ask whether it still is.
func (l *learned) current() float64 {
	rate := l.curve.speed()
	if l.trial.on {
		rate = min(rate, l.trial.speed)
	}
	if l.dry {
		rate = min(rate, dryAsk)
	}
	return rate
}

// start takes in the start of the call with the number, which the speed has held back
// for the time.
func (l *learned) start(number int64, waited time.Duration) {
	if !l.dry && !l.trial.on {
		l.curve.advance(waited)
	}
	if l.curve.known() && !l.near() {
		l.stray.away(number)
	}
}

// known reports whether a limit is known at the speed: far above what once was one,
// it is no longer.
func (l *learned) known(speed float64) bool {
	return l.curve.known() && min(l.curve.speed(), speed) < growMost*l.curve.top
}

// near reports whether the curve is where the known limit lies, or above.
func (l *learned) near() bool { return l.curve.speed() > cutNear*l.curve.top }

// succeeded takes in that the call with the number got through.
func (l *learned) succeeded(now instant, number, total int64) {
	l.total = total
	if number > l.cutNumber {
		l.dry = false
	}
	l.judge(now, number)
}

// throttled takes in a 429.
func (l *learned) throttled(r refusal) meaning {
	l.total = r.total
	if r.number > l.openNumber {
		l.rejects++
	}
	if r.started <= l.cutAt {
		return meansNothing
	}
	l.refused++
	switch {
	case l.usedUp(r):
		return meansUsedUp
	case l.trial.on:
		l.trial.rejects++
		l.judge(r.now, r.number)
		return meansNothing
	case l.curve.known() && l.nearlyAll(r.number):
		return meansCut // the cut has just been made, or the quota is used up
	case !l.alarm(&r):
		return meansNothing
	case l.known(r.speed):
		l.cut(&r)
		return meansCut
	default:
		return l.meet(&r)
	}
}

// nearlyAll reports whether the calls from the last cut to the one with the number
// were refused.
func (l *learned) nearlyAll(number int64) bool {
	return float64(l.refused) >= dryShare*float64(number-l.cutNumber)
}

// usedUp reports whether nothing has got through since the last cut.
func (l *learned) usedUp(r refusal) bool {
	if !l.curve.known() && !l.trial.on {
		return false
	}
	if !l.dry && l.refused >= dryAfter && l.nearlyAll(r.number) {
		l.dry, l.drySince = true, r.started
	}
	if l.dry {
		l.cutAt, l.cutNumber, l.refused = r.now, r.total, dryAfter
		l.trial.from, l.trial.rejects = r.total, 0
		l.suspect.counted = max(l.suspect.counted, r.total)
	}
	return l.dry
}

// dryFor returns for how long nothing has got through.
func (l *learned) dryFor(now instant) time.Duration { return now - l.drySince }

// alarm reports whether there are too many 429s to be stray.
func (l *learned) alarm(r *refusal) bool {
	known, before := l.known(r.speed), l.stray.share
	least, at := strayLeastFree, alarmFree
	switch {
	case known && l.near():
		least, at = strayLeast, alarmNear
	case known:
		least, at = strayLeast, alarmAway
	}
	chance := max(least, before)
	excess := excessTimes*chance + excessShare
	calls := l.suspect.add(r.number, math.Log(excess/chance), -math.Log((1-excess)/(1-chance)))
	if l.suspect.rejects == 1 {
		l.suspect.strayWas = before
	}
	l.stray.refused(r.number, calls, known)
	return l.suspect.sum >= min(at+alarmRise*chance, alarmMost)
}

// meet takes in an alarm while no limit is known.
func (l *learned) meet(r *refusal) meaning {
	k, calls, share := l.suspect.refused()
	switch {
	case k > denseShare*calls && k < denseLeast:
		return meansNothing // the next calls say more
	case k > denseShare*calls:
		l.limitBelow(r, cutFirst*r.speed*(1-share))
		return meansCut
	case r.number < l.confirm:
		l.limitBelow(r, l.tried)
		return meansCut
	default:
		l.try(r, r.speed*(1-share), share/2)
		return meansNothing
	}
}

// limitBelow starts a search for a limit from a speed that is below it. The 429s
// that showed it are not counted as stray.
func (l *learned) limitBelow(r *refusal, speed float64) {
	l.confirm, l.stray.share = 0, min(l.stray.share, l.suspect.strayWas)
	l.curve.search(speed)
	l.open(r)
}

// cut lowers the speed to the goodput since the last cut, or to what the 429s
// leave of it if that is too short.
func (l *learned) cut(r *refusal) {
	_, _, share := l.suspect.refused()
	speed, kept := min(l.curve.speed(), r.speed), cutSoon
	passed, through := r.started-l.opened, r.number-l.openNumber-l.rejects
	top, rest, steep := speed*(1-share), cutRest, growSoon
	if passed > time.Second {
		kept = cutKept
	}
	if passed > time.Second && through > cutMeans {
		goodput := float64(through) / passed.Seconds()
		if goodput < speed {
			rest = cutYield
		}
		top, steep = min(goodput, speed)/(1-l.stray.share), growCubic
	}
	if share < cutWeak {
		top = max(top, kept*l.curve.top)
	}
	l.curve.begin(top, rest, steep)
	l.open(r)
}

// open notes that what follows is counted from here.
func (l *learned) open(r *refusal) {
	l.cutAt, l.cutNumber, l.refused = r.now, r.total, 0
	l.opened, l.openNumber, l.rejects = r.started, r.number, 0
	l.suspect = suspicion{counted: r.total, strayWas: l.stray.share}
}
