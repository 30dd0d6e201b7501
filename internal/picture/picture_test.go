package picture_test

import (
	"bytes"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture"
)

// encoded returns a small picture in each format that the standard library
// writes, by its media type.
func encoded(t *testing.T) map[string][]byte {
	t.Helper()
	square := image.NewGray(image.Rect(0, 0, 2, 2))
	var j, p, g bytes.Buffer
	for _, err := range []error{jpeg.Encode(&j, square, nil), png.Encode(&p, square), gif.Encode(&g, square, nil)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return map[string][]byte{"image/jpeg": j.Bytes(), "image/png": p.Bytes(), "image/gif": g.Bytes()}
}

func TestPictureIsKnownByItsBytes(t *testing.T) {
	source, err := picture.New(picture.Config{MaxBytes: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	for mediaType, data := range encoded(t) {
		got, err := source.Picture(t.Context(), &catalog.Item{ImageData: data})
		if err != nil || got.MediaType != mediaType || !bytes.Equal(got.Data, data) {
			t.Errorf("%s: %+v, %v", mediaType, got, err)
		}
	}
}

func TestPictureFaults(t *testing.T) {
	source, err := picture.New(picture.Config{MaxBytes: 100})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		item   catalog.Item
		reason fault.Reason
		says   string
	}{
		{"too large", catalog.Item{ImageData: make([]byte, 101)}, fault.ImageTooLarge, "101 bytes"},
		{"text", catalog.Item{ImageData: []byte("a sofa")}, fault.ImageUnsupported, "text/plain"},
		{"page", catalog.Item{ImageData: []byte("<!DOCTYPE html>")}, fault.ImageUnsupported, "text/html"},
		{"document", catalog.Item{ImageData: []byte("%PDF-1.7")}, fault.ImageUnsupported, "PDF"},
		{"noise", catalog.Item{ImageData: []byte{0, 1, 2, 3}}, fault.ImageUnsupported, "unknown"},
		{"address", catalog.Item{ImageURL: "http://shop.example/1.jpg"}, fault.ImageUnsupported, "image_data"},
		{"nothing", catalog.Item{Name: "sofa"}, fault.NoImageFound, "image_data"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := source.Picture(t.Context(), &tt.item)
			if !fault.Is(err, tt.reason) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %v with %q", err, tt.reason, tt.says)
			}
		})
	}
}

func TestBlindSaysSo(t *testing.T) {
	_, err := picture.Blind{}.Picture(t.Context(), &catalog.Item{})
	if !fault.Is(err, fault.ImageUnsupported) || !strings.Contains(err.Error(), "cannot see") {
		t.Error(err)
	}
}

func TestNewChecks(t *testing.T) {
	if _, err := picture.New(picture.Config{}); err == nil {
		t.Error("a limit of 0 bytes was taken")
	}
}
