package raster

import (
	"encoding/binary"
	"io"
)

// gifHeader reads the canvas, and counts the pictures: only a still GIF can be
// passed on, of others the first picture is taken.
func gifHeader(data []byte) (header, error) {
	if len(data) < 13 {
		return header{}, io.ErrUnexpectedEOF
	}
	h := header{
		width:       int(binary.LittleEndian.Uint16(data[6:])),
		height:      int(binary.LittleEndian.Uint16(data[8:])),
		orientation: upright,
	}
	// One byte a pixel, and as much again where rows have to be put in order.
	h.memory = 2 * area(h.width, h.height)
	pictures, ended := gifPictures(data)
	h.plain = pictures == 1 && ended
	return h, nil
}

// gifPictures counts the pictures, two at most, and reports whether the trailer
// was reached. It follows the blocks (GIF89a specification) and decodes nothing.
func gifPictures(data []byte) (n int, ended bool) {
	at := 13 + paletteBytes(data[10])
	for at < len(data) && n < 2 {
		switch data[at] {
		case ';':
			return n, true
		case '!':
			at = skipBlocks(data, at+2)
		case ',':
			if len(data)-at < 11 {
				return n, false
			}
			n++
			at = skipBlocks(data, at+11+paletteBytes(data[at+9]))
		default:
			return n, false
		}
	}
	return n, false
}

func paletteBytes(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (1 + flags&7)
}

// skipBlocks returns the place behind a chain of sub-blocks.
func skipBlocks(data []byte, at int) int {
	for at < len(data) && data[at] != 0 {
		at += 1 + int(data[at])
	}
	return at + 1
}
