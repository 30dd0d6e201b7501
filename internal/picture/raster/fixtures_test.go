package raster_test

import (
	"encoding/binary"
	"math/bits"
)

// bitWriter writes codes with the first bit in the highest place, as JPEG does.
type bitWriter struct {
	out  []byte
	hold uint32
	n    int
}

func (w *bitWriter) write(v uint32, n int) {
	for i := n - 1; i >= 0; i-- {
		w.hold = w.hold<<1 | v>>i&1
		if w.n++; w.n == 8 {
			w.out = append(w.out, byte(w.hold))
			if byte(w.hold) == 0xff {
				w.out = append(w.out, 0)
			}
			w.hold, w.n = 0, 0
		}
	}
}

// flatJPEG is a JPEG of 8 x 8 pixels of one colour, given by the samples of its
// components. The standard library writes neither progressive ones nor such with
// four components. With frame 0xc2 it is progressive.
func flatJPEG(frame byte, samples ...byte) []byte {
	segment := func(b []byte, marker byte, body []byte) []byte {
		b = append(b, 0xff, marker, 0, byte(len(body)+2))
		return append(b, body...)
	}
	n := byte(len(samples))
	b := []byte{0xff, 0xd8}
	quantisation := append([]byte{0}, make([]byte, 64)...)
	for i := range 64 {
		quantisation[1+i] = 8
	}
	b = segment(b, 0xdb, quantisation)
	sizes, scan := []byte{8, 0, 8, 0, 8, n}, []byte{n}
	for i := range n {
		sizes = append(sizes, i+1, 0x11, 0)
		scan = append(scan, i+1, 0)
	}
	b = segment(b, frame, sizes)
	// The categories 0 to 8 have codes of four bits each; the end of a block one.
	b = segment(b, 0xc4, append([]byte{0x00, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0, 1, 2, 3, 4, 5, 6, 7, 8))
	b = segment(b, 0xc4, append([]byte{0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0))
	last := byte(63)
	if frame == 0xc2 {
		last = 0
	}
	b = segment(b, 0xda, append(scan, 0, last, 0))
	var w bitWriter
	for _, s := range samples {
		v := int(s) - 128
		category := bits.Len(uint(max(v, -v)))
		w.write(uint32(category), 4)
		if v < 0 {
			v += 1<<category - 1
		}
		w.write(uint32(v), category)
		if last != 0 {
			w.write(0, 1)
		}
	}
	w.write(0xff, (8-w.n)%8)
	return append(append(b, w.out...), 0xff, 0xd9)
}

// flatWebP is a lossless WebP of one colour: each of its codes has one symbol,
// which takes no bits, so that there is nothing but the header.
func flatWebP(w, h int, r, g, b, a byte) []byte {
	var out []byte
	var hold uint64
	n := 0
	put := func(v uint64, width int) { // the first bit in the lowest place
		hold |= v << n
		for n += width; n >= 8; n -= 8 {
			out = append(out, byte(hold))
			hold >>= 8
		}
	}
	put(0x2f, 8)
	put(uint64(w-1), 14)
	put(uint64(h-1), 14)
	put(1, 1)     // there is alpha
	put(0, 3)     // version
	put(0b000, 3) // no transform, no colour cache, one group of codes
	for _, symbol := range []byte{g, r, b, a, 0} {
		put(0b101, 3) // a simple code, of one symbol, of 8 bits
		put(uint64(symbol), 8)
	}
	put(0, 7)
	return riff(chunk("VP8L", out))
}

func chunk(kind string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(body)))
	b = append(b, body...)
	return append(b, make([]byte, len(body)%2)...)
}

func riff(chunks ...[]byte) []byte {
	body := []byte("WEBP")
	for _, c := range chunks {
		body = append(body, c...)
	}
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}
