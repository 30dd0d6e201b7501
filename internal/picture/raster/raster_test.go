package raster_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture/raster"
)

func TestPrepare_EachFormat(t *testing.T) {
	img := corners(60, 40)
	write := func(encode func(*bytes.Buffer) error) []byte {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	nrgba64, ycbcr := image.NewNRGBA64(img.Rect), image.NewPaletted(img.Rect, color.Palette{})
	draw.Draw(nrgba64, img.Rect, img, image.Point{}, draw.Src)
	for _, c := range cornerColours {
		ycbcr.Palette = append(ycbcr.Palette, c)
	}
	draw.Draw(ycbcr, img.Rect, img, image.Point{}, draw.Src)
	tests := []struct {
		name string
		data []byte
		kept bool
	}{
		{"JPEG", asJPEG(t, img), true},
		{"PNG", asPNG(t, img), true},
		{"PNG with a palette", asPNG(t, ycbcr), true},
		{"PNG of 16 bits", asPNG(t, nrgba64), false},
		{"GIF", write(func(b *bytes.Buffer) error { return gif.Encode(b, ycbcr, nil) }), true},
		{"moving GIF", moving(t, ycbcr), false},
		{"BMP", write(func(b *bytes.Buffer) error { return bmp.Encode(b, img) }), false},
		{"TIFF", write(func(b *bytes.Buffer) error { return tiff.Encode(b, img, nil) }), false},
		{"packed TIFF", write(func(b *bytes.Buffer) error {
			return tiff.Encode(b, nrgba64, &tiff.Options{Compression: tiff.Deflate, Predictor: true})
		}), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := prepared(t, tt.data)
			if kept := bytes.Equal(got.Data, tt.data); kept != tt.kept {
				t.Errorf("returned unchanged: %v, want %v", kept, tt.kept)
			}
			if !tt.kept && got.MediaType != "image/jpeg" {
				t.Errorf("it became %s", got.MediaType)
			}
			if got.Width != 60 || got.Height != 40 {
				t.Errorf("it has %d x %d pixels", got.Width, got.Height)
			}
			checkCorners(t, decoded(t, got.Data))
		})
	}
}

// moving is a GIF whose second picture is black.
func moving(t *testing.T, first *image.Paletted) []byte {
	t.Helper()
	second := image.NewPaletted(first.Rect, color.Palette{color.Black, color.White})
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{first, second}, Delay: []int{1, 1}}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// colour returns a result's colour in the middle.
func colour(t *testing.T, p raster.Prepared) color.RGBA {
	t.Helper()
	img := decoded(t, p.Data)
	return color.RGBAModel.Convert(img.At(img.Bounds().Dx()/2, img.Bounds().Dy()/2)).(color.RGBA)
}

