package classify_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/cache"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
)

// TestHold_AsksNoMoreThanThePoolBeyondWhatIsTaken has a sink that takes its time for each
// batch. No more questions may be asked, whether they are answered or not, than there were
// taken and the pool has places, but for those with pictures that are asked again by text.
// Each item is over in the end, so no place is lost.
func TestHold_AsksNoMoreThanThePoolBeyondWhatIsTaken(t *testing.T) {
	const pool, count = 4, 60
	for name, tt := range map[string]struct {
		adjust  func(i int, it *catalog.Item)
		asked   int // questions
		again   int // of these, after which no place is kept
		failed  int
		options catalog.Options
	}{
		"texts":    {nil, count, 0, 0, catalog.Options{}},
		"pictures": {pictured, count, 0, 0, catalog.Options{}},
		"equal":    {func(i int, it *catalog.Item) { it.Name, it.ID = fmt.Sprint(i/5), "" }, count / 5, 0, 0, catalog.Options{}},
		"failures": {func(_ int, it *catalog.Item) { it.Type = "refuse" }, count, 0, count, catalog.Options{}},
		"panics":   {func(_ int, it *catalog.Item) { it.Type = "panic" }, count, 0, count, catalog.Options{}},
		"by text after the picture": {func(i int, it *catalog.Item) {
			pictured(i, it)
			it.Type = "blind"
		}, 2 * count, count, 0, catalog.Options{}},
		"in order, which holds nothing": {nil, count, count, 0, catalog.Options{Delivery: catalog.InOrder}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answers := cache.New(cache.Config{ProvisionalTTL: time.Hour})
				defer answers.Close()
				b := setUp(t, pool, func(p *classify.Parts) { p.Cache, p.Pictures = answers, slowShop{takes: time.Second} })
				taken := 0
				call := classify.Call{Hold: true, Options: tt.options}
				s, err := b.Run(t.Context(), call, from(items(count, time.Millisecond, tt.adjust)), func(batch catalog.Batch) error {
					time.Sleep(100 * time.Millisecond)
					if asked := b.model.count(); asked > taken+pool+tt.again {
						t.Errorf("%d were asked when %d were taken", asked, taken)
					}
					taken += len(batch.Outcomes)
					return nil
				})
				if err != nil || s.Total != count || s.Failed != int64(tt.failed) || b.model.count() != tt.asked {
					t.Errorf("%+v, %d asked, %v", s, b.model.count(), err)
				}
				if left := len(b.model.slots); left != 0 {
					t.Errorf("%d places are lost", left)
				}
			})
		})
	}
}

// TestHold_WaitsForNoFullBatch has more room in a batch than the pool has places, and a sink
// that takes 1 ms. Waiting for more would take 100 ms each time.
func TestHold_WaitsForNoFullBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, 4)
		s, err := b.Run(t.Context(), classify.Call{Hold: true}, from(items(60, time.Millisecond, nil)), func(catalog.Batch) error {
			time.Sleep(time.Millisecond)
			return nil
		})
		if err != nil || s.Failed != 0 || s.Elapsed > 100*time.Millisecond {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

// TestHold_EndsWithTheCall has a sink that fails, and places that nothing takes.
func TestHold_EndsWithTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, 4)
		fails := func(catalog.Batch) error {
			time.Sleep(time.Minute)
			return context.Canceled
		}
		if _, err := b.Run(t.Context(), classify.Call{Hold: true}, from(items(60, time.Millisecond, nil)), fails); err == nil {
			t.Error("the sink's error is lost")
		}
		if left := len(b.model.slots); left != 0 {
			t.Errorf("%d places are lost", left)
		}
	})
}

// TestHold_OfWorkThatOutlivesItsItem has an item that is over before the answer comes, for
// which an equal one waits. The one place is then free for the next.
func TestHold_OfWorkThatOutlivesItsItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := cache.New(cache.Config{ProvisionalTTL: time.Hour})
		defer answers.Close()
		b := setUp(t, 1, func(p *classify.Parts) { p.Cache = answers })
		all := items(3, 1200*time.Millisecond, func(i int, it *catalog.Item) { it.ID, it.Name = "", fmt.Sprint("chair ", i/2) })
		all[2].Description = time.Millisecond.String()
		next := from(all)
		slow := func(ctx context.Context) (*catalog.Item, error) {
			time.Sleep(500 * time.Millisecond)
			return next(ctx)
		}
		s, err := b.Run(t.Context(), classify.Call{Hold: true, Options: catalog.Options{ItemTimeout: time.Second}}, slow, collect().send)
		if err != nil || s.Total != 3 || s.Failed != 1 || s.FailuresByReason["DEADLINE_EXCEEDED"] != 1 || b.model.count() != 2 {
			t.Errorf("%+v, %d asked, %v", s, b.model.count(), err)
		}
	})
}
