package upstream

import (
	"math"
	"time"
)

// The level's constants.
const (
	levelApart   = 50 * time.Millisecond // observations nearer together are not compared
	levelCoarse  = 2 * time.Second       // the same where resets come in whole seconds
	levelTrust   = 3 * time.Second       // how long refill is taken as seen
	levelHorizon = 30 * time.Second      // a window's rest is spread over no more than this
	levelLowest  = 0.02                  // of the refill, so that there is always a next reading
	refillFollow = 0.2
	othersFollow = 0.1
	othersMost   = 0.9
	errFollow    = 0.3
	promiseLow   = 0.25 // of the limit: less was ever left where the two contradict
)

// reading is what one answer's headers say of a quota.
type reading struct {
	limit, remaining float64
	reset            time.Duration // until the quota is full again
	coarse           bool          // reset came in whole seconds
	sent             instant       // when the call started
	spent            float64       // what this group had spent by then, this call included
}

// level follows one quota, of requests or of tokens, by what the provider's
// headers say of it, and gives the speed that uses it up without running dry.
//
// Some providers keep a bucket that refills steadily, others a window that is
// full again at its end. The headers look the same, so both are believed at
// once and the one that foretells the next reading better is acted on.
//
// A bucket is kept at the level where the speed equals the refill, about one
// second's worth. Above it the speed is higher, below it lower, in proportion:
// no memory to go wrong, and replicas that read the same level get fair shares.
type level struct {
	seen bool
	last reading // of the call that was sent last
	base reading // an earlier one, for comparing

	most   float64       // that was ever left
	refill float64       // of a bucket, units a second
	others float64       // what other users of the quota take of it
	end    instant       // of a window
	length time.Duration // of a window, as far as seen

	rolled      bool // a new window has begun that nothing has been read of
	rolledAt    instant
	rolledSpent float64

	compared             int
	bucketErr, windowErr float64 // how far predictions were off, seconds
}

// bucket reports which of the two the quota is taken for. It is a window until
// there is evidence, as that is right for a moment in either case.
func (l *level) bucket() bool { return l.compared >= 2 && l.bucketErr < l.windowErr }

// observe takes in a reading. Those of calls sent before the last one are old.
func (l *level) observe(r reading) {
	switch {
	case !(r.limit > 0) || r.remaining < 0:
		return
	case l.seen && r.sent < l.last.sent:
		return
	case !l.seen || r.limit != l.last.limit:
		// The limit itself has changed: what was measured of the old one is void.
		l.refill, l.others, l.length, l.end, l.most = 0, 0, 0, r.sent+r.reset, 0
		l.seen, l.rolled, l.base = true, false, r
	default:
		l.compare(r)
	}
	l.last, l.most = r, max(l.most, r.remaining)
	l.followBucket(r)
	l.followWindow(r)
}

// compare checks what either kind would have foretold from the base reading.
func (l *level) compare(r reading) {
	apart := levelApart
	if r.coarse {
		apart = levelCoarse
	}
	passed := r.sent - l.base.sent
	if passed < apart {
		return
	}
	base, used := l.base, l.base.limit-l.base.remaining
	l.base = r
	if base.reset <= 0 || used <= 0 {
		return
	}
	left := base.reset - passed
	if left < 0 && l.length > 0 {
		left = left%l.length + l.length
	}
	filling := (r.limit - r.remaining) * base.reset.Seconds() / used
	l.windowErr += errFollow * (math.Abs((r.reset - left).Seconds()) - l.windowErr)
	l.bucketErr += errFollow * (math.Abs(r.reset.Seconds()-filling) - l.bucketErr)
	l.compared++
	l.followOthers(base, r, passed)
}

// followOthers estimates what others take: refill that neither shows up in the
// level nor was used by this group.
func (l *level) followOthers(base, r reading, passed time.Duration) {
	expected := base.remaining - (r.spent - base.spent) + l.refill*passed.Seconds()
	if expected > r.limit-0.5 {
		return // a full bucket hides what flowed over
	}
	missing := (expected - r.remaining) / passed.Seconds()
	l.others += othersFollow * (missing - l.others)
	// Some refill is always taken to be left, or a group that reads an empty
	// bucket would wait until the reading is stale.
	l.others = min(max(l.others, 0), othersMost*l.refill)
}

