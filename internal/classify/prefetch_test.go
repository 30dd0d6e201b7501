package classify_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/cache"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
)

func pictured(_ int, it *catalog.Item) { it.ImageURL = "http://shop.example/1.jpg" }

// TestSlowShopsLeaveNoSlotIdle has shops that take longer than the model does.
// Once the window has followed the pace, every slot is taken all the time.
func TestSlowShopsLeaveNoSlotIdle(t *testing.T) {
	tests := map[string]struct {
		slots       int
		shop, model time.Duration
		delivery    catalog.Delivery
		begin       time.Duration // until the slots are full
	}{
		"32 slots":           {32, time.Second, 200 * time.Millisecond, catalog.AsCompleted, 6 * time.Second},
		"32 slots, in order": {32, time.Second, 200 * time.Millisecond, catalog.InOrder, 6 * time.Second},
		"64 slots":           {64, time.Second, 200 * time.Millisecond, catalog.AsCompleted, 7 * time.Second},
		"very slow shops":    {32, 5 * time.Second, 200 * time.Millisecond, catalog.AsCompleted, 32 * time.Second},
		"fast shops":         {32, 10 * time.Millisecond, 200 * time.Millisecond, catalog.AsCompleted, time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := setUp(t, tt.slots, func(p *classify.Parts) { p.Pictures = slowShop{takes: tt.shop} })
				perSecond := tt.slots * int(time.Second/tt.model)
				n := perSecond * int((tt.begin+15*time.Second)/time.Second)
				probe := time.AfterFunc(tt.begin, func() {
					synctest.Wait() // questions of the same instant count at both ends
					before := b.model.count()
					time.Sleep(10 * time.Second)
					synctest.Wait()
					if got, want := b.model.count()-before, 10*perSecond; got < want*99/100 {
						t.Errorf("%d questions in 10 s, want %d: slots were idle", got, want)
					}
				})
				defer probe.Stop()
				g := collect()
				s, err := b.Run(t.Context(), classify.Call{Options: catalog.Options{Delivery: tt.delivery}}, from(items(n, tt.model, pictured)), g.send)
				if err != nil || s.Failed != 0 {
					t.Errorf("failed %v, %v", s.FailuresByReason, err)
				}
				if most := time.Duration(n)*tt.model/time.Duration(tt.slots) + tt.begin; s.Elapsed > most {
					t.Errorf("took %v, want at most %v", s.Elapsed, most)
				}
			})
		})
	}
}

// TestWindow_SlowShopOrModelLosesNoPicture has a shop, or a model, that is the bound: the
// window must not let in what it cannot serve within an item's time.
func TestWindow_SlowShopOrModelLosesNoPicture(t *testing.T) {
	tests := map[string]struct {
		slots, connections int
		shop, model        time.Duration
		texts              int // of each ten items
	}{
		"one shop with a large pool":        {512, 4, time.Second, 200 * time.Millisecond, 0},
		"one shop that takes all its time":  {64, 4, 7 * time.Second, 200 * time.Millisecond, 0},
		"one shop, most items without":      {256, 4, 2 * time.Second, 100 * time.Millisecond, 9},
		"slow model, shops as slow":         {2, 1000, 20 * time.Second, 20 * time.Second, 0},
		"slow model, shops that are faster": {1, 1000, time.Second, 10 * time.Second, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := setUp(t, tt.slots, func(p *classify.Parts) {
					p.Pictures = slowShop{takes: tt.shop, slots: make(chan struct{}, tt.connections)}
				})
				all := items(2000, tt.model, func(i int, it *catalog.Item) {
					if i%10 >= tt.texts {
						pictured(i, it)
					}
				})
				g := collect()
				s, err := b.Run(t.Context(), classify.Call{}, from(all), g.send)
				if err != nil || s.Failed != 0 {
					t.Errorf("failed %v, %v", s.FailuresByReason, err)
				}
			})
		})
	}
}

// TestWindow_CountsPicturesAsBytes has pictures that are large: few may wait for a slow
// model, however many shops could send.
func TestWindow_CountsPicturesAsBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, 200, func(p *classify.Parts) { p.Pictures = largePictures{} })
		peak := 0
		probe := time.AfterFunc(500*time.Millisecond, func() { peak = b.model.count() })
		defer probe.Stop()
		g := collect()
		s, err := b.Run(t.Context(), classify.Call{}, from(items(1000, time.Second, pictured)), g.send)
		if err != nil || s.Failed != 0 {
			t.Fatal(s.FailuresByReason, err)
		}
		if peak > 64+64 {
			t.Errorf("%d pictures of 1 MiB are in memory, want at most 64, and 64 that were on their way", peak)
		}
	})
}

// TestWindow_EqualItemsLeaveNoSlotIdle has each item many times in a row: those that wait
// for the first of their kind must not keep others from the model.
func TestWindow_EqualItemsLeaveNoSlotIdle(t *testing.T) {
	for name, adjust := range map[string]func(int, *catalog.Item){
		"texts":    func(int, *catalog.Item) {},
		"pictures": pictured,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answers := cache.New(cache.Config{ProvisionalTTL: time.Hour})
				defer answers.Close()
				b := setUp(t, 8, func(p *classify.Parts) { p.Cache, p.Pictures = answers, slowShop{takes: time.Second} })
				all := items(3200, time.Second, func(i int, it *catalog.Item) {
					it.Name = fmt.Sprint("item ", i/16)
					adjust(i, it)
				})
				s, err := b.Run(t.Context(), classify.Call{}, from(all), collect().send)
				if err != nil || s.Failed != 0 || b.model.count() != 200 {
					t.Errorf("%d asked, failed %v, %v", b.model.count(), s.FailuresByReason, err)
				}
				if most := 200/8*time.Second + 5*time.Second; s.Elapsed > most {
					t.Errorf("took %v, want at most %v", s.Elapsed, most)
				}
			})
		})
	}
}
