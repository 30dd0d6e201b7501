package raster

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"golang.org/x/image/tiff"
)

// entry is one of a TIFF directory.
func entry(order binary.ByteOrder, tag, kind uint16, count, value uint32) []byte {
	b := make([]byte, 12)
	order.PutUint16(b, tag)
	order.PutUint16(b[2:], kind)
	order.PutUint32(b[4:], count)
	if order.PutUint32(b[8:], value); kind == 3 {
		order.PutUint16(b[8:], uint16(value))
	}
	return b
}

func structure(order binary.ByteOrder, entries ...[]byte) []byte {
	b := []byte("II*\x00\x08\x00\x00\x00")
	if order == binary.BigEndian {
		b = []byte("MM\x00*\x00\x00\x00\x08")
	}
	b = append(b, 0, 0)
	order.PutUint16(b[8:], uint16(len(entries)))
	return append(b, slices.Concat(entries...)...)
}

// TestTIFF_Blocks: a block can take many times the memory of the picture's pixels, and
// the number of blocks decides the time, so both must be known before decoding.
func TestTIFF_Blocks(t *testing.T) {
	const w, h = 2000, 1000
	little, big := binary.ByteOrder(binary.LittleEndian), binary.ByteOrder(binary.BigEndian)
	tests := []struct {
		name    string
		data    []byte
		size, n int64 // 0, 0: an error
	}{
		{"nothing about strips", structure(little), w * h, 1},
		{"strips", structure(little, entry(little, tagRowsPerStrip, 3, 1, 8)), 8 * w, 125},
		{"strips, as longs, in the other order", structure(big, entry(big, tagRowsPerStrip, 4, 1, 7)), 7 * w, 143},
		{"one strip of more rows than there are", structure(big, entry(big, tagRowsPerStrip, 4, 1, 1<<32-1)), w * h, 1},
		{"strips of several heights", structure(little, entry(little, tagRowsPerStrip, 3, 3, 8)), 0, 0},
		{"strips of an odd kind", structure(little, entry(little, tagRowsPerStrip, 12, 1, 8)), 0, 0},
		{"tiles", structure(big, entry(big, tagTileWidth, 3, 1, 256), entry(big, tagTileLength, 3, 1, 128)), 256 * 128, 8 * 8},
		{"tiles of several widths", structure(big, entry(big, tagTileWidth, 3, 3, 8), entry(big, tagTileLength, 3, 1, 8)), 0, 0},
		{
			"endless tiles", structure(big, entry(big, tagTileWidth, 4, 1, 1<<32-1), entry(big, tagTileLength, 4, 1, 1<<32-1)),
			1 << 40, 1,
		},
		{"tiles of no height", structure(big, entry(big, tagTileWidth, 3, 1, 500)), 0, 0},
		{"a directory cut off", structure(little, entry(little, tagTileWidth, 3, 1, 8))[:20], w * h, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := tiffBlocks(readDirectory(tt.data), w, h)
			if b.size != tt.size || b.n != tt.n || (err != nil) != (tt.size == 0) {
				t.Errorf("got %d of %d pixels, %v, want %d of %d", b.n, b.size, err, tt.n, tt.size)
			}
		})
	}
}

// tiffOf is the beginning of a grey TIFF, in tiles if they have a size.
func tiffOf(w, h, tileW, tileH uint32, more ...[]byte) []byte {
	order := binary.ByteOrder(binary.LittleEndian)
	entries := [][]byte{
		entry(order, 0x0100, 4, 1, w), entry(order, 0x0101, 4, 1, h), entry(order, 0x0102, 3, 1, 8),
	}
	entries = append(entries, more...)
	if tileW > 0 {
		entries = append(entries, entry(order, tagTileWidth, 3, 1, tileW), entry(order, tagTileLength, 3, 1, tileH))
	}
	return structure(order, entries...)
}

var greyTIFF = entry(binary.LittleEndian, 0x0106, 3, 1, 1)

// TestTIFF_LimitsTiles: each tile can be the same bytes, so the size of the file does not
// bound the work.
func TestTIFF_LimitsTiles(t *testing.T) {
	for name, tt := range map[string]struct {
		w, h, tileW, tileH uint32
		want               error
	}{
		"few and small":             {100, 100, 8, 8, nil},
		"large ones":                {1025, 1025, 1024, 1024, nil},
		"large ones on 50 million":  {10_000, 5000, 1024, 1024, nil},
		"many tiny ones":            {1100, 1000, 8, 8, errBlocks},
		"large ones on a thin line": {1, 1_000_000, 1024, 1024, errBlocks},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := tiffHeader(tiffOf(tt.w, tt.h, tt.tileW, tt.tileH, greyTIFF))
			if !errors.Is(err, tt.want) || h.width != int(tt.w) {
				t.Errorf("%d pixels wide, %v, want %v", h.width, err, tt.want)
			}
		})
	}
}

