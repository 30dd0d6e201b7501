package upstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Gate hands out leases. It is safe for concurrent use. It has no goroutine and
// needs no closing: when nothing waits and nothing is in flight, its timer is off.
type Gate struct {
	epoch      time.Time
	queueBound int
	hedgeShare float64

	mu       sync.Mutex
	groups   []*group
	lanes    []*lane
	byModel  map[string]*lane // nil: every model takes the first lane
	pool     int              // calls in flight at most, on all keys
	fixed    int
	inFlight int

	callers callers
	delayed delayed
	waiting [numClasses]queues // in lanes and delayed
	floor   floor
	budget  budget
	order   uint64
	hedges  float64 // allowance

	sweepAt instant // when to look for doomed waiters; never: no 429 asks for it
	sweptTo instant // not before

	outagesChanged chan struct{} // closed and replaced when there is news of one
	draining       bool

	timer    *time.Timer
	timerAt  instant
	counters Counters
}

// New returns a gate, or an error that says which value of the configuration is wrong.
func New(c Config) (*Gate, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	g := &Gate{
		epoch: time.Now(), queueBound: c.QueueBound, hedgeShare: c.HedgeShare,
		fixed: c.Fixed, callers: callers{}, floor: floor{share: c.BulkShare},
		budget: budget{left: budgetSize}, timerAt: never, sweepAt: never,
		outagesChanged: make(chan struct{}),
	}
	for i := range g.waiting {
		g.waiting[i].byQueue = map[string]int{}
	}
	for i := range c.Groups {
		g.groups = append(g.groups, newGroup(i, &c))
	}
	if len(g.groups) == 1 && len(g.groups[0].keys) == 1 {
		// There is no better key to keep calls for.
		g.groups[0].keys[0].proven = true
	}
	g.makeLanes()
	g.setCeiling(c.Ceiling)
	// Stopped at once: it is set when there is something to wait for.
	g.timer = time.AfterFunc(time.Hour, g.tick)
	g.timer.Stop()
	return g, nil
}

func newGroup(i int, c *Config) *group {
	from, random := &c.Groups[i], newRandom(c.Seed, uint64(i))
	q := &group{
		name: from.Name, baseURL: from.BaseURL, models: from.Models,
		requestsPerSecond: from.RequestsPerMinute / 60, tokensPerSecond: from.TokensPerMinute / 60,
		limit:  newLimit(startLimit(), c.Ceiling, false),
		random: random, pacer: newPacer(random), learned: newLearned(), breaker: newBreaker(), estimate: estimate{factor: 1},
	}
	if c.Fixed > 0 {
		q.limit = newLimit(c.Fixed, c.Fixed, true)
	}
	if q.name == "" {
		q.name = fmt.Sprintf("group %d", i+1)
	}
	for _, k := range from.Keys {
		weight := k.Weight
		if weight == 0 {
			weight = 1
		}
		q.keys = append(q.keys, &key{secret: k.Secret, weight: weight})
		q.weight += weight
	}
	return q
}

func (g *Gate) now() instant { return time.Since(g.epoch) }

// wall returns the time of day at an instant.
func (g *Gate) wall(at instant) time.Time { return g.epoch.Add(at) }

// PoolSize returns for how many calls at once the engine should have items ready, on all keys
// together. It is Limit, but few for a server that has answered nothing yet: if that turns out
// to be slow, the time of more items would be up before their turn.
func (g *Gate) PoolSize() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, q := range g.groups {
		if q.limit.fixed || q.latency.known() {
			n += int(q.limit.value)
		} else {
			n += limitFloor
		}
	}
	return min(n, g.pool)
}

// Limit returns how many calls may be in flight now, on all keys together.
func (g *Gate) Limit() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.limit()
}

func (g *Gate) limit() int {
	n := 0
	for _, q := range g.groups {
		n += int(q.limit.value)
	}
	return min(n, g.pool)
}

