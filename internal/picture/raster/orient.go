package raster

import "image"

// orientation is the transformation that makes a picture upright, in EXIF's numbers
// (CIPA DC-008, tag 0x0112).
type orientation uint8

const (
	upright orientation = iota + 1
	mirrored
	upsideDown
	flipped
	transposed
	turnRight
	transversed
	turnLeft
)

// upright reports whether no transformation is needed.
func (o orientation) upright() bool { return o <= upright }

// swaps reports whether width and height are exchanged.
func (o orientation) swaps() bool { return o >= transposed }

// source returns the pixel of a w x h picture that is at x, y of the upright one.
func (o orientation) source(x, y, w, h int) (int, int) {
	switch o {
	case mirrored:
		return w - 1 - x, y
	case upsideDown:
		return w - 1 - x, h - 1 - y
	case flipped:
		return x, h - 1 - y
	case transposed:
		return y, x
	case turnRight:
		return y, h - 1 - x
	case transversed:
		return w - 1 - y, h - 1 - x
	case turnLeft:
		return w - 1 - y, x
	default:
		return x, y
	}
}

// apply returns img upright. It supports the types that shrink returns.
func (o orientation) apply(img image.Image) image.Image {
	if o.upright() {
		return img
	}
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	r := image.Rect(0, 0, w, h)
	if o.swaps() {
		r = image.Rect(0, 0, h, w)
	}
	switch src := img.(type) {
	case *image.Gray:
		dst := image.NewGray(r)
		o.turn(dst.Pix, dst.Stride, src.Pix, src.Stride, w, h, 1)
		return dst
	case *image.YCbCr:
		dst := image.NewYCbCr(r, image.YCbCrSubsampleRatio420)
		o.turn(dst.Y, dst.YStride, src.Y, src.YStride, w, h, 1)
		o.turn(dst.Cb, dst.CStride, src.Cb, src.CStride, (w+1)/2, (h+1)/2, 1)
		o.turn(dst.Cr, dst.CStride, src.Cr, src.CStride, (w+1)/2, (h+1)/2, 1)
		return dst
	case *image.RGBA:
		dst := image.NewRGBA(r)
		o.turn(dst.Pix, dst.Stride, src.Pix, src.Stride, w, h, 4)
		return dst
	default:
		return img
	}
}

// turn fills dst from a plane of w x h pixels of size bytes each.
func (o orientation) turn(dst []byte, dstStride int, src []byte, srcStride, w, h, size int) {
	dw, dh := w, h
	if o.swaps() {
		dw, dh = h, w
	}
	for y := range dh {
		row := dst[y*dstStride:]
		for x := range dw {
			sx, sy := o.source(x, y, w, h)
			from := sy*srcStride + sx*size
			copy(row[x*size:(x+1)*size], src[from:from+size])
		}
	}
}
