package raster_test

import (
	"image"
	"image/color"
	"image/draw"
	"testing"
)

func TestIsBlank(t *testing.T) {
	plain := func(w, h int, c color.Color) *image.NRGBA {
		img := image.NewNRGBA(image.Rect(0, 0, w, h))
		draw.Draw(img, img.Rect, image.NewUniform(c), image.Point{}, draw.Src)
		return img
	}
	dotted := plain(600, 600, color.White)
	draw.Draw(dotted, image.Rect(290, 290, 310, 310), image.NewUniform(color.Black), image.Point{}, draw.Src)
	lined := plain(1600, 1600, color.White)
	draw.Draw(lined, image.Rect(0, 800, 1600, 804), image.NewUniform(color.Black), image.Point{}, draw.Src)
	tests := []struct {
		name string
		data []byte
		want bool
	}{
		{"white PNG", asPNG(t, plain(600, 600, color.White)), true},
		{"white JPEG", asJPEG(t, plain(600, 600, color.White)), true},
		{"large white JPEG", asJPEG(t, plain(1600, 1000, color.White)), true},
		{"almost white JPEG", asJPEG(t, plain(600, 600, color.NRGBA{254, 253, 255, 255})), true},
		{"transparent PNG", asPNG(t, plain(600, 600, color.NRGBA{200, 0, 0, 0})), true},
		{"red JPEG", asJPEG(t, plain(600, 600, color.NRGBA{200, 0, 0, 255})), false},
		{"grey PNG", asPNG(t, plain(600, 600, color.NRGBA{230, 230, 230, 255})), false},
		{"half transparent PNG", asPNG(t, plain(600, 600, color.NRGBA{0, 0, 0, 128})), false},
		{"black PNG", asPNG(t, plain(600, 600, color.Black)), false},
		{"a dot on white", asPNG(t, dotted), false},
		{"a line on white, shrunk", asPNG(t, lined), false},
		{"a photograph", asJPEG(t, photograph(600, 400)), false},
	}
	p := newPreparer(t, usual())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := p.IsBlank(t.Context(), prepared(t, tt.data))
			if err != nil || got != tt.want {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}
