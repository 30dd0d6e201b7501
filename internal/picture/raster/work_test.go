package raster

import (
	"context"
	"image"
	"image/color"
	"testing"
	"testing/synctest"
)

// TestWebP_AlphaIsCheap compares the rows with colours that are converted one by one, which
// takes ten times as long.
func TestWebP_AlphaIsCheap(t *testing.T) {
	const side = 64
	img := image.NewNYCbCrA(image.Rect(0, 0, side, side), image.YCbCrSubsampleRatio420)
	for i := range img.Y {
		img.Y[i], img.A[i] = byte(3*i), byte(7*i)
	}
	for i := range img.Cb {
		img.Cb[i], img.Cr[i] = byte(5*i), byte(11*i)
	}
	fast, slow := make([]byte, 3*side), make([]byte, 3*side)
	for y := range side {
		filler(img)(fast, y)
		anyPixel(img)(slow, y)
		for i := range fast {
			if d := int(fast[i]) - int(slow[i]); d < -1 || d > 1 {
				t.Fatalf("row %d, byte %d: %d instead of %d", y, i, fast[i], slow[i])
			}
		}
	}
	if n := testing.AllocsPerRun(1, func() { shrink(t.Context(), img, 16, 16) }); n > side {
		t.Errorf("%.0f allocations for %d pixels", n, side*side)
	}
}

func TestShrink_EndsWithItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := 0
	average(ctx, make([]byte, 100), 10, 10, 10, 1, rows{10, 1000, func(int) []byte {
		asked++
		cancel()
		return make([]byte, 10)
	}})
	if asked > 101 { // what one row of the result is made of
		t.Errorf("%d rows were read for a caller that left", asked)
	}
}

func TestShrink_PartialResultIsNotEncoded(t *testing.T) {
	p, err := New(Config{MaxPixels: 1e6, Fit: 8, Memory: 1e6, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := &format{name: "test", decode: func(context.Context, []byte) (image.Image, error) {
		return &leaving{image.NewUniform(color.White), cancel}, nil
	}}
	if _, err := p.render(ctx, ended, header{}, nil); err != context.Canceled { //nolint:errorlint // as it is
		t.Errorf("a picture that is half shrunk was written: %v", err)
	}
}

// leaving is a picture whose caller leaves while it is read.
type leaving struct {
	*image.Uniform
	leave context.CancelFunc
}

func (l *leaving) Bounds() image.Rectangle { return image.Rect(0, 0, 16, 16) }

func (l *leaving) Opaque() bool {
	l.leave()
	return true
}

// TestReserve_WaitingForAWorkerHoldsNoMemory: it would be missing for those at
// work.
func TestReserve_WaitingForAWorkerHoldsNoMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(Config{MaxPixels: 1, Fit: 1, Memory: 100, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		release, err := p.Reserve(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			release, err := p.Reserve(t.Context(), 99)
			if err == nil {
				release()
			}
			done <- err
		}()
		synctest.Wait()
		if !p.memory.TryAcquire(99) {
			t.Fatal("it holds memory while it waits")
		}
		p.memory.Release(99)
		release()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
