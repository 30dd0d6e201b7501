package classify_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
)

func TestEachItemHasOneOutcome(t *testing.T) {
	// The shapes are drawn outside of the bubble, in which only the engine runs.
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 900).Draw(rt, "items")
		size := rapid.SampledFrom([]int{0, 1, 3, 7, 1000}).Draw(rt, "batch size")
		delivery := rapid.SampledFrom([]catalog.Delivery{catalog.AsCompleted, catalog.InOrder}).Draw(rt, "delivery")
		slots := rapid.IntRange(1, 80).Draw(rt, "slots")
		seed := rapid.Int().Draw(rt, "seed")
		known := rapid.Bool().Draw(rt, "total known")
		prompt := rapid.Bool().Draw(rt, "prompt")
		synctest.Test(t, func(t *testing.T) {
			runShape(t, n, size, delivery, slots, uint(seed), known, prompt)
		})
	})
}

func runShape(t *testing.T, n, size int, delivery catalog.Delivery, slots int, seed uint, known, prompt bool) {
	b, g := setUp(t, slots), collect()
	all := items(n, 0, func(i int, it *catalog.Item) {
		h := (uint(i) + seed) * 2654435761 % 1000
		it.Description = (time.Duration(h) * time.Millisecond).String()
		if h%10 == 0 {
			it.Type = "refuse"
		}
		if h%7 == 0 {
			it.ImageURL = "http://shop.example/1.jpg"
		}
	})
	call := classify.Call{Options: catalog.Options{BatchSize: size, Delivery: delivery}, Prompt: prompt}
	if known {
		call.Total = int64(n)
	}
	summary, err := b.Run(t.Context(), call, from(all), g.send)
	if err != nil {
		t.Fatal(err)
	}
	checkComplete(t, all, g, summary)
	if delivery == catalog.InOrder {
		checkOrder(t, g)
	}
}

// checkComplete fails unless each item has exactly its own outcome.
func checkComplete(t *testing.T, all []*catalog.Item, g *got, s catalog.Summary) {
	t.Helper()
	seen := make([]bool, len(all))
	failed := int64(0)
	for _, o := range g.outcomes() {
		it := all[o.Index]
		if seen[o.Index] {
			t.Fatalf("item %d has two outcomes", o.Index)
		}
		seen[o.Index] = true
		switch {
		case o.ID != it.ID || o.Name != it.Name:
			t.Fatalf("item %d has the outcome of %s", o.Index, o.ID)
		case it.Type == "refuse" && !fault.Is(o.Err, fault.Refused):
			t.Fatalf("item %d should have been refused: %v", o.Index, o.Err)
		case it.Type == "" && (o.Err != nil || o.Classification.Category != "SOFA:"+it.ID):
			t.Fatalf("item %d: %v %v", o.Index, o.Err, o.Classification)
		}
		if o.Err != nil {
			failed++
		}
	}
	if len(g.outcomes()) != len(all) || s.Total != int64(len(all)) || s.Failed != failed || s.Succeeded != s.Total-failed {
		t.Fatalf("%d outcomes of %d items, %d failed, summary %+v", len(g.outcomes()), len(all), failed, s)
	}
	last := g.batches[len(g.batches)-1].Progress
	if last.Done != s.Total || last.Failed != failed {
		t.Fatalf("the last batch's progress is %+v, the summary %+v", last, s)
	}
}

// checkOrder fails unless outcomes come in the order of the items, in batches of
// one kind that are numbered as they come.
func checkOrder(t *testing.T, g *got) {
	t.Helper()
	next := int64(0)
	for i, b := range g.batches {
		if b.ID != int64(i+1) {
			t.Fatalf("batch %d came as number %d", b.ID, i+1)
		}
		for _, o := range b.Outcomes {
			if o.Kind != b.Kind || o.Index != next {
				t.Fatalf("batch %d (%v): item %d (%v), want %d", b.ID, b.Kind, o.Index, o.Kind, next)
			}
			next++
		}
	}
}

