package upstream

import "time"

// When headers are ignored.
const (
	ignoreShare  = 0.5         // of the most that was ever left: what they promised to a call that was refused
	ignoreAfter  = 2           // such calls
	ignoreWithin = time.Minute // of each other
	ignoreFirst  = time.Minute // and for how long, twice as long each time
	ignoreMost   = time.Hour
)

// ignored is for headers that contradict themselves, such as the limit of a minute
// with what remains of a second: the refill worked out from them is 60 times too
// high. They are ignored after two 429s of calls for which they promised plenty,
// and the speed is learned from 429s instead.
type ignored struct {
	until instant
	since instant // of the count
	count int
	last  time.Duration
}

// now reports whether headers are ignored.
func (i *ignored) now(now instant) bool { return now < i.until }

// refused takes in a 429 with headers that say the quota is used up. promised is the
// part of the most ever left that they had said was there for the call.
func (i *ignored) refused(now instant, promised float64) {
	if promised < ignoreShare {
		return
	}
	if now-i.since > ignoreWithin {
		i.since, i.count = now, 0
	}
	if i.count++; i.count >= ignoreAfter {
		i.last = min(max(2*i.last, ignoreFirst), ignoreMost)
		i.until, i.count = now+i.last, 0
	}
}
