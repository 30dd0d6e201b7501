package upstream

import (
	"math"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// Status is the gate at one moment.
type Status struct {
	// Limit is how many calls may be in flight now, Ceiling the most that may be
	// allowed. Fixed is the size of a fixed pool, 0 if it adapts.
	Limit, InFlight, Ceiling, Fixed int
	// Queue is how many attempts wait, by priority, with those that wait for
	// their not-before time.
	QueuedInteractive, QueuedBulk int
	// Oldest is the age of the oldest item among them, by priority; 0 if none waits.
	OldestInteractive, OldestBulk time.Duration
	Groups                        []GroupStatus
	Counters                      Counters
}

// GroupStatus is one quota group.
type GroupStatus struct {
	Name            string
	Limit, InFlight int
	Keys            []KeyStatus
	Requests        QuotaStatus
	Tokens          QuotaStatus
	// LearnedPerSecond is the speed learned from 429s, 0 if none is.
	LearnedPerSecond float64
	// StrayShare is the share of calls that is answered 429 whatever the speed.
	StrayShare float64
	// Paused is how long no call starts after a 429.
	Paused time.Duration
	// Open is set while the breaker lets nothing but probes through; Outages is
	// how often that has happened.
	Open    bool
	Outages int64
	// Outage says more while it is open, else it is nil.
	Outage *catalog.Outage
	// LastAnswer is when the model last answered, or when the gate began if it has not.
	LastAnswer time.Time
	// Braked is set while the limit follows the latency of a server that queues.
	Braked  bool
	Latency LatencyStatus
}

// KeyStatus is one key.
type KeyStatus struct {
	// Suffix is the key's last four characters, as Secret.Suffix has it.
	Suffix          string
	InFlight        int
	Calls, Failures int64
	// Retired is why the key is out of service, empty if it serves; RetryIn is
	// then when it is tried again.
	Retired string
	RetryIn time.Duration
}

// QuotaStatus is a limit and what is left of it, as the provider's headers or
// the configuration tell.
type QuotaStatus struct {
	Known bool
	// Limit and Remaining are what the headers say, Remaining carried on to now.
	Limit, Remaining float64
	// PerSecond is the speed that calls are paced at.
	PerSecond float64
	// Refill is how much is added each second. 0: not known, or all at once.
	Refill float64
	// ResetIn is when the quota is full again, 0 if that is not known.
	ResetIn time.Duration
}

// LatencyStatus is how long answers take.
type LatencyStatus struct {
	Count               int64
	Mean, P50, P95, P99 time.Duration
	Timeout             time.Duration
	// Shares are the parts of the answers up to each of LatencyBounds, and above that before;
	// the last is of those beyond. All are 0 if there are no answers.
	Shares [len(LatencyBounds) + 1]float64
}

// LatencyBounds are the upper ends of the ranges in which answers are counted.
var LatencyBounds = [...]time.Duration{
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 3 * time.Second, 5 * time.Second,
	8 * time.Second, 12 * time.Second, 20 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute,
}

// QueueBounds are the upper ends of the queue time histogram's buckets, in
// seconds; one more bucket is for what is over the last.
var QueueBounds = [...]float64{0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120}

// Counters only grow.
type Counters struct {
	// Started are the leases handed out, Retries those of them with an attempt
	// after the first, Hedges those for stragglers.
	Started, Retries, Hedges int64
	// Settled are the leases given back, by Outcome.
	Settled [numOutcomes]int64
	// GivenUp are the calls that an outage swallowed.
	GivenUp int64
	// Misused are settlements after the first, which are faults of the program.
	Misused int64
	// QueueTime is the sum over all leases, QueueTimes their number by QueueBounds.
	QueueTime  time.Duration
	QueueTimes [len(QueueBounds) + 1]int64
}

func (c *Counters) started(w *waiter) {
	c.Started++
	if w.need.Attempt > 1 {
		c.Retries++
	}
	c.QueueTime += w.lease.queued
	i := 0
	for i < len(QueueBounds) && w.lease.queued.Seconds() > QueueBounds[i] {
		i++
	}
	c.QueueTimes[i]++
}

func (c *Counters) settled(v Outcome) {
	if v < numOutcomes {
		c.Settled[v]++
	}
}

// Status returns a copy of the gate's state.
func (g *Gate) Status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	s := Status{
		InFlight: g.inFlight, Ceiling: g.pool, Fixed: g.fixed, Counters: g.counters,
		QueuedInteractive: g.waiting[catalog.Interactive].total, QueuedBulk: g.waiting[catalog.Bulk].total,
	}
	for _, q := range g.groups {
		group := q.status(now)
		group.LastAnswer = g.wall(q.lastAnswer)
		if q.breaker.open {
			group.Outage = q.outage(g.wall)
		}
		s.Groups = append(s.Groups, group)
	}
	s.Limit = g.limit()
	oldest := g.oldest(now)
	s.OldestInteractive, s.OldestBulk = oldest[catalog.Interactive], oldest[catalog.Bulk]
	return s
}