func TestAsCompleted_SlowItemDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := setUp(t, 32), collect()
		all := items(25, time.Second, func(i int, it *catalog.Item) {
			if i == 3 {
				it.Description = "20s"
			}
		})
		if _, err := b.Run(t.Context(), classify.Call{}, from(all), g.send); err != nil {
			t.Fatal(err)
		}
		want := "[1s 1s 1.1s 20s]" // two full batches, the flush, the slow one
		if at := fmt.Sprint(g.at); at != want {
			t.Errorf("batches came at %v, want %v", at, want)
		}
	})
}

func TestInOrder_SlowItemDoesNotIdleThePool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := setUp(t, 10), collect()
		all := items(1009, time.Second, func(i int, it *catalog.Item) {
			if i == 0 {
				it.Description = "100s"
			}
		})
		call := classify.Call{Options: catalog.Options{Delivery: catalog.InOrder}, Total: 1009}
		s, err := b.Run(t.Context(), call, from(all), g.send)
		if err != nil {
			t.Fatal(err)
		}
		// 1,008 s of work for nine slots besides the slow item is 112 s; with a
		// barrier the slow item's 100 s would come on top.
		if s.Elapsed > 113*time.Second {
			t.Errorf("took %v", s.Elapsed)
		}
		if s.PeakConcurrency != 10 {
			t.Errorf("peak concurrency %d, want 10", s.PeakConcurrency)
		}
		checkOrder(t, g)
	})
}

func TestInOrder_PictureAmongTexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := setUp(t, 10), collect()
		all := items(30, time.Second, func(i int, it *catalog.Item) {
			if i == 14 {
				it.ImageData = []byte("picture")
			}
		})
		call := classify.Call{Options: catalog.Options{Delivery: catalog.InOrder}}
		if _, err := b.Run(t.Context(), call, from(all), g.send); err != nil {
			t.Fatal(err)
		}
		checkOrder(t, g)
		var sizes []int
		for _, batch := range g.batches {
			sizes = append(sizes, len(batch.Outcomes))
		}
		if fmt.Sprint(sizes) != "[10 4 1 10 5]" {
			t.Errorf("batches of %v", sizes)
		}
	})
}

func TestWindow_LargeItemsAreFewAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := setUp(t, 100), collect()
		large := make([]byte, 10<<20)
		all := items(50, time.Second, func(_ int, it *catalog.Item) { it.ImageData = large })
		s, err := b.Run(t.Context(), classify.Call{}, from(all), g.send)
		if err != nil || s.Total != 50 || s.PeakConcurrency != 7 {
			t.Errorf("%d items of 10 MiB, at most %d at once, want 7 for 64 MiB and one more: %v", s.Total, s.PeakConcurrency, err)
		}
	})
}

func TestWindow_SlowReaderStopsAdmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, 16)
		blocked := make(chan struct{})
		send := func(catalog.Batch) error { <-blocked; return nil }
		over := make(chan error)
		go func() {
			_, err := b.Run(t.Context(), classify.Call{}, from(items(5000, time.Second, nil)), send)
			over <- err
		}()
		time.Sleep(10 * time.Minute)
		if n := b.model.count(); n > 256+15 || n < 256 {
			t.Errorf("the model was asked %d times while no caller read, want the window of 271", n)
		}
		close(blocked)
		if err := <-over; err != nil {
			t.Fatal(err)
		}
		if n := b.model.count(); n != 5000 {
			t.Errorf("asked %d times in all", n)
		}
	})
}

func TestRun_CallerThatLeavesStopsTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := setUp(t, 16), collect()
		ctx, leave := context.WithCancelCause(t.Context())
		gone := errors.New("gone")
		time.AfterFunc(5500*time.Millisecond, func() { leave(gone) })
		s, err := b.Run(ctx, classify.Call{}, from(items(5000, time.Second, nil)), g.send)
		if !errors.Is(err, gone) {
			t.Errorf("error %v", err)
		}
		if s.Elapsed != 5500*time.Millisecond {
			t.Errorf("returned after %v", s.Elapsed)
		}
		left := b.model.last
		time.Sleep(time.Hour)
		if n := b.model.count(); n < 6*16 || b.model.last != left || left.After(time.Now().Add(-time.Hour)) {
			t.Errorf("asked %d times, last %v after the caller left", n, b.model.last.Sub(left))
		}
	})
}

