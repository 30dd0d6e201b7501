package preview_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture/preview"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shop answers each address after a second.
type shop struct {
	picture      *catalog.Picture
	err          error
	asked        atomic.Int64
	flying, most atomic.Int64
}

func newShop(t *testing.T) *shop {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, image.NewRGBA(image.Rect(0, 0, 700, 350)), nil); err != nil {
		t.Fatal(err)
	}
	return &shop{picture: &catalog.Picture{Data: out.Bytes(), MediaType: "image/jpeg"}}
}

func (s *shop) Picture(ctx context.Context, _ *catalog.Item) (*catalog.Picture, error) {
	s.asked.Add(1)
	now := s.flying.Add(1)
	defer s.flying.Add(-1)
	for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
	}
	select {
	case <-time.After(time.Second):
		return s.picture, s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func previews(t *testing.T, s *shop) *preview.Previews {
	t.Helper()
	p, err := preview.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func numbered(n int) *catalog.Item {
	return &catalog.Item{ImageURL: fmt.Sprint("https://shop.example/", n, ".jpg")}
}

func TestPreviews_AreAtLeastAsLargeAsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := previews(t, newShop(t)) // of 700 pixels
		for asked, want := range map[int]int{-1: 96, 1: 96, 96: 96, 97: 192, 192: 192, 384: 384, 385: 700, 5000: 700} {
			picture, err := p.Picture(t.Context(), numbered(0), asked)
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := image.DecodeConfig(bytes.NewReader(picture.Data))
			if err != nil || got.Width != want {
				t.Errorf("asked for %d pixels: got %d, %v, want %d", asked, got.Width, err, want)
			}
		}
	})
}

func TestPreviews_FewAreFetchedAtOnceAndEachOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		p := previews(t, s)
		var views sync.WaitGroup
		for i := range 120 {
			views.Go(func() {
				if _, err := p.Picture(t.Context(), numbered(i%30), []int{1, 96, 500, 1024}[i%4]); err != nil {
					t.Error(err)
				}
			})
		}
		views.Wait()
		if s.asked.Load() != 30 || s.most.Load() > 6 {
			t.Errorf("asked %d times, %d at once", s.asked.Load(), s.most.Load())
		}
	})
}

func TestPreviews_AViewThatIsLeftGivesItsTurnsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		p := previews(t, s)
		var views sync.WaitGroup
		look := func(from, to int) context.CancelFunc {
			ctx, cancel := context.WithCancel(t.Context())
			for i := from; i < to; i++ {
				views.Go(func() {
					if _, err := p.Picture(ctx, numbered(i), 96); !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
				})
			}
			synctest.Wait()
			return cancel
		}
		leaveFetched := look(0, 6)
		leaveWaiting := look(6, 100)
		leaveWaiting()
		synctest.Wait()
		leaveFetched()
		views.Wait()
		began := time.Now()
		if _, err := p.Picture(t.Context(), numbered(200), 96); err != nil || time.Since(began) > 2*time.Second || s.asked.Load() != 7 {
			t.Errorf("after %v: %v; %d were asked", time.Since(began), err, s.asked.Load())
		}
	})
}

func TestPreviews_AFailureIsRememberedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		p := previews(t, s)
		s.err = fault.New(fault.ImageUnreachable, "the shop is away")
		for range 3 {
			if _, err := p.Picture(t.Context(), numbered(1), 96); !fault.Is(err, fault.ImageUnreachable) {
				t.Errorf("%v", err)
			}
		}
		if s.asked.Load() != 1 {
			t.Errorf("asked %d times", s.asked.Load())
		}
		s.err = nil
		time.Sleep(6 * time.Minute)
		if _, err := p.Picture(t.Context(), numbered(1), 96); err != nil {
			t.Errorf("later: %v", err)
		}
		if _, err := p.Picture(t.Context(), &catalog.Item{Name: "chair"}, 96); !fault.Is(err, fault.NoImageFound) {
			t.Errorf("without a picture: %v", err)
		}
	})
}
