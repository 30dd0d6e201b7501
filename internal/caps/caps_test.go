package caps_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap/zaptest"

	"github.com/credenza-dev/credenza/internal/caps"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a store that all replicas share. A request takes a millisecond.
type memory struct {
	mu       sync.Mutex
	values   map[string][]byte
	revision map[string]uint64
	requests atomic.Int64
	away     atomic.Bool
	slow     atomic.Int64 // how much longer a request takes
}

func newMemory() *memory {
	return &memory{values: map[string][]byte{}, revision: map[string]uint64{}}
}

func (m *memory) request() error {
	m.requests.Add(1)
	time.Sleep(time.Millisecond + time.Duration(m.slow.Load()))
	if m.away.Load() {
		return errors.New("the store is away")
	}
	return nil
}

func (m *memory) Read(_ context.Context, key string) ([]byte, uint64, error) {
	if err := m.request(); err != nil {
		return nil, 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[key], m.revision[key], nil
}

func (m *memory) Replace(_ context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if err := m.request(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.revision[key] != revision {
		return 0, nil
	}
	m.values[key], m.revision[key] = value, revision+1
	return revision + 1, nil
}

func of(c catalog.Cap, n int64) (all catalog.Caps) {
	all[c] = n
	return all
}

// replicas are keepers that share a store.
type replicas struct {
	store *memory
	all   []*caps.Keeper
}

func start(t *testing.T, n int, limits catalog.Caps) *replicas {
	r := &replicas{store: newMemory()}
	for i := range n {
		r.all = append(r.all, keeper(t, r.store, fmt.Sprint("replica-", i), limits))
	}
	return r
}

func keeper(t testing.TB, store caps.Store, id string, limits catalog.Caps) *caps.Keeper {
	k := caps.New(func(caller string) (catalog.Caps, bool) { return limits, caller != "" }, store, id, zaptest.NewLogger(t))
	t.Cleanup(k.Close)
	return k
}

var (
	first   = catalog.Admission{First: true}
	later   = catalog.Admission{}
	patient = catalog.Admission{Patient: true}
)

func admit(k *caps.Keeper, terms catalog.Admission) error {
	return k.Admit(context.Background(), "shop", terms)
}

// flood has each replica admit items for some time, on several goroutines that try again
// soon after they are refused. It returns how many were admitted.
func (r *replicas) flood(d time.Duration, pause time.Duration, tokens int64) int64 {
	var admitted atomic.Int64
	var all sync.WaitGroup
	end := time.Now().Add(d)
	for i, k := range r.all {
		for range 4 * (i + 1) {
			all.Go(func() {
				for time.Now().Before(end) {
					if admit(k, first) != nil {
						time.Sleep(200 * time.Millisecond)
						continue
					}
					admitted.Add(1)
					time.Sleep(pause)
					k.Done("shop", tokens)
				}
			})
		}
	}
	all.Wait()
	return admitted.Load()
}

func within(t *testing.T, what string, got, want int64) {
	t.Helper()
	if got > want+want/100 || got < want-want/100 {
		t.Errorf("%s: %d were admitted, want %d within 1 %%", what, got, want)
	}
}

// The bubble's clock begins with a full minute and a full day.
func TestCaps_HoldOverThreeReplicas(t *testing.T) {
	for _, tt := range []struct {
		limit catalog.Cap
		cap   int64
		at    time.Duration // of the day
	}{
		{catalog.CapItemsPerMinute, 1000, 0},
		{catalog.CapItemsPerMinute, 10_000, 0},
		{catalog.CapItemsPerDay, 3000, 24*time.Hour - 2*time.Minute},
	} {
		t.Run(fmt.Sprint(tt.limit, tt.cap), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(tt.at)
				r := start(t, 3, of(tt.limit, tt.cap))
				within(t, "at first", r.flood(50*time.Second, 5*time.Millisecond, 0), tt.cap)
				err := admit(r.all[1], first)
				f, ok := errors.AsType[*fault.Fault](err)
				if !ok || f.Reason != fault.CapReached || f.Cap != tt.limit.String() {
					t.Fatalf("got %v", err)
				}
				time.Sleep(f.RetryAfter - time.Second)
				if admit(r.all[1], first) == nil {
					t.Error("admitted before the time that the refusal gave")
				}
				time.Sleep(time.Second + 300*time.Millisecond)
				within(t, "later", r.flood(50*time.Second, 5*time.Millisecond, 0), tt.cap)
				if each := r.store.requests.Load(); each > 4000+tt.cap/10 {
					t.Errorf("%d requests to the store for %d items", each, 2*tt.cap)
				}
			})
		})
	}
}

func TestCaps_TokensHoldOverThreeReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each, most = 3700, 5_000_000
		r := start(t, 3, of(catalog.CapTokensPerDay, most))
		items := r.flood(time.Minute, 500*time.Millisecond, each)
		within(t, "tokens", items*each, most)
	})
}