func TestRun_FailureOfSourceOrSinkEndsTheCall(t *testing.T) {
	broken := errors.New("broken")
	synctest.Test(t, func(t *testing.T) {
		b, g := setUp(t, 4), collect()
		left := from(items(30, time.Second, nil))
		n := 0
		source := func(ctx context.Context) (*catalog.Item, error) {
			if n++; n > 20 {
				return nil, broken
			}
			return left(ctx)
		}
		if _, err := b.Run(t.Context(), classify.Call{}, source, g.send); !errors.Is(err, broken) {
			t.Errorf("the source's error became %v", err)
		}
		sink := func(catalog.Batch) error { return broken }
		if _, err := b.Run(t.Context(), classify.Call{}, from(items(30, 0, nil)), sink); !errors.Is(err, broken) {
			t.Errorf("the sink's error became %v", err)
		}
	})
}

func TestItemTimeout_BeginsAtAdmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g := setUp(t, 8), collect()
		call := classify.Call{Options: catalog.Options{ItemTimeout: 100 * time.Second}}
		// 512 items of 2 s on 8 slots take 128 s, longer than an item may.
		s, err := b.Run(t.Context(), call, from(items(512, 2*time.Second, nil)), g.send)
		if err != nil || s.Failed != 0 {
			t.Errorf("failed %v, %v", s.FailuresByReason, err)
		}
		if first := b.model.deadline[0]; first != 100*time.Second {
			t.Errorf("the first item had %v", first)
		}
		s, err = b.Run(t.Context(), call, from(items(3, time.Hour, nil)), g.send)
		if err != nil || s.FailuresByReason["DEADLINE_EXCEEDED"] != 3 || s.Elapsed != 100*time.Second {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

func TestWindow_SlowModelLosesNoItem(t *testing.T) {
	tests := map[string]struct {
		slots int
		takes time.Duration
	}{
		"one slot, 5 s an answer":    {1, 5 * time.Second},
		"two slots, 20 s an answer":  {2, 20 * time.Second},
		"four slots, 10 s an answer": {4, 10 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, g := setUp(t, tt.slots), collect()
				s, err := b.Run(t.Context(), classify.Call{}, from(items(600, tt.takes, nil)), g.send)
				if err != nil || s.Failed != 0 {
					t.Errorf("failed %v, %v", s.FailuresByReason, err)
				}
				if want := 600 / time.Duration(tt.slots) * tt.takes; s.Elapsed != want {
					t.Errorf("took %v, want %v: the pool was idle", s.Elapsed, want)
				}
			})
		})
	}
}

func TestPrompt_BatchesWaitForTheSinkOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, 50)
		all := items(40, 100*time.Millisecond, nil)
		all[0].Description = "50ms"
		start := time.Now()
		var sizes []int
		_, err := b.Run(t.Context(), classify.Call{Prompt: true, Options: catalog.Options{BatchSize: 1000}}, from(all),
			func(batch catalog.Batch) error {
				sizes = append(sizes, len(batch.Outcomes))
				if len(sizes) == 1 && time.Since(start) != 50*time.Millisecond {
					t.Errorf("the first outcome left after %v", time.Since(start))
				}
				time.Sleep(time.Second) // a slow sink: the others gather meanwhile
				return nil
			})
		if err != nil || len(sizes) != 2 || sizes[0] != 1 || sizes[1] != 39 {
			t.Fatalf("sizes %v, %v", sizes, err)
		}
	})
}

func TestPatient_ItemsHaveABudgetInsteadOfADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, 1) // one slot: the last item waits for four minutes
		all := items(5, time.Minute, nil)
		summary, err := b.Run(t.Context(), classify.Call{Patient: true}, from(all), func(catalog.Batch) error { return nil })
		if err != nil || summary.Succeeded != 5 {
			t.Fatalf("%+v, %v", summary, err)
		}
		if b.model.deadline != nil {
			t.Fatalf("questions had deadlines: %v", b.model.deadline)
		}
	})
}
