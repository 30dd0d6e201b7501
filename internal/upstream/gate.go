package upstream

import (
	"container/list"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// MaxCeiling is the largest pool that a Gate takes.
const MaxCeiling = 4096

// Config is what a Gate is built from.
type Config struct {
	// BaseURL is the server that the keys are for.
	BaseURL string
	// Keys are the secrets, tried in turn. None: calls carry no key.
	Keys []Secret
	// Limit is how many leases may be out at once, from 1 to MaxCeiling.
	Limit int
}

// Gate bounds the calls in flight for the whole process and hands out keys. It
// is safe for concurrent use. It starts no goroutine and need not be closed.
type Gate struct {
	baseURL string
	latency latencies

	mu      sync.Mutex
	limit   int
	inUse   int
	keys    []*key
	turn    int        // the key to try first
	waiting *list.List // of *waiter, the longest waiting in front
}

// key is one secret and what was seen of it. Guarded by Gate.mu.
type key struct {
	secret   Secret
	inFlight int
	calls    int64
	failures int64
	// retired is why the key is not used until retryAt, nil while it serves.
	retired *fault.Fault
	retryAt time.Time
}

// retirement is how long a refused or exhausted key rests before it is tried
// again: an operator may have mended it at the provider.
const retirement = time.Minute

type waiter struct {
	priority catalog.Priority
	ready    chan grant // room for one, so that granting never blocks
}

type grant struct {
	lease *Lease
	err   error
}

// New returns a Gate, or an error that says what is wrong with the config.
func New(c Config) (*Gate, error) {
	if c.Limit < 1 || c.Limit > MaxCeiling {
		return nil, fmt.Errorf("the pool has room for %d calls: give a number from 1 to %d", c.Limit, MaxCeiling)
	}
	g := &Gate{baseURL: c.BaseURL, limit: c.Limit, waiting: list.New()}
	for _, s := range c.Keys {
		g.keys = append(g.keys, &key{secret: s})
	}
	if len(g.keys) == 0 {
		g.keys = []*key{{}}
	}
	return g, nil
}

// Acquire waits for n's earliest start and then for its turn. It fails with
// UpstreamAuth or QuotaExhausted when every key is retired, and with the
// context's error when that ends first.
func (g *Gate) Acquire(ctx context.Context, n Need) (*Lease, error) {
	asked := time.Now()
	if err := sleepUntil(ctx, n.NotBefore); err != nil {
		return nil, err
	}
	w, elem := g.join(n.Priority)
	select {
	case <-ctx.Done():
		g.leave(w, elem)
		return nil, ctx.Err()
	case got := <-w.ready:
		if got.err != nil {
			return nil, got.err
		}
		got.lease.queued = time.Since(asked)
		return got.lease, nil
	}
}

func (g *Gate) join(p catalog.Priority) (*waiter, *list.Element) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := &waiter{priority: p, ready: make(chan grant, 1)}
	elem := g.waiting.PushBack(w)
	g.serve()
	return w, elem
}

// leave takes a waiter out of the queue, or gives back the lease that it was
// granted in the same moment.
func (g *Gate) leave(w *waiter, elem *list.Element) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case got := <-w.ready:
		if got.lease != nil {
			g.release(got.lease.key)
		}
	default:
		g.waiting.Remove(elem)
	}
}

// serve grants leases while there is room. The caller holds mu.
func (g *Gate) serve() {
	for g.waiting.Len() > 0 && g.inUse < g.limit {
		k, err := g.choose(time.Now())
		front := g.waiting.Remove(g.waiting.Front()).(*waiter)
		if err != nil {
			front.ready <- grant{err: err}
			continue
		}
		g.inUse++
		k.inFlight++
		k.calls++
		front.ready <- grant{lease: &Lease{gate: g, key: k, start: time.Now()}}
	}
}

// choose returns the next key in turn that serves, or why none does. The caller
// holds mu.
func (g *Gate) choose(now time.Time) (*key, error) {
	var why *fault.Fault
	for i := range g.keys {
		at := (g.turn + i) % len(g.keys)
		k := g.keys[at]
		if k.retired == nil {
			g.turn = at + 1
			return k, nil
		}
		if !now.Before(k.retryAt) {
			// One call finds out; the rest go on elsewhere meanwhile.
			k.retryAt = now.Add(retirement)
			g.turn = at + 1
			return k, nil
		}
		why = k.retired
	}
	return nil, why
}

// release frees a key's slot. The caller holds mu.
func (g *Gate) release(k *key) {
	g.inUse--
	k.inFlight--
	g.serve()
}

// SetLimit changes how many leases may be out, from 1 to MaxCeiling. Leases
// over a lower limit end on their own.
func (g *Gate) SetLimit(limit int) error {
	if limit < 1 || limit > MaxCeiling {
		return fault.Invalid("max_workers", "%d is not a number from 1 to %d", limit, MaxCeiling)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = limit
	g.serve()
	return nil
}

// Limit returns how many leases may be out.
func (g *Gate) Limit() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.limit
}

// Status is the gate at one moment.
type Status struct {
	Limit, InUse      int
	Interactive, Bulk int // attempts that wait
	Latency           Latency
	Keys              []KeyStatus
}

// KeyStatus is one key at one moment.
type KeyStatus struct {
	Suffix          string // the secret's last four characters
	InFlight        int
	Calls, Failures int64
}

// Status returns the gate's state.
func (g *Gate) Status() Status {
	latency := g.latency.summary()
	g.mu.Lock()
	defer g.mu.Unlock()
	s := Status{Limit: g.limit, InUse: g.inUse, Latency: latency}
	for e := g.waiting.Front(); e != nil; e = e.Next() {
		if e.Value.(*waiter).priority == catalog.Bulk {
			s.Bulk++
		} else {
			s.Interactive++
		}
	}
	for _, k := range g.keys {
		s.Keys = append(s.Keys, KeyStatus{k.secret.Suffix(), k.inFlight, k.calls, k.failures})
	}
	return s
}

func sleepUntil(ctx context.Context, t time.Time) error {
	wait := time.Until(t)
	if t.IsZero() || wait <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// latencies keeps the last answer times.
type latencies struct {
	mu   sync.Mutex
	ring [1024]time.Duration
	n    int // answers seen
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring[l.n%len(l.ring)] = d
	l.n++
}

// Latency describes answer times. All are zero where Samples is.
type Latency struct {
	Samples             int
	Mean, P50, P95, P99 time.Duration
}

func (l *latencies) summary() Latency {
	l.mu.Lock()
	sorted := slices.Clone(l.ring[:min(l.n, len(l.ring))])
	l.mu.Unlock()
	if len(sorted) == 0 {
		return Latency{}
	}
	slices.Sort(sorted)
	var sum time.Duration
	for _, d := range sorted {
		sum += d
	}
	at := func(q float64) time.Duration { return sorted[int(q*float64(len(sorted)-1))] }
	return Latency{len(sorted), sum / time.Duration(len(sorted)), at(0.50), at(0.95), at(0.99)}
}
