package raster_test

import (
	"bytes"
	"context"
	"errors"
	"image/color"
	"testing"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture/raster"
)

func TestPrepareCut_UsesTheRowsThatAreThere(t *testing.T) {
	whole := asJPEG(t, photograph(640, 480))
	p := newPreparer(t, usual())
	for _, tt := range []struct {
		name        string
		bytes       int
		least, most int // rows; 0: it cannot be used
	}{
		{"nearly all", len(whole) - 3, 440, 480},
		{"three quarters", len(whole) * 3 / 4, 300, 400},
		{"half", len(whole) / 2, 180, 280},
		{"a tenth", len(whole) / 10, 0, 0},
		{"its header", 300, 0, 0},
		{"its first bytes", 3, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := p.PrepareCut(t.Context(), whole[:tt.bytes:tt.bytes])
			if tt.most == 0 {
				if !raster.IsCutOff(err) || !fault.Is(err, fault.ImageUnsupported) {
					t.Fatalf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			// It is scaled to the size that fits, like whole ones.
			if rows := 640 * got.Height / got.Width; rows < tt.least || rows > tt.most {
				t.Errorf("%d x %d has %d rows, want %d to %d", got.Width, got.Height, rows, tt.least, tt.most)
			}
			want := decoded(t, prepared(t, whole).Data)
			img := decoded(t, got.Data)
			b, wb := img.Bounds(), want.Bounds()
			at := func(x, y int) (a, b color.RGBA) {
				return color.RGBAModel.Convert(img.At(x*img.Bounds().Dx()/640, y*img.Bounds().Dx()/640)).(color.RGBA),
					color.RGBAModel.Convert(want.At(x*wb.Dx()/640, y*wb.Dx()/640)).(color.RGBA)
			}
			for _, y := range []int{5, tt.least / 2, 640*b.Dy()/b.Dx() - 5} {
				if a, b := at(320, y); !near(a, b, 24) {
					t.Errorf("row %d is %v, want %v", y, a, b)
				}
			}
		})
	}
}

func TestPrepareCut_OfProgressiveOnesUsesWholeScans(t *testing.T) {
	whole := flatJPEG(0xc2, 76, 85, 255)
	p := newPreparer(t, usual())
	for _, next := range []string{"\xff\xda", "\xff\xc4\x00", "\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00"} {
		got, err := p.PrepareCut(t.Context(), append(bytes.Clone(whole[:len(whole)-2]), next...))
		if err != nil {
			t.Fatalf("before %x: %v", next, err)
		}
		if want := prepared(t, whole); got.Width != want.Width || got.Height != want.Height {
			t.Errorf("before %x: %d x %d", next, got.Width, got.Height)
		}
	}
}

func TestPrepareCut_NeverPanicsAndEndsWithItsCaller(t *testing.T) {
	whole := asJPEG(t, photograph(64, 48))
	p := newPreparer(t, usual())
	for n := range len(whole) {
		if _, err := p.PrepareCut(t.Context(), whole[:n:n]); err != nil && !fault.Is(err, fault.ImageUnsupported) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.PrepareCut(ctx, whole[:len(whole)/2]); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
