package raster

import (
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/gif"
	"io"
)

// gifFile is read from the blocks of a GIF.
type gifFile struct {
	canvas image.Rectangle // from 0, 0; contains the first picture
	first  image.Rectangle // the place of the first picture
	n      int             // number of pictures, counted up to 2
	end    int             // offset of the end; 0: there is no trailer
}

func gifHeader(data []byte) (header, error) {
	g, err := readGIF(data)
	if err != nil {
		return header{}, err
	}
	h := header{width: g.canvas.Dx(), height: g.canvas.Dy(), orientation: upright}
	// One byte for each pixel, twice if the rows are interlaced.
	h.memory = 2 * area(h.width, h.height)
	// Of an animation, the first picture is converted.
	if g.n == 1 && g.end > 0 && g.first == gifSize(data[6:]) {
		h.data = data[:g.end]
	}
	return h, nil
}

// readGIF reads the blocks (GIF89a specification) up to the second picture without
// decoding.
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

// place reads the place of the first picture. A canvas that is too small is enlarged,
// as browsers do: some programs leave its size at 0.
func (g *gifFile) place(descriptor []byte) {
	corner := image.Pt(int(binary.LittleEndian.Uint16(descriptor)), int(binary.LittleEndian.Uint16(descriptor[2:])))
	g.first = gifSize(descriptor[4:]).Add(corner)
	g.canvas.Max.X, g.canvas.Max.Y = max(g.canvas.Max.X, g.first.Max.X), max(g.canvas.Max.Y, g.first.Max.Y)
}

func gifSize(b []byte) image.Rectangle {
	return image.Rect(0, 0, int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:])))
}

// decodeGIF returns the first picture, placed on its canvas.
func decodeGIF(ctx context.Context, data []byte) (image.Image, error) {
	g, err := readGIF(data)
	if err != nil {
		return nil, err
	}
	// The decoder rejects a picture that is larger than the canvas.
	start := append([]byte(nil), data[:13]...)
	binary.LittleEndian.PutUint16(start[6:], uint16(g.canvas.Dx()))
	binary.LittleEndian.PutUint16(start[8:], uint16(g.canvas.Dy()))
	img, err := gif.Decode(io.MultiReader(newReader(ctx, start), newReader(ctx, data[13:])))
	if err != nil {
		return nil, err
	}
	part, ok := img.(*image.Paletted)
	if !ok || part.Rect.Empty() {
		return nil, errors.New("the GIF has no picture")
	}
	if part.Rect == g.canvas {
		return part, nil
	}
	return onCanvas{part, g.canvas}, nil
}

// onCanvas is a picture on a larger transparent canvas.
type onCanvas struct {
	*image.Paletted
	canvas image.Rectangle
}

// Bounds implements image.Image.
func (c onCanvas) Bounds() image.Rectangle { return c.canvas }

// Opaque returns false: the canvas shows around the picture.
func (c onCanvas) Opaque() bool { return false }

func paletteBytes(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (1 + flags&7)
}

// skipBlocks returns the offset after a chain of sub-blocks.
func skipBlocks(data []byte, at int) int {
	for at < len(data) && data[at] != 0 {
		at += 1 + int(data[at])
	}
	return at + 1
}
