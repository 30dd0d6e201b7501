package raster_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"testing"
)

func TestPrepare_Orientation(t *testing.T) {
	upright := corners(60, 40)
	for o := uint16(1); o <= 8; o++ {
		w, h := 60, 40
		if o >= 5 {
			w, h = h, w
		}
		lying := image.NewRGBA(image.Rect(0, 0, w, h))
		for y := range h {
			for x := range w {
				ux, uy := uprightPlace(o, x, y, w, h)
				lying.Set(x, y, upright.At(ux, uy))
			}
		}
		profile := hex.EncodeToString(append([]byte("Exif\x00\x00"), exif(o, binary.BigEndian)...))
		text := fmt.Sprintf("\nexif\n%8d\n%s\n%s\n", len(profile)/2, profile[:20], profile[20:])
		tests := map[string][]byte{
			"JPEG, little endian": withSegment(asJPEG(t, lying), 0xe1, "Exif\x00\x00"+string(exif(o, binary.LittleEndian))),
			"JPEG, big endian":    withSegment(asJPEG(t, lying), 0xe1, "Exif\x00\x00"+string(exif(o, binary.BigEndian))),
			"PNG":                 withChunk(asPNG(t, lying), "eXIf", exif(o, binary.BigEndian)),
			"PNG by ImageMagick":  withChunk(asPNG(t, lying), "tEXt", []byte("Raw profile type exif\x00"+text)),
			"PNG, packed profile": withChunk(asPNG(t, lying), "zTXt", append([]byte("Raw profile type exif\x00\x00"), deflated(text)...)),
		}
		for name, data := range tests {
			t.Run(fmt.Sprintf("%s %d", name, o), func(t *testing.T) {
				got := prepared(t, data)
				if got.Width != 60 || got.Height != 40 {
					t.Errorf("it has %d x %d pixels", got.Width, got.Height)
				}
				checkCorners(t, decoded(t, got.Data))
				if kept := bytes.Equal(got.Data, data); kept != (o == 1) {
					t.Errorf("returned unchanged: %v", kept)
				}
			})
		}
	}
}

func deflated(text string) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.Bytes()
}

// uprightPlace returns the upright place of a stored pixel, by the table in the EXIF
// standard: the sides of the upright picture at the stored row 0 and column 0.
func uprightPlace(o uint16, x, y, w, h int) (int, int) {
	switch o {
	case 2: // top, right
		return w - 1 - x, y
	case 3: // bottom, right
		return w - 1 - x, h - 1 - y
	case 4: // bottom, left
		return x, h - 1 - y
	case 5: // left, top
		return y, x
	case 6: // right, top
		return h - 1 - y, x
	case 7: // right, bottom
		return h - 1 - y, w - 1 - x
	case 8: // left, bottom
		return y, w - 1 - x
	}
	return x, y
}

func TestWebP_Orientation(t *testing.T) {
	still := flatWebP(9, 7, 10, 200, 60, 255)
	got := prepared(t, riff(chunk("VP8X", []byte{8, 0, 0, 0, 8, 0, 0, 6, 0, 0}), still[12:],
		chunk("EXIF", exif(6, binary.LittleEndian))))
	if got.Width != 7 || got.Height != 9 {
		t.Errorf("it has %d x %d pixels", got.Width, got.Height)
	}
}
