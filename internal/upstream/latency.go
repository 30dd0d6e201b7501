package upstream

import (
	"cmp"
	"math"
	"time"
)

// The latency's constants.
const (
	latencyStep    = 0.05 // each bucket is 5 % wider than the one before
	latencyBuckets = 256  // 1 ms to 350 s
	latencyWindow  = 2048 // answers after which old ones count half
	latencyFresh   = 16   // answers after which quantiles are computed again

	timeoutUnanswered = 10 * time.Minute // while nothing was answered, for items without a deadline
	timeoutLong       = 30 * time.Second
	timeoutShort      = 5 * time.Second
	timeoutAfter      = 100 // answers that make the 99th percentile worth something
	timeoutFactor     = 5
	timeoutSlowest    = 3           // times the slowest of the first answers
	timeoutLook       = time.Second // how often a call looks whether something was answered

	slowAnswer = time.Second      // from which on half the answers are those of a slow server
	queueFirst = 30 * time.Second // within which a server of one slot answers what is asked at first
	queueSlow  = 15 * time.Second // quicker answers are no reason to ask less
	queueOver  = 1.5              // times the quickest answer
)

// latency is how long answers take: a histogram with buckets of equal ratio,
// whose old entries fade.
type latency struct {
	counts [latencyBuckets]float64
	total  float64
	seen   int64 // samples ever: answers and time-outs
	mean   float64

	answers int64
	slowest time.Duration // of the first timeoutAfter answers
	// quickest is the quickest answer of those that had few others besides them. 0: none.
	quickest time.Duration

	p25, p50, p95, p99 time.Duration
}

// known reports whether the server has ever answered.
func (l *latency) known() bool { return l.answers > 0 }

// answered notes the time of one answer, and how many calls were in flight when it was
// asked for.
func (l *latency) answered(d time.Duration, inFlight int) {
	if l.answers++; l.answers <= timeoutAfter {
		l.slowest = max(l.slowest, d)
	}
	if l.quickest == 0 || inFlight <= limitFloor {
		l.quickest = min(d, cmp.Or(l.quickest, d))
	}
	l.add(d)
}

// add notes a sample.
func (l *latency) add(d time.Duration) {
	i := int(math.Log(max(1, float64(d)/float64(time.Millisecond))) / latencyStep)
	l.counts[min(i, latencyBuckets-1)]++
	l.total++
	l.seen++
	// The mean follows the last hundred answers or so.
	l.mean += (d.Seconds() - l.mean) / min(float64(l.seen), 100)
	if l.total >= latencyWindow {
		l.fade()
	}
	if l.seen < latencyFresh || l.seen%latencyFresh == 0 {
		l.refresh()
	}
}

func (l *latency) fade() {
	for i := range l.counts {
		l.counts[i] /= 2
	}
	l.total /= 2
}

// refresh works out all quantiles in one pass.
func (l *latency) refresh() {
	wanted := [...]struct {
		share float64
		to    *time.Duration
	}{{0.25, &l.p25}, {0.50, &l.p50}, {0.95, &l.p95}, {0.99, &l.p99}}
	sum, k := 0.0, 0
	for i := range l.counts {
		sum += l.counts[i]
		for k < len(wanted) && sum >= wanted[k].share*l.total {
			*wanted[k].to = middleOf(i)
			k++
		}
	}
}

// shares returns the parts of the answers by LatencyBounds.
func (l *latency) shares() (shares [len(LatencyBounds) + 1]float64) {
	if l.total == 0 {
		return shares
	}
	at := 0
	for i, n := range l.counts {
		for at < len(LatencyBounds) && middleOf(i) > LatencyBounds[at] {
			at++
		}
		shares[at] += n / l.total
	}
	return shares
}

// middleOf returns the time in the middle of a bucket, in ratio.
func middleOf(bucket int) time.Duration {
	return time.Duration(math.Exp((float64(bucket)+0.5)*latencyStep) * float64(time.Millisecond))
}

// timeout returns how long an attempt may take. A server that has answered nothing may have to
// load the model first, and would begin again if the call ended. Little is known from the
// first answers, so three times the slowest of them are allowed, and 30 s at least; from 100
// on it is five times what all but one in a hundred need.
func (l *latency) timeout() time.Duration {
	switch {
	case !l.known():
		return timeoutUnanswered
	case l.answers < timeoutAfter:
		return max(timeoutSlowest*l.slowest, timeoutLong)
	default:
		return max(timeoutFactor*l.p99, timeoutShort)
	}
}

// first returns how many calls may be in flight after the first answer. Nothing shows how
// many slots the server has: those that run a model on their own machine have one or two,
// and keep the other calls waiting.
func (l *latency) first() float64 { return float64(queueFirst) / float64(max(l.quickest, 1)) }

// queues reports whether an answer took so long, in comparison with one that had the server
// to itself, that it has probably waited for others: further calls would only make the wait
// longer, up to the deadlines of their items.
func (l *latency) queues(took time.Duration) bool {
	return took > queueSlow && float64(took) > queueOver*float64(l.quickest)
}

// stalledAfter returns the age from which a call is one of those that should have
// been answered, 0 while too little is known. Three times the lower quartile is
// soon; the 99th percentile keeps a mixture of quick and slow questions from
// looking like an outage. The pause before the first probe is the least: opening
// the breaker costs all calls that pause, so a shorter silence, such as while this
// machine is busy, must not open it.
func (l *latency) stalledAfter() time.Duration {
	if l.seen < 20 {
		return 0
	}
	return max(3*l.p25, l.p99, probeFirst)
}

// giveUpAfter returns the age from which a call that was in flight in an outage is
// given up.
func (l *latency) giveUpAfter() time.Duration {
	if l.seen < 20 {
		return timeoutShort
	}
	return max(time.Second, 3*l.p99)
}
