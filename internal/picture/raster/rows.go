package raster

import (
	"image"
	"image/color"
)

// rowsOf returns img as rows of RGB, on a white background.
func rowsOf(img image.Image) rows {
	b := img.Bounds()
	fill := filler(img)
	buf := make([]byte, 3*b.Dx())
	last := -1
	return rows{b.Dx(), b.Dy(), func(y int) []byte {
		// A row between two rows of the result is asked for twice in succession.
		if y != last {
			fill(buf, y)
			last = y
		}
		return buf
	}}
}

// filler returns a function that writes a row of img, counted from 0, as RGB.
func filler(img image.Image) func(rgb []byte, y int) {
	switch src := img.(type) {
	case *image.RGBA:
		return perPixel(src.Pix, src.Stride, 4, premultiplied)
	case *image.NRGBA:
		return perPixel(src.Pix, src.Stride, 4, straight)
	case *image.RGBA64:
		return perPixel(src.Pix, src.Stride, 8, func(rgb, p []byte) {
			premultiplied(rgb, []byte{p[0], p[2], p[4], p[6]})
		})
	case *image.NRGBA64:
		return perPixel(src.Pix, src.Stride, 8, func(rgb, p []byte) {
			straight(rgb, []byte{p[0], p[2], p[4], p[6]})
		})
	case *image.Gray16:
		return perPixel(src.Pix, src.Stride, 2, func(rgb, p []byte) { rgb[0], rgb[1], rgb[2] = p[0], p[0], p[0] })
	case *image.CMYK:
		return perPixel(src.Pix, src.Stride, 4, func(rgb, p []byte) {
			rgb[0], rgb[1], rgb[2] = color.CMYKToRGB(p[0], p[1], p[2], p[3])
		})
	case *image.Paletted:
		table := palette(src.Palette)
		return perPixel(src.Pix, src.Stride, 1, func(rgb, p []byte) { copy(rgb, table[p[0]][:]) })
	case *image.NYCbCrA:
		return planesWithAlpha(src)
	case onCanvas:
		return partOfRow(src)
	default:
		return anyPixel(img)
	}
}

func perPixel(pix []byte, stride, size int, convert func(rgb, p []byte)) func([]byte, int) {
	return func(rgb []byte, y int) {
		row := pix[y*stride:]
		for len(rgb) >= 3 {
			convert(rgb[:3:3], row[:size:size])
			rgb, row = rgb[3:], row[size:]
		}
	}
}

// premultiplied puts a pixel with colours multiplied by alpha on white.
func premultiplied(rgb, p []byte) {
	white := 255 - p[3]
	// Colours above alpha are invalid and must not overflow.
	rgb[0], rgb[1], rgb[2] = min(p[0], p[3])+white, min(p[1], p[3])+white, min(p[2], p[3])+white
}

// straight puts a pixel with independent alpha on white.
func straight(rgb, p []byte) {
	a := uint32(p[3])
	if a == 255 {
		copy(rgb, p[:3])
		return
	}
	white := 255 * (255 - a)
	for i := range 3 {
		rgb[i] = byte((uint32(p[i])*a + white + 127) / 255)
	}
}

func palette(colours color.Palette) *[256][3]byte {
	var table [256][3]byte
	for i, c := range colours[:min(len(colours), 256)] {
		n := color.NRGBAModel.Convert(c).(color.NRGBA)
		straight(table[i][:], []byte{n.R, n.G, n.B, n.A})
	}
	return &table
}

// planesWithAlpha is for a lossy WebP with alpha.
func planesWithAlpha(src *image.NYCbCrA) func([]byte, int) {
	b := src.Bounds()
	return func(rgb []byte, y int) {
		y += b.Min.Y
		for x := b.Min.X; x < b.Max.X; x++ {
			luma, chroma := src.YOffset(x, y), src.COffset(x, y)
			red, green, blue := color.YCbCrToRGB(src.Y[luma], src.Cb[chroma], src.Cr[chroma])
			straight(rgb[:3:3], []byte{red, green, blue, src.A[src.AOffset(x, y)]})
			rgb = rgb[3:]
		}
	}
}

// partOfRow returns white for pixels outside the picture.
func partOfRow(src onCanvas) func([]byte, int) {
	fill, part := filler(src.Paletted), src.Rect
	return func(rgb []byte, y int) {
		for i := range rgb {
			rgb[i] = 255
		}
		if part.Min.Y <= y && y < part.Max.Y {
			fill(rgb[3*part.Min.X:3*part.Max.X], y-part.Min.Y)
		}
	}
}

func anyPixel(img image.Image) func([]byte, int) {
	b := img.Bounds()
	return func(rgb []byte, y int) {
		for x := range b.Dx() {
			n := color.NRGBAModel.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
			straight(rgb[3*x:3*x+3], []byte{n.R, n.G, n.B, n.A})
		}
	}
}
