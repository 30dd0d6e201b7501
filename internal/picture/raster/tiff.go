package raster

import (
	"bytes"
	"context"
	"image"
	"image/color"

	"golang.org/x/image/tiff"
)

func tiffHeader(data []byte) (header, error) {
	c, err := tiff.DecodeConfig(bytes.NewReader(data))
	each := int64(4)
	switch c.ColorModel {
	case color.Gray16Model, color.RGBA64Model, color.NRGBA64Model:
		each = 8
	}
	return header{
		width: c.Width, height: c.Height, orientation: exifOrientation(data),
		memory: each*area(c.Width, c.Height) + unpackedBytes*tiffBlock(readDirectory(data), c.Width, c.Height),
	}, err
}

// unpackedBytes is what unpacking a block takes, for each of its pixels: the
// decoder stops at 8 bytes, in a buffer that grows to twice that beside the one
// it grew from.
const unpackedBytes = 3 * 8

// tiffBlock returns how many pixels are unpacked at once: those of a strip or a
// tile. What the directory does not tell plainly is taken for as much as the
// decoder lets pass.
func tiffBlock(d directory, width, height int) int64 {
	// Tiles may be filled up to the next 16 pixels, or be larger than the picture
	// if they are no larger than this.
	const padding, largestTile = 16, 1 << 20
	across, ok := d.number(tagTileWidth)
	if across == 0 && ok {
		rows, ok := d.number(tagRowsPerStrip)
		if rows == 0 || !ok {
			return area(width, height)
		}
		return area(width, int(min(int64(rows), int64(height))))
	}
	most := max(area(width+padding, height+padding), largestTile)
	down, also := d.number(tagTileLength)
	if !ok || !also {
		return most
	}
	return min(int64(across)*int64(down), most)
}

// decodeTIFF reads from memory: the decoder jumps about, and would copy what it
// cannot jump in.
func decodeTIFF(_ context.Context, data []byte) (image.Image, error) {
	return tiff.Decode(bytes.NewReader(data))
}
