package upstream

import (
	"math"
	"time"
)

// The learned rate's constants.
const (
	learnedFirst  = 0.5                   // of the speed at the first 429
	learnedFew    = 8                     // calls that are enough to measure goodput by
	learnedCut    = 0.7                   // where they were fewer
	learnedSoon   = 50 * time.Millisecond // after a cut: a 429 here has nothing to do with the speed
	learnedAsk    = 10.0                  // starts a second while the quota is used up
	learnedYield  = 0.9                   // a further cut that lets replicas become equal
	learnedSearch = 0.8                   // growth exponent a second, until a limit has been met
	learnedCubic  = 0.15                  // starts a second, by the third power of seconds
	learnedSteep  = 0.6                   // the same after a goodput measured over less than a second
	learnedMost   = 4.0
	learnedLeast  = 0.05 // starts a second
)

// learned is the speed that 429s allow where headers are silent. It is infinite
// until the first one.
//
// An episode begins with a 429 whose call started after the last cut. The first
// one halves the speed and begins a search; each later one sets it to the
// goodput since the one before, from where it follows a cubic curve: back to
// what was measured, flat around it, then growing ever faster. The curve stands
// still while something else holds the calls back, or it would grow untested.
//
// Ideas from the AWS SDKs' adaptive retry mode and CUBIC (RFC 9438).
type learned struct {
	rate      float64 // after the last cut, starts a second. 0: nothing learned
	top       float64 // where the curve is flat
	goodput   float64 // at the last cut, 0 where it was not measured
	steep     float64 // of the curve
	searching bool
	through   bool // some call has got through since the last look
	dry       bool // none did before the next 429
	drySince  instant
	clock     time.Duration // how far on the curve

	cutAt      instant // the last look at it, cut or not
	cutNumber  int64   // starts by then
	opened     instant // start of the call that opened the episode
	openNumber int64   // its number among the starts
	rejects    int64   // 429s since, of calls started since
}

func newLearned() learned { return learned{cutAt: -1} }

// current is the speed now. Where the quota is used up, calls only ask whether
// it still is.
func (l *learned) current() float64 {
	if l.dry {
		return min(l.curve(), learnedAsk)
	}
	return l.curve()
}

func (l *learned) curve() float64 {
	t := l.clock.Seconds()
	switch {
	case l.rate == 0:
		return math.Inf(1)
	case l.searching:
		return l.rate * math.Exp(learnedSearch*t)
	}
	t -= math.Cbrt((l.top - l.rate) / l.steep)
	return max(l.top+l.steep*t*t*t, l.rate)
}

// advance moves along the curve by a time in which the speed was what held calls
// back. Far above what once was the limit there is no limit known any more.
func (l *learned) advance(d time.Duration) {
	if l.rate == 0 || l.dry {
		return
	}
	l.clock += min(d, time.Second)
	if rate := l.curve(); !l.searching && rate > learnedMost*l.top {
		l.rate, l.searching, l.clock = rate, true, 0
	}
}

// succeeded notes that the call with the number got through.
func (l *learned) succeeded(number int64) {
	if number > l.cutNumber {
		l.through, l.dry = true, false
	}
}

// learning is what a 429 means for the learned rate.
type learning uint8

const (
	known   learning = iota // a call from before the last look: nothing new
	dry                     // nothing has got through since: the quota is used up, whatever the speed
	episode                 // the speed was too high and has been cut
)

// throttled takes in a 429 of the call with the given start and number. speed is
// the starts a second of late, total the starts so far.
func (l *learned) throttled(now, started instant, number, total int64, speed float64) learning {
	if number > l.openNumber {
		l.rejects++
	}
	if started <= l.cutAt {
		return known
	}
	ahead, through := float64(number-l.cutNumber-1), l.through
	l.cutAt, l.cutNumber, l.through = now, total, false
	switch {
	case l.rate == 0:
		l.rate, l.searching = max(learnedFirst*speed, learnedLeast), true
	case !through && ahead < max(2, min(l.current(), speed)*learnedSoon.Seconds()):
		// The span goes on, so that the time without quota counts in its goodput.
		if !l.dry {
			l.dry, l.drySince = true, started
		}
		return dry
	default:
		l.cut(started, number)
	}
	l.dry, l.clock = false, 0
	l.opened, l.openNumber, l.rejects = started, number, 0
	return episode
}

// cut lowers the speed to the goodput since the call that opened the last episode.
func (l *learned) cut(started instant, number int64) {
	rate, passed := l.curve(), started-l.opened
	through := number - l.openNumber - l.rejects
	l.goodput, l.top = 0, learnedCut*rate
	if through >= learnedFew {
		l.goodput = float64(through) / passed.Seconds()
		l.top = min(l.goodput, rate)
	}
	l.searching = false
	l.top = max(l.top, learnedLeast)
	l.rate, l.steep = l.top, learnedCubic
	switch {
	case passed <= time.Second:
		l.steep = learnedSteep
	case l.top < rate:
		l.rate *= learnedYield
	}
}

// dryFor is how long the calls have been getting nowhere.
func (l *learned) dryFor(now instant) time.Duration { return now - l.drySince }

// release forgets what was learned.
func (l *learned) release() { *l = learned{cutAt: l.cutAt} }
