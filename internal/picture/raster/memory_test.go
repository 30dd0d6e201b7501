package raster

import (
	"encoding/binary"
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
// pixels take, so that it has to be known beforehand.
func TestTIFFBlocks(t *testing.T) {
	const w, h, whole, most = 2000, 1000, 2000 * 1000, 2016 * 1016
	little, big := binary.ByteOrder(binary.LittleEndian), binary.ByteOrder(binary.BigEndian)
	tests := []struct {
		name string
		data []byte
		want int64
	}{
		{"no directory", nil, whole},
		{"nothing about strips", structure(little), whole},
		{"strips", structure(little, entry(little, tagRowsPerStrip, 3, 1, 8)), 8 * w},
		{"strips, as longs, in the other order", structure(big, entry(big, tagRowsPerStrip, 4, 1, 8)), 8 * w},
		{"one strip of more rows than there are", structure(big, entry(big, tagRowsPerStrip, 4, 1, 1<<32-1)), whole},
		{"strips of several heights", structure(little, entry(little, tagRowsPerStrip, 3, 3, 8)), whole},
		{"strips of an odd kind", structure(little, entry(little, tagRowsPerStrip, 12, 1, 8)), whole},
		{"tiles", structure(big, entry(big, tagTileWidth, 3, 1, 256), entry(big, tagTileLength, 3, 1, 128)), 256 * 128},
		{"tiles without a length", structure(big, entry(big, tagTileWidth, 3, 1, 256)), 0},
		{"endless tiles", structure(big, entry(big, tagTileWidth, 4, 1, 1<<32-1), entry(big, tagTileLength, 4, 1, 1<<31)), most},
		{"tiles of several widths", structure(big, entry(big, tagTileWidth, 3, 3, 8), entry(big, tagTileLength, 3, 1, 8)), most},
		{"a directory cut off", structure(little, entry(little, tagTileWidth, 3, 1, 8))[:20], whole},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tiffBlock(readDirectory(tt.data), w, h); got != tt.want {
				t.Errorf("got %d pixels, want %d", got, tt.want)
			}
		})
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
