package upstream

import (
	"math"
	"time"
)

// curve returns the speed that the time since the last cut allows, in starts a second.
func (l *learned) curve() float64 {
	if l.rate == 0 {
		return math.Inf(1)
	}
	t, past := l.flat()
	if t > past {
		return growPast * l.top * math.Exp(l.climb)
	}
	return max(l.top+l.steep*t*t*t, l.rate)
}

// flat returns the seconds since the curve was flat, and those after which it has
// gone past the top.
func (l *learned) flat() (since, past float64) {
	return l.clock.Seconds() - math.Cbrt((l.top-l.rate)/l.steep), math.Cbrt((growPast - 1) * l.top / l.steep)
}

// advance moves along the curve by a time in which the speed was what held calls
// back.
func (l *learned) advance(d time.Duration) {
	if l.rate == 0 || l.dry || l.trial.on {
		return
	}
	d = min(d, time.Second)
	l.clock += d
	if t, past := l.flat(); t > past {
		l.climb += l.pace * d.Seconds()
	}
}

// begin puts the curve to its begin, at a part of the top.
func (l *learned) begin(rest, steep float64) {
	l.rate, l.steep, l.clock, l.climb, l.pace = rest*l.top, steep*l.top, 0, 0, growPace
}

// search has the speed grow from the top at once, for a limit that is to be found.
func (l *learned) search() {
	l.begin(cutRest, growSoon)
	since, past := l.flat()
	l.clock, l.pace = seconds(past-since), growSearch
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
