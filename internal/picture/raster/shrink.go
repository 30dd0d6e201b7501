package raster

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
)

// shrink returns img at w x h, opaque: an *image.Gray, an *image.YCbCr with 4:2:0
// chroma, or an *image.RGBA, depending on its type. The result is undefined once ctx
// has ended.
func shrink(ctx context.Context, img image.Image, w, h int) image.Image {
	r := image.Rect(0, 0, w, h)
	switch src := img.(type) {
	case *image.Gray:
		dst := image.NewGray(r)
		average(ctx, dst.Pix, dst.Stride, w, h, 1, planeOf(src.Pix, src.Stride, src.Rect.Dx(), src.Rect.Dy()))
		return dst
	case *image.YCbCr:
		return shrinkPlanes(ctx, src, r)
	default:
		return shrinkRGB(ctx, img, r)
	}
}

// shrinkPlanes shrinks each plane on its own, so that chroma is neither enlarged nor
// converted.
func shrinkPlanes(ctx context.Context, src *image.YCbCr, r image.Rectangle) *image.YCbCr {
	dst := image.NewYCbCr(r, image.YCbCrSubsampleRatio420)
	w, h := r.Dx(), r.Dy()
	average(ctx, dst.Y, dst.YStride, w, h, 1, planeOf(src.Y, src.YStride, src.Rect.Dx(), src.Rect.Dy()))
	cw, ch := chromaSize(src)
	average(ctx, dst.Cb, dst.CStride, (w+1)/2, (h+1)/2, 1, planeOf(src.Cb, src.CStride, cw, ch))
	average(ctx, dst.Cr, dst.CStride, (w+1)/2, (h+1)/2, 1, planeOf(src.Cr, src.CStride, cw, ch))
	return dst
}

// chromaSize returns the size of the chroma planes of a picture that begins at 0, 0,
// as decoded pictures do: the places of its last column and row there, and one more.
func chromaSize(img *image.YCbCr) (int, int) {
	return img.COffset(img.Rect.Dx()-1, 0) + 1, img.COffset(0, img.Rect.Dy()-1)/img.CStride + 1
}

func shrinkRGB(ctx context.Context, img image.Image, r image.Rectangle) *image.RGBA {
	w, h := r.Dx(), r.Dy()
	rgb := make([]byte, 3*w*h)
	average(ctx, rgb, 3*w, w, h, 3, rowsOf(img))
	dst := image.NewRGBA(r)
	for from, to := 0, 0; from < len(rgb); from, to = from+3, to+4 {
		copy(dst.Pix[to:to+3], rgb[from:from+3])
		dst.Pix[to+3] = 255
	}
	return dst
}

// rows is a picture as rows of interleaved bytes. A row is valid until the next call.
type rows struct {
	width, height int
	row           func(y int) []byte
}

func planeOf(pix []byte, stride, w, h int) rows {
	return rows{w, h, func(y int) []byte { return pix[y*stride : y*stride+w] }}
}

// Weights are fixed-point numbers. Two of them and the 8 bits of a sample fill 32
// bits.
const (
	weightBits = 12
	weightOne  = 1 << weightBits
	rounding   = 1 << (2*weightBits - 1)
)

// window is the part of a line that one pixel of the result covers, with the weight
// of each of its pixels. The weights add up to weightOne.
type window struct {
	from    int
	weights []uint32
}

// windows divides n pixels among m. The weights are differences of a rounded running
// sum, so that they add up exactly.
func windows(n, m int) []window {
	all := make([]window, m)
	weights := make([]uint32, 0, n+2*m)
	for i := range all {
		from, to := i*n/m, ((i+1)*n+m-1)/m
		first := len(weights)
		sum := 0
		for x := from; x < to; x++ {
			share := min(max((x+1)*m-i*n, 0), n)
			next := (share*weightOne + n/2) / n
			weights = append(weights, uint32(next-sum))
			sum = next
		}
		all[i] = window{from, weights[first:]}
	}
	return all
}

// average fills dst, w x h pixels of channels bytes each, with the mean of the area
// that each pixel covers in src. For an enlarged result it repeats pixels.
func average(ctx context.Context, dst []byte, stride, w, h, channels int, src rows) {
	down, across := windows(src.height, h), windows(src.width, w)
	sums := make([]uint32, src.width*channels)
	for y, s := range down {
		if ctx.Err() != nil {
			return
		}
		clear(sums)
		for i, weight := range s.weights {
			if weight > 0 {
				accumulate(sums, src.row(s.from+i), weight)
			}
		}
		line := dst[y*stride : y*stride+w*channels]
		if channels == 1 {
			averageLine(line, sums, across)
		} else {
			averageLineRGB(line, sums, across)
		}
	}
}

// accumulate takes most of the time: it visits every sample of the source.
func accumulate(sums []uint32, row []byte, weight uint32) {
	sums = sums[:len(row)]
	for len(row) >= 8 && len(sums) >= 8 {
		sums[0] += weight * uint32(row[0])
		sums[1] += weight * uint32(row[1])
		sums[2] += weight * uint32(row[2])
		sums[3] += weight * uint32(row[3])
		sums[4] += weight * uint32(row[4])
		sums[5] += weight * uint32(row[5])
		sums[6] += weight * uint32(row[6])
		sums[7] += weight * uint32(row[7])
		sums, row = sums[8:], row[8:]
	}
	for i, v := range row {
		sums[i] += weight * uint32(v)
	}
}

func averageLine(line []byte, sums []uint32, across []window) {
	for x, s := range across {
		total := uint32(rounding)
		part := sums[s.from : s.from+len(s.weights)]
		for i, weight := range s.weights {
			total += weight * part[i]
		}
		line[x] = byte(total >> (2 * weightBits))
	}
}

func averageLineRGB(line []byte, sums []uint32, across []window) {
	for x, s := range across {
		r, g, b := uint32(rounding), uint32(rounding), uint32(rounding)
		part := sums[3*s.from : 3*(s.from+len(s.weights))]
		for i, weight := range s.weights {
			r += weight * part[3*i]
			g += weight * part[3*i+1]
			b += weight * part[3*i+2]
		}
		line[3*x] = byte(r >> (2 * weightBits))
		line[3*x+1] = byte(g >> (2 * weightBits))
		line[3*x+2] = byte(b >> (2 * weightBits))
	}
}

// encode returns img as a JPEG.
func encode(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(64 << 10)
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: Quality}); err != nil {
		return nil, err
	}
	return bytes.Clone(b.Bytes()), nil
}
