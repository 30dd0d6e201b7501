package upstream

import (
	"math"
	"time"
)

// The learned rate's numbers, found by simulation of some forty upstreams.
const (
	// How a limit is told from chance: see suspicion.
	strayFirst   = 0.002  // taken to be stray before anything is known
	strayAtLeast = 0.015  // rarer 429s than these raise no alarm unless they come close together
	strayPerRate = 0.0001 // the same for each start a second: at slow speeds a 429 too many counts for more
	strayLowest  = 0.002  // and below this it never is
	strayRare    = 0.0008 // the same with a limit if none has been seen away from it among
	strayKept    = 4000   // so many calls
	strayMost    = 0.08   // a larger share is a limit: replicas that pass one over flood the server
	excessShare  = 0.03   // a limit refuses this much more than is stray, and
	excessTimes  = 2.0    // this many times as much
	alarmAt      = 3.4    // log likelihood ratio: two or three 429s close together
	alarmRise    = 100.0  // more of it for each share that is stray, or chance alone would reach it each minute
	alarmMost    = 7.0
	denseShare   = 0.3     // so many are refused at a limit only: no trial is made
	denseLeast   = 3       // 429s for that
	denseFirst   = 5       // the same while no limit is known, or
	floodShare   = 0.6     // this moving share of what comes back, about eight 429s in a row,
	floodFollow  = 1.0 / 8 // followed by so much of each

	// A trial.
	trialSpeed   = 0.8   // of what gets through: below any limit that the 429s may have come from
	trialSlow    = 0.5   // the same from no limit if more than
	trialMany    = 0.05  // this share are refused: a bucket that was full has made the speed look better
	trialStray   = 0.01  // taken to be stray at least, so that it ends
	trialSure    = 3.0   // log likelihood ratio at which it ends
	trialLeast   = 40    // calls before 429s are found to be stray: the first few mislead
	trialMuch    = 0.11  // such a share takes all the calls of a trial to be found stray
	trialKnown   = 0.05  // the most that is found to be stray while a limit is known
	trialCertain = 0.015 // the same soon after most calls were refused: others share the limit
	certainFor   = 600   // calls
	trialFew     = 3     // this many 429s and
	trialOver    = 0.15  // this share of calls are a limit's at once
	trialMost    = 250   // calls after which the likelier of the two is taken
	confirmTimes = 3     // as many calls as the alarm took: 429s that come again within them are a limit's
	confirmLeast = 100

	waitSpeed = 100.0 // starts a second that the first 429 for long leaves at least

	// A cut.
	cutNear   = 0.985 // of the top: below, a 429 is not expected and may be stray
	cutPaced  = 0.9   // of the curve: below, it is not what holds calls back, and a cut would change nothing
	cutRest   = 0.95  // of what gets through, so that a bucket fills a little
	cutFirst  = 0.5   // the same from no limit: a bucket that was full has made the speed look better
	cutYield  = 0.9   // the same if the goodput has fallen, which lets replicas become equal
	cutMeans  = 8     // calls that are enough to measure goodput by
	cutKept   = 0.99  // of the top, at the least if so few were refused that it may be chance:
	weakShare = 0.1   // less than this, or one
	restLong  = 60    // calls after a cut, whose 429s speed does not explain
	restMost  = 0.015 // and no more than this is learned from them: others may share the limit
	restStray = 1.5   // so many 429s after the last cuts are stray: a quota refuses none there. Of those
	restKept  = 0.9   // after a cut this much counts on with each later one
	restDown  = 0.5   // how far the stray share follows them
	restUp    = 0.05

	// The way up.
	growCubic  = 0.002 // of the top, by the third power of seconds
	growSoon   = 0.006 // the same after a goodput that was measured over less than a second
	growPast   = 1.15  // of the top, from where on it was wrong
	growPace   = 0.25  // exponent a second from there
	growSearch = 0.5   // the same while a limit is searched for
	growMost   = 3.0   // of the top, from where on no limit is known
	growLeast  = 0.05  // starts a second

	// A quota that is used up.
	dryAfter = 3   // calls in a row that are refused
	dryShare = 0.8 // or this share, as a call may still have got through
	dryAsk   = 10  // starts a second while it is

	strayFollow = 1.0 / 400 // of each call without a limit, for the stray share
)

