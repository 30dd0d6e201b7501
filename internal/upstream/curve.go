package upstream

import (
	"math"
	"time"
)

const (
	growCubic = 0.02 // of the top's square root, by the third power of seconds
	growSoon  = 0.06 // the same after a goodput that was measured over less than a second
	growPast  = 1.15 // of the top, from where on it was wrong
	growSlow  = 0.1  // exponent a second from there
	growFast  = 0.5  // and once more has got through than a full bucket explains:
	growFull  = 1.2  // this many times a second's worth, or what was above the top before the last cut
	growFade  = 0.7  // of which this is kept at a cut that came sooner
	growMost  = 6.0  // of the top, from where on no limit is known
	growLeast = 0.05 // starts a second
)

// curve is the speed since the last cut.
type curve struct {
	rate  float64 // after the cut, starts a second. 0: no limit is known
	top   float64 // where the curve is flat
	steep float64
	clock time.Duration // how far on the curve
	climb float64       // exponent of the growth past it
	above float64       // starts above the top since the cut
	full  float64       // the same up to a cut: what a full bucket lets through
}

// known reports whether a limit is known.
func (c *curve) known() bool { return c.rate != 0 }

// speed returns the speed that the time since the last cut allows, in starts a second.
func (c *curve) speed() float64 {
	if !c.known() {
		return math.Inf(1)
	}
	t, past := c.flat()
	if t > past {
		return growPast * c.top * math.Exp(c.climb)
	}
	return max(c.top+c.steep*t*t*t, c.rate)
}

// flat returns the seconds since the curve was flat, and those after which it has
// gone past the top.
func (c *curve) flat() (since, past float64) {
	return c.clock.Seconds() - math.Cbrt((c.top-c.rate)/c.steep), math.Cbrt((growPast - 1) * c.top / c.steep)
}

// advance moves along the curve by a time in which the speed was what held calls
// back.
func (c *curve) advance(d time.Duration) {
	if !c.known() {
		return
	}
	d = min(d, time.Second)
	c.clock += d
	c.above += max(c.speed()-c.top, 0) * d.Seconds()
	if t, past := c.flat(); t > past {
		grow := growSlow
		if c.above > growFull*c.full {
			grow = growFast
		}
		c.climb += grow * d.Seconds()
	}
}

// begin puts the curve to its start, at a part of the top. It grows with the top's
// square root: replicas with a small share of a limit catch up with the others.
func (c *curve) begin(top, rest, steep float64) {
	c.top = max(top, growLeast)
	c.rate, c.steep, c.clock, c.climb = rest*c.top, steep*math.Sqrt(c.top), 0, 0
	c.full, c.above = max(c.above, growFade*c.full, c.top), 0
}

// search has the speed grow from the top at once, for a limit that is to be found.
func (c *curve) search(top float64) {
	c.begin(top, cutRest, growSoon)
	since, past := c.flat()
	c.clock, c.full = seconds(past-since), 0
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
