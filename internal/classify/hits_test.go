package classify_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
)

// shelf is a cache that has some answers, and keeps none.
type shelf map[catalog.Fingerprint]*catalog.Answer

func (s shelf) Recall(look catalog.Lookup) *catalog.Answer { return s[look.Key] }

func (s shelf) Do(ctx context.Context, _ catalog.Lookup, work catalog.Work) (catalog.Answer, error) {
	return work(ctx)
}

// TestWindow_HitsDoNotOpenIt has a model that is slow, and answers at hand that say
// nothing of how fast it is: no item may be admitted long before its turn.
func TestWindow_HitsDoNotOpenIt(t *testing.T) {
	for name, isHit := range map[string]func(i int) bool{
		"misses alone":           func(i int) bool { return i >= 1000 },
		"hits, then misses":      func(i int) bool { return i < 2000 },
		"nine hits to each miss": func(i int) bool { return i%10 != 0 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				known := shelf{}
				b, g := setUp(t, 1, func(p *classify.Parts) { p.Cache = known }), collect()
				var all []*catalog.Item
				misses := 0
				for i, it := range items(10_000, time.Second, nil) {
					if isHit(i) {
						known[catalog.Scope{}.With("").OfText(it)] = &catalog.Answer{Trace: catalog.Trace{Backend: "openai", Cached: true}}
					} else if misses++; misses > 1000 {
						break
					}
					all = append(all, it)
				}
				s, err := b.Run(t.Context(), classify.Call{}, from(all), g.send)
				if err != nil || s.Failed != 0 || b.model.count() != 1000 {
					t.Errorf("%d asked, failed %v, %v", b.model.count(), s.FailuresByReason, err)
				}
			})
		})
	}
}

// panickingCache is a cache whose lookups panic.
type panickingCache struct{ shelf }

func (panickingCache) Recall(catalog.Lookup) *catalog.Answer { panic("the cache") }

// sharedWorkCache is a cache that runs work on a goroutine that does not recover, as
// shared work does.
type sharedWorkCache struct{ shelf }

func (sharedWorkCache) Do(ctx context.Context, _ catalog.Lookup, work catalog.Work) (a catalog.Answer, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		a, err = work(ctx)
	}()
	<-done
	return a, err
}

func TestPanic_InTheCacheIsReportedAndFailsNoOtherItem(t *testing.T) {
	for name, tt := range map[string]struct {
		cache    classify.Cache
		kind     string
		reported string
		failed   int64
	}{
		"in a lookup":    {panickingCache{}, "", "panic 0 the cache", 0},
		"in shared work": {sharedWorkCache{}, "panic", "panic 0 the model's reply", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, g := setUp(t, 1, func(p *classify.Parts) { p.Cache = tt.cache }), collect()
				all := items(1, time.Second, func(_ int, it *catalog.Item) { it.Type = tt.kind })
				s, err := b.Run(t.Context(), classify.Call{}, from(all), g.send)
				if err != nil || s.Total != 1 || s.Failed != tt.failed {
					t.Errorf("%+v, %v", s, err)
				}
				if strings.Count(b.diary.String(), tt.reported) != 1 {
					t.Errorf("the observer has:\n%s", b.diary)
				}
			})
		})
	}
}

// sharer is a cache in which another caller has asked each question already.
type sharer struct {
	shelf
	err error
}

func (s sharer) Do(context.Context, catalog.Lookup, catalog.Work) (catalog.Answer, error) {
	return catalog.Answer{Trace: catalog.Trace{Backend: "openai", Deduplicated: true}}, s.err
}

// A caller that shares in vain is answered by the fallback, also if it left at its
// deadline and cannot know how far the work was.
func TestFallback_AnswersAfterSharedWorkFailed(t *testing.T) {
	for name, failed := range map[string]error{
		"late":      context.DeadlineExceeded,
		"a refusal": fault.New(fault.Refused, "no"),
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t, 1, func(p *classify.Parts) { p.Cache, p.Fallback = sharer{err: failed}, newModel(1) })
			o, err := b.Classify(t.Context(), classify.Call{}, &catalog.Item{Name: "sofa", ImageURL: "http://shop.example/1.jpg"})
			if err != nil || o.Err != nil || o.Trace.Deduplicated || o.ImageErr == nil {
				t.Fatalf("%v, %+v, %v", o.Err, o.Trace, err)
			}
		})
	}
}