// learned is the speed that 429s allow if headers are silent. It is infinite
// until they show a limit.
//
// Two kinds of 429 look the same. A limit's vanish when the speed falls a little,
// stray ones come at any speed: the server was busy, a proxy was restarted. To
// slow down for them wastes time, so what is learned is the share that is stray,
// and only 429s beyond it count. Stray ones delay their own item, no other.
//
// Far more 429s than stray ones explain raise an alarm (see suspicion). Close to a
// known limit, the speed is cut to the goodput since the last cut, which is the
// limit exactly: at both ends the quota was used up. Elsewhere a trial is made at
// four fifths of the speed. If 429s go on, their share is stray. If they vanish,
// the former speed is taken up again, and it is a limit if they return. There is no
// trial in slow start: at a low speed it takes long, and a limit soon refuses most
// calls, which needs none.
//
// From a cut, the speed follows a cubic curve: back to what was measured, flat
// around it, then growing ever faster. The curve stands still while something else
// holds the calls back, or it would grow untested.
//
// Calls are counted by their numbers and in the order of their starts: 429s come
// back sooner than answers, so among those that are back too many are 429s.
//
// Ideas from CUSUM and the sequential probability ratio test (Page 1954, Wald 1945)
// and from CUBIC (RFC 9438).
type learned struct {
	rate  float64 // after the last cut, starts a second. 0: no limit is known
	top   float64 // where the curve is flat
	steep float64
	clock time.Duration // how far on the curve
	climb float64       // exponent of the growth past it,
	pace  float64       // and how much it rises in a second

	stray     float64 // share of calls that is refused whatever the speed
	suspect   suspicion
	trial     trial
	rest      rest
	unruly    float64 // 429s after cuts, the last ones counting most
	expect    int64   // stray 429s are expected up to this call
	certain   int64   // up to this call there is a limit: it has refused most calls
	confirm   int64   // an alarm up to this call is a limit
	flood     float64 // moving share of 429s among the calls as they come back
	careful   float64 // the speed after the first 429 for long, or 0, until
	carefulTo int64   // a call after this one gets through
	held      int64   // a 429 up to this call is not the first for long
	cutLow    bool    // the last cut was made away from the limit that was known

	total      int64   // starts so far
	cutAt      instant // the last cut or begin of a trial: calls from before say nothing new
	cutNumber  int64   // starts by then
	refused    int64   // 429s of calls since
	opened     instant // start of the call whose 429 led to it
	openNumber int64
	rejects    int64 // 429s since that call
	dry        bool  // nothing gets through: the quota is used up
	drySince   instant
}

// rest is the calls after a cut.
type rest struct{ from, to, rejects int64 }

// refusal is a 429: of the call with the given start and number, among total
// starts so far, of which speed in the last second. Rising says that the pool is in
// slow start and the speed grows, told that headers call the quota used up.
type refusal struct {
	now, started  instant
	number, total int64
	speed         float64
	rising, told  bool
}

// meaning is what a 429 means for the gate.
type meaning uint8

const (
	meansNothing meaning = iota // stray, or nothing new: its own item waits, no other
	meansWait                   // the first for long: what the calls in flight come to tells more
	meansCut                    // the speed was too high and has been cut
	meansUsedUp                 // nothing gets through: the quota is used up, whatever the speed
)

func newLearned() learned { return learned{cutAt: -1, stray: strayFirst} }

// current returns the speed now, in starts a second. If the quota is used up, calls
// only ask whether it still is.
func (l *learned) current() float64 {
	rate := l.curve()
	if l.careful > 0 {
		rate = min(rate, l.careful)
	}
	if l.trial.on {
		rate = min(rate, l.trial.speed)
	}
	if l.dry {
		rate = min(rate, dryAsk)
	}
	return rate
}

// succeeded takes in that the call with the number got through.
func (l *learned) succeeded(number, total int64) {
	l.total = total
	l.flood -= floodFollow * l.flood
	if number > l.carefulTo {
		l.careful = 0
	}
	if number > l.cutNumber {
		l.dry = false
	}
	l.judge(number)
	l.rested(number)
}

// throttled takes in a 429.
func (l *learned) throttled(r refusal) meaning {
	l.total = r.total
	l.flood += floodFollow * (1 - l.flood)
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
		l.judge(r.number)
		return meansNothing
	}
	if r.number <= l.rest.to {
		l.rest.rejects++
	}
	l.rested(r.number)
	if l.rate != 0 && l.nearlyAll(r.number) {
		return meansCut // the cut has just been made, or the quota is used up
	}
	switch {
	case l.alarm(&r):
		return l.alarmed(&r)
	case r.number > l.held && !l.known(r.speed):
		l.held, l.careful, l.carefulTo = r.total+strayKept, max(r.speed, waitSpeed), r.total
		return meansWait
	default:
		return meansNothing
	}
}

// nearlyAll reports whether the calls from the last cut to the one with the number
// were refused.
func (l *learned) nearlyAll(number int64) bool {
	return float64(l.refused) >= dryShare*float64(number-l.cutNumber)
}

