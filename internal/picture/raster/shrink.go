package raster

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
)

// shrink returns img at w x h, opaque: an *image.Gray, an *image.YCbCr with
// 4:2:0 chroma, or an *image.RGBA, whichever is nearest to what it was. Once ctx
// has ended, there may be anything in it.
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

// shrinkPlanes never leaves YCbCr: each plane goes straight to its own size, so
// that subsampled chroma is neither blown up nor converted.
func shrinkPlanes(ctx context.Context, src *image.YCbCr, r image.Rectangle) *image.YCbCr {
	dst := image.NewYCbCr(r, image.YCbCrSubsampleRatio420)
	w, h := r.Dx(), r.Dy()
	average(ctx, dst.Y, dst.YStride, w, h, 1, planeOf(src.Y, src.YStride, src.Rect.Dx(), src.Rect.Dy()))
	cw, ch := chromaSize(src)
	average(ctx, dst.Cb, dst.CStride, (w+1)/2, (h+1)/2, 1, planeOf(src.Cb, src.CStride, cw, ch))
	average(ctx, dst.Cr, dst.CStride, (w+1)/2, (h+1)/2, 1, planeOf(src.Cr, src.CStride, cw, ch))
	return dst
}

// chromaSize is the size of the chroma planes of a picture that begins at 0, 0,
// as decoded ones do.
func chromaSize(img *image.YCbCr) (int, int) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	switch img.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		return (w + 1) / 2, h
	case image.YCbCrSubsampleRatio420:
		return (w + 1) / 2, (h + 1) / 2
	case image.YCbCrSubsampleRatio440:
		return w, (h + 1) / 2
	case image.YCbCrSubsampleRatio411:
		return (w + 3) / 4, h
	case image.YCbCrSubsampleRatio410:
		return (w + 3) / 4, (h + 1) / 2
	default:
		return w, h
	}
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

// rows is a picture as rows of interleaved bytes. A row is valid until the next
// is asked for.
type rows struct {
	width, height int
	row           func(y int) []byte
}

func planeOf(pix []byte, stride, w, h int) rows {
	return rows{w, h, func(y int) []byte { return pix[y*stride : y*stride+w] }}
}

// Weights are fixed-point numbers with so many bits behind the point. Twice
// twelve and the eight of a sample fill 32 bits.
const (
	weightBits = 12
	weightOne  = 1 << weightBits
	rounding   = 1 << (2*weightBits - 1)
)

// span is the part of a line that one pixel of the result covers, and how much
// of each of its pixels. The weights add up to weightOne.
type span struct {
	from    int
	weights []uint32
}

// spans divides n pixels among m. The weights are differences of the rounded
// running share, so that they add up exactly.
func spans(n, m int) []span {
	all := make([]span, m)
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
		all[i] = span{from, weights[first:]}
	}
	return all
}

// average fills dst, w x h pixels of so many channels, with the mean of the
// area that each pixel covers in src. It works for larger results too, where it
// repeats pixels.
func average(ctx context.Context, dst []byte, stride, w, h, channels int, src rows) {
	down, across := spans(src.height, h), spans(src.width, w)
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
			narrow(line, sums, across)
		} else {
			narrowRGB(line, sums, across)
		}
	}
}

// accumulate is where the time goes: once for every sample of the source.
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

func narrow(line []byte, sums []uint32, across []span) {
	for x, s := range across {
		total := uint32(rounding)
		part := sums[s.from : s.from+len(s.weights)]
		for i, weight := range s.weights {
			total += weight * part[i]
		}
		line[x] = byte(total >> (2 * weightBits))
	}
}

func narrowRGB(line []byte, sums []uint32, across []span) {
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

// encode writes a JPEG.
func encode(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(64 << 10)
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: Quality}); err != nil {
		return nil, err
	}
	return bytes.Clone(b.Bytes()), nil
}
