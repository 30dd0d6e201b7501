package raster_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/fault"
)

func TestPrepare_Faults(t *testing.T) {
	photo, small := asJPEG(t, photograph(300, 200)), asPNG(t, corners(60, 40))
	ihdr := func(w, h uint32) []byte {
		data := bytes.Clone(small)
		binary.BigEndian.PutUint32(data[16:], w)
		binary.BigEndian.PutUint32(data[20:], h)
		return data
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(photo)
	_ = z.Close()
	progressive := bytes.Clone(flatJPEG(0xc2, 76, 85, 255))
	copy(progressive[bytes.Index(progressive, []byte{0xff, 0xc2})+5:], []byte{0x1b, 0x58, 0x1b, 0x58}) // 7000 x 7000
	tests := []struct {
		name   string
		data   []byte
		reason fault.Reason
		says   string
	}{
		{"nothing", nil, fault.ImageUnsupported, "empty"},
		{"a page", []byte("<!DOCTYPE html><p>Not found"), fault.ImageUnsupported, "a web page"},
		{"a page with a drawing", []byte("<html><svg></svg>"), fault.ImageUnsupported, "a web page"},
		{"text", []byte("a sofa"), fault.ImageUnsupported, "text"},
		{"JSON", []byte(`{"error": "not found"}`), fault.ImageUnsupported, "JSON"},
		{"AVIF", []byte("\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1miaf"), fault.ImageUnsupported, "AVIF"},
		{"HEIC", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), fault.ImageUnsupported, "HEIC"},
		{"a video", []byte("\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp41"), fault.ImageUnsupported, "a video"},
		{"SVG", []byte("<?xml version=\"1.0\"?>\n<!-- drawn -->\n<svg xmlns=\"\">"), fault.ImageUnsupported, "SVG"},
		{"PDF", []byte("%PDF-1.7"), fault.ImageUnsupported, "PDF"},
		{"Photoshop", []byte("8BPS\x00\x01"), fault.ImageUnsupported, "Photoshop"},
		{"an icon", []byte("\x00\x00\x01\x00\x01\x00"), fault.ImageUnsupported, "ICO"},
		{"still packed", packed.Bytes(), fault.ImageUnsupported, "gzip"},
		{"noise", []byte{0, 1, 2, 3}, fault.ImageUnsupported, "unknown"},
		{"JPEG cut off", photo[:len(photo)/2], fault.ImageUnsupported, "cut off"},
		{"JPEG cut off in its header", photo[:30], fault.ImageUnsupported, "cut off"},
		{"PNG cut off", small[:len(small)-20], fault.ImageUnsupported, "cut off"},
		{"PNG's signature", small[:8], fault.ImageUnsupported, "cut off"},
		{"GIF's signature", []byte("GIF89a"), fault.ImageUnsupported, "cut off"},
		{"WebP's signature", []byte("RIFF\x00\x00\x00\x00WEBP"), fault.ImageUnsupported, "damaged"},
		{"damaged PNG", bytes.Replace(small, []byte("IDAT"), []byte("IDAX"), 1), fault.ImageUnsupported, "damaged"},
		{"arithmetic JPEG", flatJPEG(0xc9, 76, 85, 255), fault.ImageUnsupported, "of a kind that is not supported"},
		{"no pixels", []byte("GIF89a\x00\x00\x20\x00\x00\x00\x00;"), fault.ImageUnsupported, "0 x 32"},
		{"too many pixels", ihdr(30000, 30000), fault.ImageTooLarge, "30000 x 30000 pixels, at most 50.0 million"},
		{"more pixels than a number has", ihdr(1<<31-1, 1<<31-1), fault.ImageTooLarge, "at most 50.0 million"},
		{"too much memory", progressive, fault.ImageTooLarge, "MB of memory"},
		{"endless scans", endless(), fault.ImageUnsupported, "damaged"},
	}
	p := newPreparer(t, usual())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := p.Prepare(t.Context(), tt.data)
			var f *fault.Fault
			if !errors.As(err, &f) || f.Reason != tt.reason || !strings.Contains(f.Message, tt.says) {
				t.Errorf("got %v, want %v with %q", err, tt.reason, tt.says)
			}
			if f != nil && f.Summary() == "" {
				t.Errorf("%v has no summary", f)
			}
		})
	}
}

// endless is a progressive JPEG with one scan too many.
func endless() []byte {
	data := flatJPEG(0xc2, 76, 85, 255)
	scan := bytes.Index(data, []byte{0xff, 0xda})
	body := data[scan : len(data)-2]
	return append(append(bytes.Clone(data[:scan]), bytes.Repeat(body, 101)...), 0xff, 0xd9)
}