// usedUp reports whether nothing has got through since the last cut.
func (l *learned) usedUp(r refusal) bool {
	if l.rate == 0 && !l.trial.on {
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

// dryFor returns how long nothing has got through.
func (l *learned) dryFor(now instant) time.Duration { return now - l.drySince }

// alarm reports whether 429s are more than stray ones explain.
func (l *learned) alarm(r *refusal) bool {
	chance := strayAtLeast
	if l.known(r.speed) {
		chance = min(chance, max(strayPerRate*l.top, strayLowest))
		if l.near(r.speed) && r.number >= l.expect {
			chance = strayRare
		}
	}
	chance = max(chance, l.stray)
	excess := excessTimes*chance + excessShare
	before, calls := l.stray, l.suspect.add(r.number, math.Log(excess/chance), -math.Log((1-excess)/(1-chance)))
	if l.suspect.rejects == 1 {
		l.suspect.strayWas = before
	}
	if !l.known(r.speed) { // without a limit, all are stray
		l.stray = min(l.stray*math.Pow(1-strayFollow, float64(calls))+strayFollow, strayMost)
	}
	return l.suspect.sum >= min(alarmAt+alarmRise*chance, alarmMost)
}

// known reports whether a limit is known at the speed: far above what once was one,
// it is no longer.
func (l *learned) known(speed float64) bool { return min(l.curve(), speed) < growMost*l.top }

// near reports whether the speed is near the known limit, or above it.
func (l *learned) near(speed float64) bool { return min(l.curve(), speed) > cutNear*l.top }

// alarmed cuts the speed or begins a trial.
func (l *learned) alarmed(r *refusal) meaning {
	s := &l.suspect
	k, calls := float64(s.rejects), float64(max(s.counted-s.from+1, s.rejects))
	// An alarm is raised if 429s cluster: their share is taken to be less than that.
	share := max((k-1)/(calls+4), 0.02)
	speed := max(min(l.curve(), r.speed), growLeast)
	dense, known := k/calls > denseShare, l.known(r.speed)
	if !known {
		dense = dense && (k >= denseFirst || r.told) || l.flood > floodShare
	}
	switch {
	case known && l.near(r.speed):
		l.cutLow = false
	case known && !l.cutLow && r.speed > cutPaced*l.curve():
		l.cutLow = true
	case dense && k < denseLeast:
		return meansNothing // too few to tell
	case dense:
		l.certain = r.total + certainFor
	case r.number < l.confirm:
		l.confirm = 0
	case l.rate == 0 && r.rising:
		return meansNothing
	default:
		l.try(r, speed*(1-share), share/2, int64(calls))
		return meansNothing
	}
	l.cut(r, speed, share)
	return meansCut
}

// cut lowers the speed to the goodput since the last cut, or to what the 429s
// leave of it.
func (l *learned) cut(r *refusal, speed, share float64) {
	known := l.known(r.speed)
	passed, through := r.started-l.opened, r.number-l.openNumber-l.rejects
	top, rest, steep := speed*(1-share), cutRest, growSoon
	if !known {
		l.stray = min(l.stray, l.suspect.strayWas)
		top *= cutFirst
	}
	if known && passed > time.Second && through > cutMeans {
		goodput := float64(through) / passed.Seconds()
		if goodput < speed {
			rest = cutYield
		}
		top, steep = min(goodput, speed)/(1-l.stray), growCubic
		if l.weak() {
			top = max(top, cutKept*l.top)
		}
	}
	l.top = max(top, growLeast)
	l.begin(rest, steep)
	if !known {
		l.search()
	}
	l.open(r)
	l.rest = restAfter(r.total)
}

// weak reports whether the alarm may well have been chance: a cut for it must not
// wear the top down.
func (l *learned) weak() bool {
	s := &l.suspect
	return s.rejects == 1 || float64(s.rejects) < weakShare*float64(s.counted-s.from+1)
}

func restAfter(total int64) rest { return rest{from: total, to: total + restLong} }

// open notes that what follows is counted from here.
func (l *learned) open(r *refusal) {
	l.cutAt, l.cutNumber, l.refused = r.now, r.total, 0
	l.opened, l.openNumber, l.rejects = r.started, r.number, 0
	l.suspect = suspicion{counted: r.total, strayWas: l.stray}
}

// rested ends the count after a cut. Speed does not explain these 429s, so their
// share is stray, unless others use the same quota.
func (l *learned) rested(number int64) {
	if l.rest.to == 0 || number < l.rest.to {
		return
	}
	share := min(float64(l.rest.rejects)/restLong, restMost)
	if l.unruly = restKept*l.unruly + float64(l.rest.rejects); l.unruly >= restStray {
		l.expect = number + strayKept
	}
	follow := restUp
	if share < l.stray {
		follow = restDown
	}
	l.stray += follow * (share - l.stray)
	l.rest = rest{}
}