// oldest returns the age, since its admission, of each priority's oldest item that waits.
func (g *Gate) oldest(now instant) (ages [numClasses]time.Duration) {
	look := func(w *waiter) {
		age := &ages[w.need.class()]
		*age = max(*age, now-w.itemBegan)
	}
	for _, l := range g.lanes {
		l.each(look)
	}
	for _, w := range g.delayed {
		look(w)
	}
	return ages
}

func (q *group) status(now instant) GroupStatus {
	s := GroupStatus{
		Name: q.name, Limit: int(q.limit.value), InFlight: q.inFlight,
		Requests:   q.requests.status(now, float64(q.starts), 1),
		Tokens:     q.tokens.status(now, q.spentTokens, q.estimate.cost(0)),
		StrayShare: q.learned.stray, Paused: max(q.pacer.paused-now, 0),
		Open: q.breaker.open, Outages: q.breaker.opened, Braked: q.brake.engaged(), Latency: q.latency.status(),
	}
	s.Requests.configured(q.requestsPerSecond)
	s.Tokens.configured(q.tokensPerSecond)
	if rate := q.learned.current(); !math.IsInf(rate, 1) {
		s.LearnedPerSecond = rate
	}
	for _, k := range q.keys {
		s.Keys = append(s.Keys, k.status(now))
	}
	return s
}

// configured fills in what the configuration says if headers do not.
func (s *QuotaStatus) configured(perSecond float64) {
	if perSecond == 0 {
		return
	}
	if !s.Known {
		// Nothing is saved up between calls that are paced, so nothing is used up.
		*s = QuotaStatus{Known: true, Limit: 60 * perSecond, Remaining: 60 * perSecond, PerSecond: perSecond, Refill: perSecond}
	}
	s.PerSecond = min(s.PerSecond, perSecond)
}

func (l *level) status(now instant, spent, cost float64) QuotaStatus {
	if !l.seen {
		return QuotaStatus{}
	}
	s := QuotaStatus{Known: true, Limit: l.last.limit}
	if rate := l.rate(now, spent, cost); !math.IsInf(rate, 1) {
		s.PerSecond = rate
	}
	s.Remaining = max(l.available(now, spent, 0), 0)
	if l.bucket() && l.refill > 0 {
		s.Refill = l.refill
		s.ResetIn = time.Duration((l.last.limit - s.Remaining) / l.refill * float64(time.Second))
	} else if !l.bucket() {
		s.ResetIn = max(l.end-now, 0)
	}
	return s
}

func (k *key) status(now instant) KeyStatus {
	s := KeyStatus{Suffix: k.secret.Suffix(), InFlight: k.inFlight, Calls: k.calls, Failures: k.failures}
	if k.retired != 0 {
		s.Retired, s.RetryIn = k.why, max(k.dueAt-now, 0)
	}
	return s
}

func (l *latency) status() LatencyStatus {
	return LatencyStatus{
		Count: l.seen, Mean: time.Duration(l.mean * float64(time.Second)),
		P50: l.p50, P95: l.p95, P99: l.p99, Timeout: l.timeout(), Shares: l.shares(),
	}
}