func TestPrepare_Colours(t *testing.T) {
	adobe := func(data []byte, transform byte) []byte {
		return withSegment(data, 0xee, "Adobe\x00\x64\x00\x00\x00\x00"+string([]byte{transform}))
	}
	nrgba := func(c color.NRGBA) []byte {
		img := image.NewNRGBA(image.Rect(0, 0, 8, 8))
		draw.Draw(img, img.Rect, image.NewUniform(c), image.Point{}, draw.Src)
		return asPNG(t, img)
	}
	tests := []struct {
		name string
		data []byte
		want color.RGBA
	}{
		{"grey JPEG", flatJPEG(0xc0, 200), color.RGBA{200, 200, 200, 255}},
		{"JPEG", flatJPEG(0xc0, 76, 85, 255), color.RGBA{254, 0, 0, 255}},
		{"progressive JPEG", flatJPEG(0xc2, 76, 85, 255), color.RGBA{254, 0, 0, 255}},
		{"JPEG that is RGB", adobe(flatJPEG(0xc0, 10, 200, 60), 0), color.RGBA{10, 200, 60, 255}},
		{"CMYK JPEG by Adobe, inverted", adobe(flatJPEG(0xc0, 255, 55, 55, 255), 0), color.RGBA{255, 55, 55, 255}},
		{"CMYK JPEG by others", flatJPEG(0xc0, 0, 200, 200, 0), color.RGBA{255, 55, 55, 255}},
		{"half transparent PNG on white", nrgba(color.NRGBA{0, 0, 0, 128}), color.RGBA{127, 127, 127, 255}},
		{"transparent PNG on white", nrgba(color.NRGBA{200, 0, 0, 0}), color.RGBA{255, 255, 255, 255}},
		{"WebP", flatWebP(9, 7, 10, 200, 60, 255), color.RGBA{10, 200, 60, 255}},
		{"transparent WebP on white", flatWebP(9, 7, 10, 200, 60, 0), color.RGBA{255, 255, 255, 255}},
		{"moving WebP", riff(
			chunk("VP8X", []byte{2, 0, 0, 0, 8, 0, 0, 6, 0, 0}), chunk("ANIM", make([]byte, 6)),
			chunk("ANMF", append(make([]byte, 16), flatWebP(9, 7, 10, 200, 60, 255)[12:]...)),
			chunk("ANMF", append(make([]byte, 16), flatWebP(9, 7, 0, 0, 0, 255)[12:]...)),
		), color.RGBA{10, 200, 60, 255}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := colour(t, prepared(t, tt.data)); !near(got, tt.want, 4) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestWebP_LossyHasFullRange(t *testing.T) {
	// (128 - 16) * 255 / 219
	if got := colour(t, prepared(t, lossyWebP)); !near(got, color.RGBA{130, 130, 130, 255}, 1) {
		t.Errorf("a pixel between video's black and white is %v", got)
	}
}

// lossyWebP is one pixel with a luma of 128.
var lossyWebP, _ = base64.StdEncoding.DecodeString("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")

func TestPrepare_ShrinksLargePictures(t *testing.T) {
	tests := []struct{ w, h, wantW, wantH int }{
		{192, 128, 96, 64},
		{125, 126, 95, 96},
		{97, 96, 96, 95},
		{3, 500, 1, 96},
		{96, 96, 96, 96},
	}
	for _, tt := range tests {
		for name, data := range map[string][]byte{
			"JPEG": asJPEG(t, corners(tt.w, tt.h)), "PNG": asPNG(t, corners(tt.w, tt.h)),
		} {
			t.Run(fmt.Sprintf("%s %dx%d", name, tt.w, tt.h), func(t *testing.T) {
				got := preparedTo(t, 96, data)
				if b := decoded(t, got.Data).Bounds(); got.Width != tt.wantW || got.Height != tt.wantH || b.Dx() != tt.wantW || b.Dy() != tt.wantH {
					t.Errorf("it has %d x %d pixels (%v), want %d x %d", got.Width, got.Height, b, tt.wantW, tt.wantH)
				}
				if tt.w > 3 {
					checkCorners(t, decoded(t, got.Data))
				}
			})
		}
	}
}

// TestShrink_AveragesAreas compares with the mean of each area in floating point.
func TestShrink_AveragesAreas(t *testing.T) {
	src := photograph(500, 371)
	for name, data := range map[string][]byte{"planes": asJPEG(t, src), "RGB": asPNG(t, src)} {
		got := decoded(t, preparedTo(t, 349, data).Data)
		w, h := got.Bounds().Dx(), got.Bounds().Dy()
		worst, sum, n := 0.0, 0.0, 0.0
		for y := 0; y < h; y += 5 {
			for x := 0; x < w; x += 5 {
				r, _, _, _ := got.At(x, y).RGBA()
				d := max(mean(src, x, y, w, h)-float64(r>>8), float64(r>>8)-mean(src, x, y, w, h))
				worst, sum, n = max(worst, d), sum+d, n+1
			}
		}
		// The rest is what JPEG loses, mostly chroma at edges.
		if average := sum / n; average > 6 {
			t.Errorf("%s: off by %.1f on average, %.0f at worst", name, average, worst)
		}
	}
}

// mean is the red of the area that a pixel covers.
func mean(src *image.RGBA, x, y, w, h int) float64 {
	sx, sy := float64(src.Rect.Dx())/float64(w), float64(src.Rect.Dy())/float64(h)
	sum, weight := 0.0, 0.0
	for j := int(float64(y) * sy); float64(j) < float64(y+1)*sy && j < src.Rect.Dy(); j++ {
		for i := int(float64(x) * sx); float64(i) < float64(x+1)*sx && i < src.Rect.Dx(); i++ {
			cover := (min(float64(i+1), float64(x+1)*sx) - max(float64(i), float64(x)*sx)) *
				(min(float64(j+1), float64(y+1)*sy) - max(float64(j), float64(y)*sy))
			sum, weight = sum+cover*float64(src.RGBAAt(i, j).R), weight+cover
		}
	}
	return sum / weight
}

func TestPrepare_IntactJPEGIsUnchanged(t *testing.T) {
	data := asJPEG(t, photograph(300, 200))
	got := prepared(t, append(bytes.Clone(data), bytes.Repeat([]byte("junk"), 9000)...))
	if !bytes.Equal(got.Data, data) || got.MediaType != "image/jpeg" {
		t.Errorf("of %d bytes with junk behind them %d were passed on", len(data), len(got.Data))
	}
	heavy := withSegment(data, 0xe2, strings.Repeat("x", 60000))
	for len(heavy) < 1<<20 {
		heavy = withSegment(heavy, 0xe2, strings.Repeat("x", 60000))
	}
	if got := prepared(t, heavy); len(got.Data) > len(data) {
		t.Errorf("%d bytes around a small picture were passed on as %d", len(heavy), len(got.Data))
	}
}

// TestPrepare_DropsBytesAfterThePicture: they may be anything.
func TestPrepare_DropsBytesAfterThePicture(t *testing.T) {
	for name, data := range map[string][]byte{"PNG": asPNG(t, corners(60, 40)), "GIF": partialGIF(60, 40, 60, 40, 0, 0, 200)} {
		got := prepared(t, append(bytes.Clone(data), "<script>"...))
		if !bytes.Equal(got.Data, data) {
			t.Errorf("%s: of %d bytes with a script behind them %d were passed on", name, len(data), len(got.Data))
		}
	}
}

// partialGIF has one picture, all of a grey, at a place of its canvas.
func partialGIF(canvasW, canvasH, w, h, x, y int, grey byte) []byte {
	img := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.Gray{grey}, color.Black})
	var b bytes.Buffer
	_ = gif.Encode(&b, img, nil) // to memory, of a palette that there is
	data := b.Bytes()
	put := func(at, v int) { binary.LittleEndian.PutUint16(data[at:], uint16(v)) }
	put(6, canvasW)
	put(8, canvasH)
	frame := bytes.IndexByte(data[13+6:], ',') + 13 + 6
	put(frame+1, x)
	put(frame+3, y)
	return data
}

func TestGIF_PartOfACanvas(t *testing.T) {
	white, grey := color.RGBA{255, 255, 255, 255}, color.RGBA{80, 80, 80, 255}
	tests := []struct {
		name           string
		data           []byte
		fit            int
		w, h           int
		middle, corner color.RGBA // at the bottom right
	}{
		{"a part", partialGIF(60, 40, 20, 20, 20, 10, 80), 768, 60, 40, grey, white},
		{"a part, shrunk", partialGIF(600, 400, 200, 200, 200, 100, 80), 60, 60, 40, grey, white},
		{"at the end", partialGIF(60, 40, 20, 10, 40, 30, 80), 768, 60, 40, white, grey},
		{"no canvas", partialGIF(0, 0, 60, 40, 0, 0, 80), 768, 60, 40, grey, grey},
		{"too small a canvas", partialGIF(10, 40, 50, 40, 10, 0, 80), 768, 60, 40, grey, grey},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := preparedTo(t, tt.fit, tt.data)
			img := decoded(t, got.Data)
			at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(img.At(x, y)).(color.RGBA) }
			if got.MediaType == "image/gif" && tt.corner == white || got.Width != tt.w || got.Height != tt.h || img.Bounds().Dx() != tt.w {
				t.Errorf("it is a %s of %d x %d pixels", got.MediaType, got.Width, got.Height)
			}
			if !near(at(tt.w/2, tt.h/2), tt.middle, 4) || !near(at(tt.w-2, tt.h-2), tt.corner, 4) {
				t.Errorf("it shows %v in the middle and %v in the corner, want %v and %v",
					at(tt.w/2, tt.h/2), at(tt.w-2, tt.h-2), tt.middle, tt.corner)
			}
		})
	}
}