// TestTIFF_RejectsADirectoryInTheHeader has a directory at the beginning of the file,
// which only the decoder finds: the memory for decompression would be unknown.
func TestTIFF_RejectsADirectoryInTheHeader(t *testing.T) {
	order := binary.ByteOrder(binary.LittleEndian)
	data := []byte("II*\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00") // "II" is the number of entries
	known := [][]byte{
		entry(order, 0x0100, 4, 1, 5000), entry(order, 0x0101, 4, 1, 5000), entry(order, 0x0102, 3, 1, 8), greyTIFF,
	}
	for i := range int(order.Uint16(data)) - 1 {
		if i < len(known) {
			data = append(data, known[i]...)
			continue
		}
		data = append(data, entry(order, uint16(1000+i), 3, 1, 0)...)
	}
	if c, err := tiff.DecodeConfig(bytes.NewReader(data)); err != nil || c.Width != 5000 {
		t.Fatal("the decoder does not take it either:", err)
	}
	if _, err := tiffHeader(data); !errors.Is(err, errDirectory) {
		t.Error(err)
	}
}

// TestTIFF_AcceptsACheapLargeStrip has 50 megapixels in one strip.
func TestTIFF_AcceptsACheapLargeStrip(t *testing.T) {
	const budget = 400e6
	for name, tt := range map[string]struct {
		packing uint32
		fits    bool
	}{"plain": {1, true}, "not said": {0, true}, "fax": {4, true}, "LZW": {5, false}, "Deflate": {8, false}, "PackBits": {32773, false}} {
		packing := entry(binary.LittleEndian, tagCompression, 3, 1, tt.packing)
		h, err := tiffHeader(tiffOf(10_000, 5000, 0, 0, packing, greyTIFF))
		if err != nil || (h.memory <= budget) != tt.fits || h.memory < 50e6 {
			t.Errorf("%s: %d bytes of memory, %v", name, h.memory, err)
		}
	}
}

// TestTIFF_RejectsStripsOfTheSameBytes has many strips that are the whole file and have
// no pixels, so the size of the output does not bound the work.
func TestTIFF_RejectsStripsOfTheSameBytes(t *testing.T) {
	const n, body = 2000, 64 << 10
	order := binary.LittleEndian
	const behind = 10 + 8*12
	data := structure(order, entry(order, 0x0100, 4, 1, 8), entry(order, 0x0101, 4, 1, n), entry(order, 0x0102, 3, 1, 8),
		entry(order, tagCompression, 3, 1, 32773), greyTIFF, entry(order, 0x0111, 4, n, behind),
		entry(order, tagRowsPerStrip, 3, 1, 1), entry(order, 0x0117, 4, n, behind+4*n))
	for _, v := range []uint32{behind + 8*n, body} {
		for range n {
			data = order.AppendUint32(data, v)
		}
	}
	data = append(data, bytes.Repeat([]byte{0x80}, body-9)...) // PackBits code for no bytes
	data = append(data, 7, 1, 2, 3, 4, 5, 6, 7, 8)
	if _, err := tiffHeader(data); err != nil {
		t.Fatal(err)
	}
	if _, err := decodeTIFF(t.Context(), data); !errors.Is(err, errShared) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := decodeTIFF(ctx, data); !errors.Is(err, context.Canceled) {
		t.Error("it was decoded for a caller that left:", err)
	}
}

func TestJPEG_LimitsScansOfLargePictures(t *testing.T) {
	file := func(scans int) []byte {
		const side = 7000
		data := []byte{0xff, markSOI, 0xff, markSOF2, 0, 11, 8, side >> 8, side & 255, side >> 8, side & 255, 1, 1, 0x11, 0}
		for range scans {
			data = append(data, 0xff, markSOS, 0, 8, 1, 1, 0, 0, 0, 0, 7)
		}
		return data
	}
	if _, err := jpegHeader(file(20)); err != nil {
		t.Error(err)
	}
	if _, err := jpegHeader(file(21)); !errors.Is(err, errScans) {
		t.Error(err)
	}
}

func TestWebP_ReservesMemoryForTables(t *testing.T) {
	file := func(kind string, n int) []byte {
		body := make([]byte, n)
		copy(body, "\x2f") // 1 x 1 pixels
		return appendChunk([]byte("RIFF\x00\x00\x00\x00WEBP"), kind, body)
	}
	for _, tt := range []struct {
		kind  string
		bytes int
		want  int64
	}{{"VP8L", 1000, 8 + 256_000}, {"VP8L", 5 << 20, 8 + maxTables}, {"VP8 ", 1000, 0}} {
		h, err := webpHeader(file(tt.kind, tt.bytes))
		if err != nil || h.memory != tt.want {
			t.Errorf("%s of %d bytes: %d bytes of memory, %v, want %d", tt.kind, tt.bytes, h.memory, err, tt.want)
		}
	}
}
