package upstream

import "time"

// The limit's constants.
const (
	limitFloor  = 4.0             // fewer in flight could not tell good from bad
	limitStep   = 2.0             // growth a success in slow start
	limitBusy   = 0.8             // a start that saw less of the limit in use says nothing about it
	limitGrowth = 0.05            // growth a round afterwards
	limitCut    = 0.7             // what an overload leaves
	limitRest   = 2 * time.Second // no growth after a cut
	limitStrain = 0.05            // share of overloads from which the limit is cut
	limitFollow = 0.02            // of each call, for that share
	limitTrim   = 3 * time.Second // how often what is not used is taken back
	limitRoom   = 1.5             // times the peak that is left then
)

// limit is how many calls of a group may be in flight: slow start, then additive
// growth while it is the limit that binds, and one cut for each overload.
//
// Ideas from RFC 5681 (slow start; one cut an episode), Chiu and Jain 1989
// (additive increase, multiplicative decrease) and Inspect's adaptive connections.
type limit struct {
	value   float64
	start   float64 // what it began with, and what idling never takes
	ceiling float64
	fixed   bool // a fixed pool: nothing moves it
	slow    bool // slow start

	strain   float64 // share of overloads of late
	cutAt    instant // calls that started before say nothing new
	restedAt instant // growth from here on

	peak      int
	trimmedAt instant
}

func newLimit(start, ceiling int, fixed bool) limit {
	return limit{
		value: float64(start), start: float64(start), ceiling: float64(ceiling),
		fixed: fixed, slow: !fixed, cutAt: -1,
	}
}

// allows reports whether one more call may start in addition to those in flight.
func (l *limit) allows(inFlight int) bool { return inFlight < int(l.value) }

// started notes a start, and reports whether it saw the limit nearly used up.
func (l *limit) started(now instant, inFlight int) (busy bool) {
	l.peak = max(l.peak, inFlight)
	if now-l.trimmedAt >= limitTrim {
		l.trim(now, inFlight)
	}
	return float64(inFlight) >= limitBusy*l.value
}

// trim takes back what has not been used, so that a quiet hour does not leave a
// limit behind that nothing has ever tested.
func (l *limit) trim(now instant, inFlight int) {
	if !l.fixed {
		l.value = min(l.value, max(l.start, limitRoom*float64(l.peak)))
	}
	l.peak, l.trimmedAt = inFlight, now
}

// succeeded grows the limit for a success whose start was busy.
func (l *limit) succeeded(now instant, busy bool) {
	if l.fixed || !busy || now < l.restedAt {
		return
	}
	if l.slow {
		l.value += limitStep
	} else {
		l.value += max(1, limitGrowth*l.value) / l.value
	}
	l.value = min(l.value, l.ceiling)
}

// lower takes the limit down to most, but for the least.
func (l *limit) lower(most float64) {
	if !l.fixed {
		l.value = min(l.value, max(most, limitFloor))
	}
}

// endSlowStart is for a 429: it says nothing against the calls in flight, but it
// says that the end of free growth is reached.
func (l *limit) endSlowStart() { l.slow = false }

// strained notes whether a call met an overload.
func (l *limit) strained(yes bool) {
	now := 0.0
	if yes {
		now = 1
	}
	l.strain += limitFollow * (now - l.strain)
}

// overloaded cuts the limit, once for all calls that were in flight together. A
// single call that hangs or is turned away changes nothing.
func (l *limit) overloaded(now, started instant, inFlight int) {
	if l.fixed || started <= l.cutAt || l.strain < limitStrain {
		return
	}
	l.set(limitCut * min(l.value, float64(inFlight)))
	l.cutAt, l.restedAt = now, now+limitRest
}

// restart begins again from value, for a server or key that has come back.
func (l *limit) restart(now instant, value float64) {
	if l.fixed {
		return
	}
	l.set(value)
	l.slow, l.restedAt = true, now
	l.peak, l.trimmedAt = int(l.value), now
}

// set ends slow start and moves the limit.
func (l *limit) set(value float64) {
	if l.fixed {
		return
	}
	l.slow = false
	l.value = min(max(value, limitFloor), l.ceiling)
}

// setCeiling changes the upper end, which of a fixed pool is its size.
func (l *limit) setCeiling(n int) {
	l.ceiling = float64(n)
	if l.fixed {
		l.value = l.ceiling
		return
	}
	l.value = min(l.value, l.ceiling)
}
