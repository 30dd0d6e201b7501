package upstream_test

import (
	"context"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/upstream"
)

// aimd is the yardstick: a limit on calls in flight that grows by one a round and
// halves, once an episode, at a 429 or an overload. It does wait as it is asked to.
type aimd struct {
	mu       sync.Mutex
	limit    float64
	inFlight int
	starts   int64
	cutAt    time.Time
	waiting  []chan int64
}

func newAIMD() *aimd { return &aimd{limit: 20} }

type aimdLease struct {
	gate    *aimd
	number  int64
	started time.Time
}

func (g *aimd) acquire(ctx context.Context, n upstream.Need) (lease, error) {
	if !pause(ctx, nil, time.Until(n.NotBefore)) {
		return nil, ctx.Err()
	}
	g.mu.Lock()
	if g.inFlight < int(g.limit) && len(g.waiting) == 0 {
		g.inFlight++
		g.starts++
		number := g.starts
		g.mu.Unlock()
		return &aimdLease{gate: g, number: number, started: time.Now()}, nil
	}
	turn := make(chan int64, 1)
	g.waiting = append(g.waiting, turn)
	g.mu.Unlock()
	return &aimdLease{gate: g, number: <-turn, started: time.Now()}, nil
}

func (l *aimdLease) Number() int64          { return l.number }
func (l *aimdLease) Secret() string         { return "k" }
func (l *aimdLease) Timeout() time.Duration { return 30 * time.Second }
func (l *aimdLease) WhenGivenUp(func())     {}

func (l *aimdLease) Settle(r upstream.Result) (advice upstream.Advice) {
	g := l.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inFlight--
	switch r.Outcome {
	case upstream.Succeeded:
		g.limit = min(g.limit+1/g.limit, 256)
	case upstream.Throttled, upstream.Overloaded, upstream.TimedOut:
		if l.started.After(g.cutAt) {
			g.limit, g.cutAt = max(g.limit*0.7, 1), time.Now()
		}
		wait, _ := upstream.RetryAfter(r.Header, time.Now())
		advice.NotBefore = time.Now().Add(max(wait, 100*time.Millisecond))
	}
	for g.inFlight < int(g.limit) && len(g.waiting) > 0 {
		g.starts++
		g.waiting[0] <- g.starts
		g.waiting = g.waiting[1:]
		g.inFlight++
	}
	return advice
}