func TestCaps_ItemsInFlightHoldOverThreeReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 40
		r := start(t, 3, of(catalog.CapItemsInFlight, most))
		var inFlight, peak, done atomic.Int64
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		var all sync.WaitGroup
		for _, k := range r.all {
			for range most {
				all.Go(func() {
					for ctx.Err() == nil && k.Admit(ctx, "shop", later) == nil {
						now := inFlight.Add(1)
						for p := peak.Load(); now > p && !peak.CompareAndSwap(p, now); p = peak.Load() {
						}
						time.Sleep(100 * time.Millisecond)
						inFlight.Add(-1)
						k.Done("shop", 0)
						done.Add(1)
					}
				})
			}
		}
		all.Wait()
		if peak.Load() > most {
			t.Errorf("%d items were in flight, want at most %d", peak.Load(), most)
		}
		if want := int64(most * 20 * 10); done.Load() < want*95/100 {
			t.Errorf("%d items were done, want about %d", done.Load(), want)
		}
	})
}

func TestCaps_ADeadReplicaGivesItsSlotsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 1, of(catalog.CapItemsInFlight, 10))
		r.store.values["shop"] = fmt.Appendf(nil, `{"replicas": {"dead": {"slots": 10, "until": %d}}}`, time.Now().Unix()+15)
		r.store.revision["shop"] = 1
		if err := admit(r.all[0], first); !fault.Is(err, fault.CapReached) {
			t.Errorf("got %v while the other replica holds all slots", err)
		}
		began := time.Now()
		if err := admit(r.all[0], later); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited > 16*time.Second {
			t.Errorf("the slots were free after %v", waited)
		}
		r.all[0].Done("shop", 0)
	})
}

func TestCaps_WhileTheStoreIsAwayAReplicaHasItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 3, of(catalog.CapItemsPerDay, 9000))
		got := r.flood(100*time.Millisecond, 5*time.Millisecond, 0)
		time.Sleep(2 * time.Second)
		r.store.away.Store(true)
		got += r.flood(20*time.Second, 5*time.Millisecond, 0)
		if got < 8800 || got > 9000 {
			t.Errorf("%d items were admitted without the store, want nearly 9000", got)
		}
		r.store.away.Store(false)
		time.Sleep(3 * time.Second)
		got += r.flood(20*time.Second, 5*time.Millisecond, 0)
		within(t, "in all", got, 9000)
	})
}

func TestCaps_APatientItemWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 1, of(catalog.CapItemsPerMinute, 1))
		began := time.Now()
		for range 3 {
			if err := admit(r.all[0], patient); err != nil {
				t.Fatal(err)
			}
			r.all[0].Done("shop", 0)
		}
		if took := time.Since(began); took < 2*time.Minute || took > 2*time.Minute+time.Second {
			t.Errorf("three items took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.all[0].Admit(ctx, "shop", patient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v after the end of the context", err)
		}
	})
}

func TestCaps_ManyRefusalsAskTheStoreOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 1, of(catalog.CapItemsPerDay, 1))
		if err := admit(r.all[0], first); err != nil {
			t.Fatal(err)
		}
		r.all[0].Done("shop", 0)
		time.Sleep(1500 * time.Millisecond) // between two ticks
		before, began := r.store.requests.Load(), time.Now()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if err := admit(r.all[0], first); !fault.Is(err, fault.CapReached) {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if n := r.store.requests.Load() - before; n > 2 {
			t.Errorf("100 refusals at once took %d requests to the store and %v", n, time.Since(began))
		}
	})
}

func TestCaps_ACallThatIsCancelledDoesNotWaitForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 1, of(catalog.CapItemsPerDay, 1))
		time.Sleep(1500 * time.Millisecond) // between two ticks
		exchange := make(chan error)
		r.store.slow.Store(int64(time.Second))
		go func() { exchange <- admit(r.all[0], first) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		if err := r.all[0].Admit(ctx, "shop", first); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 100*time.Millisecond {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		if err := <-exchange; err != nil {
			t.Error(err)
		}
		r.all[0].Done("shop", 0)
		r.store.slow.Store(0)
	})
}

// BenchmarkItem is what an item costs a caller with all caps, and one without any.
func BenchmarkItem(b *testing.B) {
	all := catalog.Caps{1 << 20, 1 << 40, 1 << 40, 1 << 40, 0, 0}
	for name, limits := range map[string]catalog.Caps{"with caps": all, "without": {}} {
		b.Run(name, func(b *testing.B) {
			k := keeper(b, newMemory(), "replica", limits)
			b.ReportAllocs()
			for b.Loop() {
				if err := admit(k, later); err != nil {
					b.Fatal(err)
				}
				k.Done("shop", 4000)
			}
		})
	}
}
