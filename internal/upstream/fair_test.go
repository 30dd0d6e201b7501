package upstream_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// work sends n items of one caller at once and returns how long they took.
func work(g *upstream.Gate, s *server, who string, p catalog.Priority, n int) time.Duration {
	began := time.Now()
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			l, err := g.Acquire(context.Background(), upstream.Need{
				Caller: catalog.Caller{ID: who}, Priority: p, Attempt: 1,
			})
			if err != nil {
				return
			}
			l.Settle(s.call(context.Background(), nil, l.Secret(), 0, s.draws(0, l.Secret(), l.Number())))
		})
	}
	wg.Wait()
	return time.Since(began)
}

func mustGate(t testing.TB, c upstream.Config) *upstream.Gate {
	t.Helper()
	g, err := upstream.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// newcomer is how long ten items take while others are sent, on 32 workers.
func newcomer(t *testing.T, seed uint64, p catalog.Priority, others int) (d time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		c := keys("k")
		c.Fixed = 32
		g, s := mustGate(t, c), newServer(seed)
		var wg sync.WaitGroup
		for i := range others {
			wg.Go(func() { work(g, s, fmt.Sprint("big ", i), p, 2500) })
		}
		time.Sleep(3 * time.Second)
		d = work(g, s, "small", p, 10)
		wg.Wait()
	})
	return d
}

func TestNewcomerWaitsForNobody(t *testing.T) {
	if testkit.Race { // which one run is enough for; the figure is judged without it
		newcomer(t, 0, catalog.Bulk, 2)
		return
	}
	for _, p := range []catalog.Priority{catalog.Interactive, catalog.Bulk} {
		// The slowest of ten calls varies much: more runs than the five that are asked for.
		var alone, loaded []time.Duration
		for seed := range uint64(15) {
			alone = append(alone, newcomer(t, seed, p, 0))
			loaded = append(loaded, newcomer(t, seed+100, p, 2))
		}
		slices.Sort(alone)
		slices.Sort(loaded)
		ratio := loaded[7].Seconds() / alone[7].Seconds()
		t.Logf("priority %d: %v alone, %v with others, %.2f times", p, alone[7], loaded[7], ratio)
		if ratio > 1.5 {
			t.Errorf("priority %d: the newcomer takes %.2f times its time alone", p, ratio)
		}
	}
}

func TestInteractiveGoesFirstAndBulkNeverStarves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := keys("k")
		c.Fixed = 10
		g, s := mustGate(t, c), newServer(1)
		var bulk, interactive time.Duration
		var wg sync.WaitGroup
		wg.Go(func() { bulk = work(g, s, "bulk", catalog.Bulk, 50) })
		wg.Go(func() { interactive = work(g, s, "someone", catalog.Interactive, 900) })
		wg.Wait()
		// A tenth of the starts is bulk's, so fifty of them take as long as five
		// hundred starts, of which there are 950.
		if r := bulk.Seconds() / interactive.Seconds(); r < 0.4 || r > 0.7 {
			t.Errorf("bulk took %v, interactive %v", bulk, interactive)
		}
	})
}

func BenchmarkLease(b *testing.B) {
	c := keys("k")
	c.Fixed = 64
	g := mustGate(b, c)
	need := upstream.Need{Caller: catalog.Caller{ID: "a"}, Attempt: 1, Tokens: 500}
	b.ReportAllocs()
	var wg sync.WaitGroup
	n := b.N/64 + 1
	for i := range 64 {
		wg.Go(func() {
			need := need
			need.Caller.ID = fmt.Sprint(i)
			for range n {
				l, err := g.Acquire(context.Background(), need)
				if err != nil {
					b.Error(err)
					return
				}
				l.Settle(upstream.Result{Outcome: upstream.Succeeded})
			}
		})
	}
	wg.Wait()
}

func BenchmarkLeaseQueued(b *testing.B) {
	c := keys("k")
	c.Fixed = 8
	g := mustGate(b, c)
	b.ReportAllocs()
	var wg sync.WaitGroup
	n := b.N/64 + 1
	for i := range 64 {
		wg.Go(func() {
			need := upstream.Need{Caller: catalog.Caller{ID: fmt.Sprint(i % 4)}, Attempt: 1, Tokens: 500}
			for range n {
				l, err := g.Acquire(context.Background(), need)
				if err != nil {
					b.Error(err)
					return
				}
				l.Settle(upstream.Result{Outcome: upstream.Succeeded})
			}
		})
	}
	wg.Wait()
}

// BenchmarkThrottled settles a thousand 429s while no or ten thousand calls wait.
func BenchmarkThrottled(b *testing.B) {
	for _, waiting := range []int{0, 10_000} {
		b.Run(fmt.Sprint(waiting), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				throttled(b, waiting, func(settle func()) {
					b.StartTimer()
					settle()
					b.StopTimer()
				})
			}
		})
	}
}

// A look at the whole queue for each 429 would take hundreds of times as long. The gate's clock
// stands still, since a busy machine would have more looks in the time of a thousand 429s.
func TestThrottled_CostsLittleMoreWithALongQueue(t *testing.T) {
	now := wallClock(t)
	least := func(waiting int) time.Duration {
		best := time.Hour
		for range 5 {
			synctest.Test(t, func(t *testing.T) {
				throttled(t, waiting, func(settle func()) {
					began := now()
					settle()
					best = min(best, now().Sub(began))
				})
			})
		}
		return best
	}
	if none, many := least(0), least(10_000); many > 20*none {
		t.Errorf("a thousand 429s take %v with 10,000 calls waiting and %v with none", many, none)
	}
}

// wallClock returns a clock that reads the real time, also within a bubble.
func wallClock(t *testing.T) func() time.Time {
	ask, told := make(chan struct{}), make(chan time.Time)
	go func() {
		for range ask {
			told <- time.Now()
		}
	}()
	t.Cleanup(func() { close(ask) })
	return func() time.Time {
		ask <- struct{}{}
		return <-told
	}
}

// throttled hands out what settles a thousand 429s while so many calls wait.
func throttled(tb testing.TB, waiting int, run func(settle func())) {
	c := keys("k")
	c.Fixed, c.QueueBound = 1000, waiting+1
	g := mustGate(tb, c)
	need := upstream.Need{Caller: catalog.Caller{ID: "a"}, Attempt: 1, Tokens: 500}
	leases := make([]*upstream.Lease, c.Fixed)
	for i := range leases {
		var err error
		if leases[i], err = g.Acquire(tb.Context(), need); err != nil {
			tb.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(tb.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for range waiting {
		wg.Go(func() { _, _ = g.Acquire(ctx, need) })
	}
	for g.Status().QueuedBulk+g.Status().QueuedInteractive < waiting {
		time.Sleep(time.Millisecond)
	}
	run(func() {
		for _, l := range leases {
			l.Settle(upstream.Result{Outcome: upstream.Throttled})
		}
	})
}
