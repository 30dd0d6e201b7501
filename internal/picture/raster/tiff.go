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
	d := readDirectory(data)
	if len(d.entries) == 0 {
		// The decoder accepts a directory inside the file's header.
		return header{}, errDirectory
	}
	b, err := tiffBlocks(d, c.Width, c.Height)
	if err == nil && (b.n > maxBlocks || b.size > maxTilePixels(c.Width, c.Height)/b.n) {
		err = errBlocks
	}
	return header{
		width: c.Width, height: c.Height, orientation: exifOrientation(data),
		memory: tiffBytes(c.ColorModel)*area(c.Width, c.Height) + unpackedBytes(d, b, len(data)),
	}, err
}

// tiffBytes returns the bytes of a decoded pixel.
func tiffBytes(model color.Model) int64 {
	if _, ok := model.(color.Palette); ok {
		return 1
	}
	switch model {
	case color.GrayModel:
		return 1
	case color.Gray16Model, color.RGBA64Model, color.NRGBA64Model:
		return 8
	}
	return 4
}

// Values of the tag for the compression.
const (
	tiffPlain  = 1
	tiffGroup3 = 3
	tiffGroup4 = 4
)

// unpackedBytes returns the bytes that decompressing a block takes. A buffer doubles
// when it grows, while the smaller one still exists. A fax has a bit for each pixel;
// at 8 bytes for each pixel, the decoder stops. Uncompressed data has its size in the
// file.
func unpackedBytes(d directory, b blocks, file int) int64 {
	const growing, chunk = 3, 10 << 20
	any := growing * 8 * b.size
	switch packing, ok := d.number(tagCompression); {
	case ok && packing <= tiffPlain:
		return min(any, growing*int64(file)+chunk)
	case ok && (packing == tiffGroup3 || packing == tiffGroup4):
		return growing * (b.size/8 + b.height)
	}
	return any
}

// maxBlocks bounds the work of a TIFF with tiny tiles, each of which has a cost of its
// own however few bytes it has.
const maxBlocks = 1 << 14

// maxTilePixels bounds the work of a TIFF with tiles that are larger than the picture.
// It allows tiles of 1024 x 1024, which are common.
func maxTilePixels(width, height int) int64 { return 2*area(width, height) + 16<<20 }

var (
	errDirectory = errors.New("the TIFF has no directory after its header")
	errBlocks    = errors.New("the TIFF has too many tiles")
	errTiled     = errors.New("the TIFF has no valid size of its strips or tiles")
	errShared    = errors.New("the strips or tiles of the TIFF repeat the same bytes")
)

// blocks are the strips or tiles of a TIFF.
type blocks struct {
	size   int64 // of one, in pixels
	height int64 // of one, in pixels
	n      int64
}

func tiffBlocks(d directory, width, height int) (blocks, error) {
	across, ok1 := d.number(tagTileWidth)
	down, ok2 := d.number(tagTileLength)
	rows, ok3 := d.number(tagRowsPerStrip)
	if !ok1 || !ok2 || !ok3 || (across > 0) != (down > 0) {
		return blocks{}, errTiled
	}
	w, h := int64(across), int64(down)
	if w == 0 { // strips, or a single block
		w, h = int64(max(width, 1)), int64(max(height, 1))
		if rows > 0 {
			h = min(h, int64(rows))
		}
	}
	return blocks{area(int(w), int(h)), h, pieces(int64(width), w) * pieces(int64(height), h)}, nil
}

func pieces(of, size int64) int64 { return (of + size - 1) / size }

// decodeTIFF gives the decoder an io.ReaderAt: it would copy the data of a plain
// reader to memory.
func decodeTIFF(ctx context.Context, data []byte) (image.Image, error) {
	const slack = 1 << 20
	return tiff.Decode(&readerAt{bytes.NewReader(data), ctx.Err, 8*int64(len(data)) + slack})
}

// readerAt reads until its context ends, and at most left bytes: each strip of a
// hostile file can be the whole file.
type readerAt struct {
	*bytes.Reader
	ended func() error
	left  int64
}

// ReadAt implements io.ReaderAt.
func (r *readerAt) ReadAt(p []byte, off int64) (int, error) {
	if err := r.ended(); err != nil {
		return 0, err
	}
	n, err := r.Reader.ReadAt(p, off)
	if r.left -= int64(n); r.left < 0 {
		return 0, errShared
	}
	return n, err
}