func TestPrepare_WaitsForMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPreparer(t, raster.Config{MaxPixels: 50e6, Fit: 64, Memory: 1e6, Workers: 8})
		release, err := p.Reserve(t.Context(), 1e6)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		data := asJPEG(t, photograph(300, 200))
		go func() {
			_, err := p.Prepare(t.Context(), data)
			done <- err
		}()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatal("it was decoded without memory:", err)
		default:
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := p.Prepare(ctx, data); !errors.Is(err, context.Canceled) {
			t.Error("a caller that left went on waiting:", err)
		}
		release()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestNew_RejectsInvalidConfig(t *testing.T) {
	for name, change := range map[string]func(*raster.Config){
		"pixels": func(c *raster.Config) { c.MaxPixels = 0 }, "fit": func(c *raster.Config) { c.Fit = 0 },
		"large fit": func(c *raster.Config) { c.Fit = 70000 }, "memory": func(c *raster.Config) { c.Memory = 0 },
		"workers": func(c *raster.Config) { c.Workers = -1 },
	} {
		c := usual()
		change(&c)
		if _, err := raster.New(c); err == nil {
			t.Errorf("wrong %s were taken", name)
		}
	}
}

// FuzzPrepare checks that any bytes lead to a picture that can be decoded and fits, or to
// a fault of the right kind.
func FuzzPrepare(f *testing.F) {
	for _, data := range [][]byte{
		asJPEG(f, corners(20, 10)), asPNG(f, corners(20, 10)), flatJPEG(0xc2, 76, 85, 255), flatJPEG(0xc0, 1, 2, 3, 4),
		flatWebP(3, 2, 1, 2, 3, 4), lossyWebP, []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"),
		[]byte("BM"), []byte("II*\x00\x08\x00\x00\x00"), []byte("<svg>"),
		withSegment(asJPEG(f, corners(20, 10)), 0xe1, "Exif\x00\x00"+string(exif(6, binary.BigEndian))),
	} {
		f.Add(data)
	}
	p := newPreparer(f, raster.Config{MaxPixels: 1e6, Fit: 16, Memory: 8e6, Workers: 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := p.Prepare(t.Context(), data)
		var fl *fault.Fault
		if err != nil {
			if !errors.As(err, &fl) || (fl.Reason != fault.ImageUnsupported && fl.Reason != fault.ImageTooLarge) {
				t.Fatal(err)
			}
			return
		}
		if got.Width < 1 || got.Height < 1 || got.Width > 16 || got.Height > 16 {
			t.Errorf("it has %d x %d pixels", got.Width, got.Height)
		}
		if bytes.HasPrefix(data, got.Data) {
			return // unchanged: its segments are complete, its pixels may be anything
		}
		if c, err := jpeg.DecodeConfig(bytes.NewReader(got.Data)); err != nil || c.Width != got.Width || c.Height != got.Height {
			t.Error(c, err)
		}
	})
}
