package raster

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"
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

// TestTIFFBlocks: what is unpacked at once can be many times what a picture's
// pixels take, and how often decides over the time, so both have to be known
// beforehand.
func TestTIFFBlocks(t *testing.T) {
	const w, h = 2000, 1000
	little, big := binary.ByteOrder(binary.LittleEndian), binary.ByteOrder(binary.BigEndian)
	tests := []struct {
		name    string
		data    []byte
		size, n int64 // 0, 0: an error
	}{
		{"no directory", nil, w * h, 1},
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
			size, n, err := tiffBlocks(readDirectory(tt.data), w, h)
			if size != tt.size || n != tt.n || (err != nil) != (size+n == 0) {
				t.Errorf("got %d of %d pixels, %v, want %d of %d", n, size, err, tt.n, tt.size)
			}
		})
	}
}

// TestTinyTilesAreRefused has as many tiles as pixels.
func TestTinyTilesAreRefused(t *testing.T) {
	order := binary.ByteOrder(binary.LittleEndian)
	file := func(w, h uint32) []byte {
		return structure(order, entry(order, 0x0100, 4, 1, w), entry(order, 0x0101, 4, 1, h), entry(order, 0x0102, 3, 1, 8),
			entry(order, 0x0106, 3, 1, 1), entry(order, tagTileWidth, 3, 1, 1), entry(order, tagTileLength, 3, 1, 1))
	}
	if h, err := tiffHeader(file(100, 100)); err != nil || h.width != 100 {
		t.Error(h, err)
	}
	if _, err := tiffHeader(file(1000, 1000)); !errors.Is(err, errBlocks) {
		t.Error(err)
	}
}

func TestScansOfLargePicturesAreFew(t *testing.T) {
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

func TestLosslessTablesAreReserved(t *testing.T) {
	file := func(kind string, n int) []byte {
		body := make([]byte, n)
		copy(body, "\x2f") // 1 x 1 pixels
		return appendChunk([]byte("RIFF\x00\x00\x00\x00WEBP"), kind, body)
	}
	for _, tt := range []struct {
		kind  string
		bytes int
		want  int64
	}{{"VP8L", 1000, 8 + 256_000}, {"VP8L", 5 << 20, 8 + mostTrees}, {"VP8 ", 1000, 0}} {
		h, err := webpHeader(file(tt.kind, tt.bytes))
		if err != nil || h.memory != tt.want {
			t.Errorf("%s of %d bytes: %d bytes of memory, %v, want %d", tt.kind, tt.bytes, h.memory, err, tt.want)
		}
	}
}
