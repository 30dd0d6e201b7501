package raster

import (
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/gif"
	"io"
)

// gifFile is what the blocks of a GIF tell.
type gifFile struct {
	canvas image.Rectangle // at 0, 0, with room for the first picture
	first  image.Rectangle // where the first picture belongs
	n      int             // pictures, 2 at most
	end    int             // where the trailer ends; 0: there is none
}

func gifHeader(data []byte) (header, error) {
	g, err := readGIF(data)
	if err != nil {
		return header{}, err
	}
	h := header{width: g.canvas.Dx(), height: g.canvas.Dy(), orientation: upright}
	// One byte a pixel, and as much again where rows have to be put in order.
	h.memory = 2 * area(h.width, h.height)
	// Only a still one can be passed on, of others the first picture is taken.
	if g.n == 1 && g.end > 0 && g.first == gifSize(data[6:]) {
		h.whole = data[:g.end]
	}
	return h, nil
}

// readGIF follows the blocks (GIF89a specification) up to the second picture, and
// decodes nothing.
func readGIF(data []byte) (gifFile, error) {
	if len(data) < 13 {
		return gifFile{}, io.ErrUnexpectedEOF
	}
	g := gifFile{canvas: gifSize(data[6:])}
	at := 13 + paletteBytes(data[10])
	for at < len(data) && g.n < 2 {
		switch {
		case data[at] == ';':
			g.end = at + 1
			return g, nil
		case data[at] == '!':
			at = skipBlocks(data, at+2)
		case data[at] == ',' && len(data)-at >= 11:
			if g.n++; g.n == 1 {
				g.place(data[at+1:])
			}
			at = skipBlocks(data, at+11+paletteBytes(data[at+9]))
		default:
			return g, nil
		}
	}
	return g, nil
}

// place takes in where the first picture belongs. A canvas that has no room for
// it is made larger, as browsers do: some programs leave its size empty.
func (g *gifFile) place(descriptor []byte) {
	corner := image.Pt(int(binary.LittleEndian.Uint16(descriptor)), int(binary.LittleEndian.Uint16(descriptor[2:])))
	g.first = gifSize(descriptor[4:]).Add(corner)
	g.canvas.Max.X, g.canvas.Max.Y = max(g.canvas.Max.X, g.first.Max.X), max(g.canvas.Max.Y, g.first.Max.Y)
}

func gifSize(b []byte) image.Rectangle {
	return image.Rect(0, 0, int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:])))
}

// decodeGIF returns the first picture on its canvas.
func decodeGIF(ctx context.Context, data []byte) (image.Image, error) {
	g, err := readGIF(data)
	if err != nil {
		return nil, err
	}
	// The decoder refuses a picture that is larger than the canvas.
	start := append([]byte(nil), data[:13]...)
	binary.LittleEndian.PutUint16(start[6:], uint16(g.canvas.Dx()))
	binary.LittleEndian.PutUint16(start[8:], uint16(g.canvas.Dy()))
	img, err := gif.Decode(io.MultiReader(newReader(ctx, start), newReader(ctx, data[13:])))
	if err != nil {
		return nil, err
	}
	part, ok := img.(*image.Paletted)
	if !ok || part.Rect.Empty() {
		return nil, errors.New("the GIF holds no picture")
	}
	if part.Rect == g.canvas {
		return part, nil
	}
	return onCanvas{part, g.canvas}, nil
}

// onCanvas is a picture on a larger one that is transparent around it.
type onCanvas struct {
	*image.Paletted
	canvas image.Rectangle
}

// Bounds implements image.Image.
func (c onCanvas) Bounds() image.Rectangle { return c.canvas }

// Opaque reports that it is not.
func (c onCanvas) Opaque() bool { return false }

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
