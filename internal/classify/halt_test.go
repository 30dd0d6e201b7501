package classify_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/cache"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
)

// TestHalt_GivesUpWhatWaits halts a call while two of its items are with the model and the
// others wait: for the model, for a picture, or for the work of an equal item.
func TestHalt_GivesUpWhatWaits(t *testing.T) {
	for name, tt := range map[string]struct {
		adjust func(i int, it *catalog.Item)
		asked  int
	}{
		"for the model":  {nil, 2},
		"for a picture":  {pictured, 0},
		"for equal work": {func(_ int, it *catalog.Item) { it.Name = "the same" }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answers := cache.New(cache.Config{})
				defer answers.Close()
				b, g := setUp(t, 2, func(p *classify.Parts) { p.Cache, p.Pictures = answers, slowShop{takes: time.Hour} }), collect()
				halt, stop := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, stop)
				call := classify.Call{Patient: true, Prompt: true, Halt: halt}
				source := from(items(500, time.Minute, tt.adjust))
				s, err := b.Run(t.Context(), call, source, g.send)
				if err != nil || s.Failed != 0 || s.Succeeded != int64(tt.asked) || len(g.outcomes()) != tt.asked || b.model.count() != tt.asked {
					t.Errorf("%+v, %d outcomes, %d asked, %v", s, len(g.outcomes()), b.model.count(), err)
				}
				if want := time.Duration(min(tt.asked, 1))*time.Minute + time.Second; s.Elapsed > want {
					t.Errorf("it took %v", s.Elapsed)
				}
			})
		})
	}
}

// TestHalt_HarmsNoCallThatSharesTheWork has a call wait for the work of one that is
// halted before the model was asked.
func TestHalt_HarmsNoCallThatSharesTheWork(t *testing.T) {
	for name, adjust := range map[string]func(int, *catalog.Item){
		"texts": nil, "pictures": pictured,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answers := cache.New(cache.Config{ProvisionalTTL: time.Hour})
				defer answers.Close()
				b := setUp(t, 1, func(p *classify.Parts) { p.Cache, p.Pictures = answers, slowShop{takes: time.Minute} })
				busy := make(chan error, 1)
				go func() { // the model has something else to do
					_, err := b.Run(t.Context(), classify.Call{}, from(items(1, 2*time.Second, nil)), collect().send)
					busy <- err
				}()
				synctest.Wait()
				halt, stop := context.WithCancel(t.Context())
				same := func(i int, it *catalog.Item) {
					it.ID, it.Name = fmt.Sprint("shared ", i), "the same"
					if adjust != nil {
						adjust(0, it)
					}
				}
				halted := make(chan catalog.Summary, 1)
				go func() {
					s, _ := b.Run(t.Context(), classify.Call{Patient: true, Halt: halt}, from(items(1, time.Second, same)), collect().send)
					halted <- s
				}()
				synctest.Wait()
				time.AfterFunc(time.Second, stop)
				s, err := b.Run(t.Context(), classify.Call{Patient: true}, from(items(3, time.Second, same)), collect().send)
				if err != nil || s.Succeeded != 3 {
					t.Errorf("%+v, %v", s, err)
				}
				if s := <-halted; s.Total != 0 {
					t.Errorf("the halted call has %+v", s)
				}
				if err := <-busy; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestHalt_GivesUpAFullWindow halts a call that holds as many items as it may, of which
// none has a turn at the model.
func TestHalt_GivesUpAFullWindow(t *testing.T) {
	for name, adjust := range map[string]func(int, *catalog.Item){"texts": nil, "pictures": pictured} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const slots = 64
				b, g := setUp(t, slots), collect()
				for range slots { // other calls have the model
					b.model.slots <- struct{}{}
				}
				halt, stop := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, stop)
				s, err := b.Run(t.Context(), classify.Call{Patient: true, Prompt: true, Halt: halt}, from(items(5000, time.Minute, adjust)), g.send)
				if err != nil || s.Total != 0 || s.Elapsed > time.Second || len(g.outcomes()) > 0 {
					t.Errorf("%+v, %d outcomes, %v", s, len(g.outcomes()), err)
				}
			})
		})
	}
}

// TestHalt_GivesBackWhatCapsHold halts a call whose first two items are with the model, before
// its third one counts as admitted, and afterwards.
func TestHalt_GivesBackWhatCapsHold(t *testing.T) {
	for name, late := range map[string]bool{"before": false, "afterwards": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				halt, stop := context.WithCancel(t.Context())
				caps := &haltingCaps{late: late, stop: stop}
				b := setUp(t, 2, func(p *classify.Parts) { p.Caps = caps })
				s, err := b.Run(t.Context(), classify.Call{Patient: true, Halt: halt}, from(items(5, time.Minute, nil)), collect().send)
				if err != nil || s.Succeeded != 2 || s.Failed != 0 {
					t.Errorf("%+v, %v", s, err)
				}
				if n := caps.inFlight.Load(); n != 0 {
					t.Errorf("%d items are held for ever", n)
				}
			})
		})
	}
}

// haltingCaps counts items in flight, and halts a call at its third one.
type haltingCaps struct {
	late     bool
	stop     context.CancelFunc
	asked    int
	inFlight atomic.Int64
}

func (c *haltingCaps) Admit(ctx context.Context, _ string, _ catalog.Admission) error {
	if c.asked++; c.asked == 3 {
		synctest.Wait() // the model has what was admitted before
		c.stop()
		if !c.late {
			<-ctx.Done()
			return ctx.Err()
		}
	}
	c.inFlight.Add(1)
	return nil
}

func (c *haltingCaps) Done(string, int64) { c.inFlight.Add(-1) }

// TestHalt_LeavesACallInFlightAfterSharedWork has an item join work that fails for an
// outage, and ask the model itself when its call is halted.
func TestHalt_LeavesACallInFlightAfterSharedWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := cache.New(cache.Config{})
		defer answers.Close()
		b := setUp(t, 4, func(p *classify.Parts) { p.Cache = answers })
		down := func(_ int, it *catalog.Item) { it.Name, it.Type = "the same", "down" }
		first := make(chan error, 1)
		go func() {
			_, err := b.Run(t.Context(), classify.Call{Patient: true}, from(items(1, time.Minute, down)), collect().send)
			first <- err
		}()
		synctest.Wait()
		halt, stop := context.WithCancel(t.Context())
		time.AfterFunc(90*time.Second, stop)
		s, err := b.Run(t.Context(), classify.Call{Patient: true, Halt: halt}, from(items(1, time.Minute, down)), collect().send)
		if err != nil || s.Failed != 1 || s.Elapsed != 2*time.Minute || b.model.count() != 2 {
			t.Errorf("%+v, %d calls, %v", s, b.model.count(), err)
		}
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}
