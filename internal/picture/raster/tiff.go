package raster

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"

	"golang.org/x/image/tiff"
)

func tiffHeader(data []byte) (header, error) {
	c, err := tiff.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return header{}, err
	}
	each := int64(4)
	switch c.ColorModel {
	case color.Gray16Model, color.RGBA64Model, color.NRGBA64Model:
		each = 8
	}
	size, n, err := tiffBlocks(readDirectory(data), c.Width, c.Height)
	if err == nil && n > maxBlocks {
		err = errBlocks
	}
	return header{
		width: c.Width, height: c.Height, orientation: exifOrientation(data),
		memory: each*area(c.Width, c.Height) + unpackedBytes*size,
	}, err
}

// unpackedBytes is what unpacking a block takes, for each of its pixels: the
// decoder stops at 8 bytes, in a buffer that grows to twice that beside the one
// it grew from.
const unpackedBytes = 3 * 8

// maxBlocks bounds the work in a TIFF of tiny tiles: unpacking one has a cost of
// its own, however few bytes it has.
const maxBlocks = 1 << 16

var (
	errBlocks = errors.New("the TIFF has too many tiles")
	errTiled  = errors.New("the TIFF does not tell the size of its strips or tiles")
)

// tiffBlocks returns how many pixels are unpacked at once, those of a strip or a
// tile, and how many strips or tiles there are.
func tiffBlocks(d directory, width, height int) (size, n int64, err error) {
	across, ok1 := d.number(tagTileWidth)
	down, ok2 := d.number(tagTileLength)
	rows, ok3 := d.number(tagRowsPerStrip)
	if !ok1 || !ok2 || !ok3 || (across > 0) != (down > 0) {
		return 0, 0, errTiled
	}
	w, h := int64(across), int64(down)
	if w == 0 { // strips, or one for all
		w, h = int64(max(width, 1)), int64(max(height, 1))
		if rows > 0 {
			h = min(h, int64(rows))
		}
	}
	return area(int(w), int(h)), pieces(int64(width), w) * pieces(int64(height), h), nil
}

func pieces(of, size int64) int64 { return (of + size - 1) / size }

// decodeTIFF reads from memory: the decoder jumps about, and would copy what it
// cannot jump in.
func decodeTIFF(_ context.Context, data []byte) (image.Image, error) {
	return tiff.Decode(bytes.NewReader(data))
}