// SetCeiling changes how many calls may be in flight on all keys together; a
// fixed pool is from then on fixed at that number. Calls in flight beyond it
// are not ended. Values outside 1..MaxWorkers are refused.
func (g *Gate) SetCeiling(n int) error {
	if n < 1 || n > MaxWorkers {
		return fault.Invalid("max_workers", "%d is not within 1..%d", n, MaxWorkers)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.setCeiling(n)
	g.dispatch(g.now())
	return nil
}

func (g *Gate) setCeiling(n int) {
	g.pool = n
	if g.fixed > 0 {
		g.fixed = n
	}
	for _, q := range g.groups {
		q.limit.setCeiling(n)
	}
}

// Serves reports whether some key serves the model.
func (g *Gate) Serves(model string) bool { return len(g.lane(model).groups) > 0 }

// Acquire waits for a turn and returns a lease, which is to be settled.
//
// It ends early with a *fault.Fault if waiting is of no use: UpstreamAuth or
// QuotaExhausted if every serving key is refused or out of quota, RateLimited
// if a known pause outlasts ctx's deadline, UpstreamUnavailable if the server has
// been away for as long as the item may take, InvalidItem if the item needs
// more tokens than any key is allowed, UpstreamRejected if no key serves the
// model. When the deadline comes, or ctx is cancelled with context.DeadlineExceeded as
// the cause, the fault says what was waited for. A cancelled ctx ends the wait at once
// with its error.
func (g *Gate) Acquire(ctx context.Context, need Need) (*Lease, error) {
	if err := endOf(ctx); errors.Is(err, context.DeadlineExceeded) {
		return nil, g.Late(need)
	} else if err != nil {
		return nil, err
	}
	w, lease, err := g.ask(ctx, need)
	if need.Asked != nil {
		need.Asked()
	}
	if w == nil {
		return lease, err
	}
	select {
	case <-w.ready:
	case <-ctx.Done():
	}
	return g.collect(ctx, w)
}

// ask grants a lease on the spot, or puts a waiter into the queue and returns it.
func (g *Gate) ask(ctx context.Context, need Need) (*waiter, *Lease, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	w := &waiter{need: need, lane: g.lane(need.Model), asked: now, itemBegan: now, deadline: never}
	if t, ok := ctx.Deadline(); ok {
		w.deadline = t.Sub(g.epoch)
	}
	if !need.Began.IsZero() {
		w.itemBegan = need.Began.Sub(g.epoch)
	}
	if !need.NotBefore.IsZero() {
		w.notBefore = need.NotBefore.Sub(g.epoch)
	}
	if f := g.doomed(now, w); f != nil {
		return nil, nil, f
	}
	w.caller = g.callers.get(need.Caller.ID)
	if w.notBefore <= now && g.queued() == 0 {
		if q := g.place(now, w); q != nil {
			g.start(now, w, q)
			if g.timerAt == never {
				// Calls that hang settle nothing, so nothing else would look.
				g.arm(now, g.watch(now))
			}
			return nil, w.lease, nil
		}
	}
	w.ready = make(chan struct{})
	g.enqueue(now, w)
	g.dispatch(now)
	return w, nil, nil
}

// collect returns what a waiter got. If the context ended as the lease came,
// the context wins: no call is made for a caller that has left.
func (g *Gate) collect(ctx context.Context, w *waiter) (*Lease, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, err := g.now(), endOf(ctx)
	switch {
	case w.err != nil:
		return nil, w.err
	case err == nil:
		return w.lease, nil
	}
	f := g.late(now, w)
	if w.lease != nil {
		w.lease.settled = true
		g.settle(now, w.lease, &Result{Outcome: Abandoned})
	} else {
		g.dequeue(w)
	}
	g.dispatch(now)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, f
	}
	return nil, err
}

// endOf returns a context's end as Acquire returns it, nil while it has not ended.
func endOf(ctx context.Context) error {
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return fault.From(context.DeadlineExceeded)
	}
	return ctx.Err()
}

// Hedge returns a second lease for an attempt that is a straggler, if that costs
// no other caller anything: none waits, a key has room, and the share of hedged calls
// that the configuration allows is not used up. It never waits.
func (g *Gate) Hedge(need Need) (*Lease, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hedges < 1 || g.queued() > 0 {
		return nil, false
	}
	now := g.now()
	w := &waiter{need: need, lane: g.lane(need.Model), asked: now}
	q := g.place(now, w)
	if q == nil || q.breaker.open {
		return nil, false
	}
	w.caller = g.callers.get(need.Caller.ID)
	g.hedges--
	g.counters.Hedges++
	g.start(now, w, q)
	w.lease.hedge = true
	return w.lease, true
}

// class returns the priority that the attempt waits in.
func (n *Need) class() catalog.Priority { return classOf(n.Priority) }

func classOf(p catalog.Priority) catalog.Priority {
	if p == catalog.Bulk {
		return catalog.Bulk
	}
	return catalog.Interactive
}
