package raster_test

import (
	"bytes"
	"image/jpeg"
	"testing"
	"time"
)

// BenchmarkShrinkPhotograph prepares a large photograph, in comparison with decoding
// alone. On a busy machine, the two in turn give the reliable figure.
func BenchmarkShrinkPhotograph(b *testing.B) {
	data := asJPEG(b, photograph(3000, 2000))
	p := newPreparer(b, usual())
	b.Run("in turn", func(b *testing.B) {
		var ours, theirs time.Duration
		for b.Loop() {
			began := time.Now()
			if _, err := p.Prepare(b.Context(), data); err != nil {
				b.Fatal(err)
			}
			between := time.Now()
			if _, err := jpeg.Decode(bytes.NewReader(data)); err != nil {
				b.Fatal(err)
			}
			ours, theirs = ours+between.Sub(began), theirs+time.Since(between)
		}
		b.ReportMetric(float64(ours)/float64(theirs), "x-decoding")
	})
	b.Run("prepare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Prepare(b.Context(), data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("yardstick: decode alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := jpeg.Decode(bytes.NewReader(data)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkUnchanged prepares a small photograph that needs no work, in comparison with
// decoding it.
func BenchmarkUnchanged(b *testing.B) {
	data := asJPEG(b, photograph(500, 500))
	p := newPreparer(b, usual())
	b.Run("prepare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			got, err := p.Prepare(b.Context(), data)
			if err != nil || &got.Data[0] != &data[0] {
				b.Fatal("it was changed", err)
			}
		}
	})
	b.Run("yardstick: decode alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := jpeg.Decode(bytes.NewReader(data)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkShrinkPNG(b *testing.B) {
	data := asPNG(b, photograph(1500, 1000))
	p := newPreparer(b, usual())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Prepare(b.Context(), data); err != nil {
			b.Fatal(err)
		}
	}
}