// followBucket measures the refill. Short resets are mostly rounding.
func (l *level) followBucket(r reading) {
	used := r.limit - r.remaining
	shortest := 20 * time.Millisecond
	if r.coarse {
		shortest = 5 * time.Second
	}
	if used <= 0 || r.reset < shortest {
		return
	}
	sample := used / r.reset.Seconds()
	if l.refill == 0 {
		l.refill = sample
	}
	l.refill += refillFollow * (sample - l.refill)
}

// followWindow keeps the window's end. Of several readings of one window, the
// latest end is the truest, since a call is stamped after it was sent; where
// resets are whole seconds, rounded up, it is the earliest.
func (l *level) followWindow(r reading) {
	end := r.sent + r.reset
	l.length = max(l.length, r.reset)
	if l.rolled && r.sent < l.rolledAt && end <= l.rolledAt+time.Millisecond {
		return // of the window before
	}
	same := !l.rolled && r.sent < l.end && (end-l.end).Abs() < max(l.length/2, levelApart)
	l.rolled = false
	switch {
	case !same:
		l.end = end
	case r.coarse:
		l.end = min(l.end, end)
	default:
		l.end = max(l.end, end)
	}
}

// roll begins a new window, taken to be full, once the old one has ended.
func (l *level) roll(now instant, spent float64) {
	if !l.seen || l.bucket() || now < l.end || l.length <= 0 {
		return
	}
	l.rolled, l.rolledAt, l.rolledSpent = true, l.end, spent
	l.end += (now-l.end)/l.length*l.length + l.length
}

// available returns what is left by now, given what the group has spent. A call that
// needs cost may go when it is at least that.
func (l *level) available(now instant, spent, cost float64) float64 {
	left := l.last.remaining - (spent - l.last.spent)
	switch {
	case l.bucket():
		return l.refilled(left, now-l.last.sent, cost)
	case l.rolled:
		return l.last.limit - (spent - l.rolledSpent)
	default:
		return left
	}
}

// promise returns the part of the most ever left that a call finds, as far as is known. It
// is 0 if that was a good part of the limit: then the two do not contradict.
func (l *level) promise(now instant, spent float64) float64 {
	if l.most == 0 || l.most > promiseLow*l.last.limit {
		return 0
	}
	return l.available(now, spent, 0) / l.most
}

// refilled returns what a bucket holds when age has passed since there was left.
func (l *level) refilled(left float64, age time.Duration, cost float64) float64 {
	trust := levelTrust
	if l.refill > 0 {
		trust = max(trust, time.Duration(2*cost/l.refill*float64(time.Second)))
	}
	left += max(l.refill-l.others, 0) * min(age, trust).Seconds()
	if age > trust {
		// Nothing has been read for so long that only a call can tell.
		left = max(left, cost)
	}
	return min(left, l.last.limit)
}

// rate returns the speed to go at, in units a second, +Inf if nothing is known.
// cost is what the next call needs; rate is 0 if there is not that much.
func (l *level) rate(now instant, spent, cost float64) float64 {
	if !l.seen {
		return math.Inf(1)
	}
	l.roll(now, spent)
	available := l.available(now, spent, cost)
	if available < min(cost, l.last.limit) {
		return 0
	}
	if !l.bucket() {
		left := min(max(l.end-now, time.Millisecond), levelHorizon)
		return available / left.Seconds()
	}
	if l.refill == 0 {
		return math.Inf(1)
	}
	return l.refill * max(levelLowest, available/min(0.5*l.last.limit, l.refill))
}

// opensAt returns when a call that needs cost can start at the earliest, as far as
// the headers say: now, or the end of a window that is used up, or a bucket's refill.
func (l *level) opensAt(now instant, spent, cost float64) instant {
	if !l.seen {
		return now
	}
	missing := min(cost, l.last.limit) - l.available(now, spent, cost)
	switch {
	case missing <= 0:
		return now
	case !l.bucket():
		return max(now, l.end)
	case l.refill <= 0:
		return now
	default:
		return now + time.Duration(min(missing/l.refill, 1e6)*float64(time.Second))
	}
}
