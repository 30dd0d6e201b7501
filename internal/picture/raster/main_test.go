package raster_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"math"
	"testing"

	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/picture/raster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func usual() raster.Config {
	return raster.Config{MaxPixels: 50e6, Fit: 768, Memory: 400e6, Workers: 2}
}

func newPreparer(t testing.TB, c raster.Config) *raster.Preparer {
	t.Helper()
	p, err := raster.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func prepared(t testing.TB, data []byte) raster.Prepared {
	t.Helper()
	return preparedTo(t, 768, data)
}

func preparedTo(t testing.TB, side int, data []byte) raster.Prepared {
	t.Helper()
	c := usual()
	c.Fit = side
	got, err := newPreparer(t, c).Prepare(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// photograph has gradients, edges and some noise, like the real ones.
func photograph(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	seed := uint32(1)
	for y := range h {
		for x := range w {
			seed = seed*1664525 + 1013904223
			noise := int(seed>>28) - 8
			wave := int(40 * math.Sin(float64(x)/17) * math.Cos(float64(y)/23))
			r, g, b := 255*x/w+wave+noise, 255*y/h+wave+noise, 128+wave+noise
			if (x/64+y/64)%5 == 0 {
				r, g, b = 230+noise, 225+noise, 215+noise
			}
			img.SetRGBA(x, y, color.RGBA{clamp(r), clamp(g), clamp(b), 255})
		}
	}
	return img
}

func clamp(v int) uint8 { return uint8(min(max(v, 0), 255)) }

func asJPEG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asPNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decoded(t testing.TB, data []byte) image.Image {
	t.Helper()
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// corners is a picture with a colour of its own in each corner: red, green,
// blue and white, from the top left clockwise.
func corners(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for at, c := range cornerColours {
		part := image.Rect((at[0]*w+1)/2, (at[1]*h+1)/2, ((at[0]+1)*w+1)/2, ((at[1]+1)*h+1)/2)
		draw.Draw(img, part, image.NewUniform(c), image.Point{}, draw.Src)
	}
	return img
}

var cornerColours = map[[2]int]color.RGBA{
	{0, 0}: {230, 20, 20, 255},
	{1, 0}: {20, 200, 20, 255},
	{1, 1}: {20, 20, 230, 255},
	{0, 1}: {250, 250, 250, 255},
}

// checkCorners fails unless img shows corners, upright.
func checkCorners(t *testing.T, img image.Image) {
	t.Helper()
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	for at, want := range cornerColours {
		got := color.RGBAModel.Convert(img.At(w/4+at[0]*w/2, h/4+at[1]*h/2)).(color.RGBA)
		if !near(got, want, 24) {
			t.Errorf("corner %v is %v, want %v", at, got, want)
		}
	}
}

func near(a, b color.RGBA, by int) bool {
	diff := func(x, y uint8) int { return max(int(x)-int(y), int(y)-int(x)) }
	return diff(a.R, b.R) <= by && diff(a.G, b.G) <= by && diff(a.B, b.B) <= by
}

// exif is a TIFF structure with an orientation.
func exif(orientation uint16, order binary.ByteOrder) []byte {
	b := []byte("II*\x00")
	if order == binary.BigEndian {
		b = []byte("MM\x00*")
	}
	put := func(v any) { b, _ = binary.Append(b, order, v) }
	put(uint32(8))
	put(uint16(1))
	put(uint16(0x0112))
	put(uint16(3))
	put(uint32(1))
	put(orientation)
	put(uint16(0))
	put(uint32(0))
	return b
}

// withSegment puts a segment behind a JPEG's start.
func withSegment(data []byte, marker byte, body string) []byte {
	out := append([]byte{0xff, 0xd8, 0xff, marker}, byte((len(body)+2)>>8), byte(len(body)+2))
	return append(append(out, body...), data[2:]...)
}

// withChunk puts a chunk behind a PNG's header.
func withChunk(data []byte, kind string, body []byte) []byte {
	const header = 8 + 25
	out := bytes.Clone(data[:header])
	out = binary.BigEndian.AppendUint32(out, uint32(len(body)))
	out = append(append(out, kind...), body...)
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(append([]byte(kind), body...)))
	return append(out, data[header:]...)
}
