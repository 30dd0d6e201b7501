package raster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"slices"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// header describes a picture before its pixels are decoded.
type header struct {
	width, height int
	// memory is the peak memory of decoding, in bytes.
	memory      int64
	orientation orientation
	// data is the picture up to its own end, if every model can read it once it is
	// known to be intact and opaque; else nil.
	data []byte
	// intact is set if it is known to be both without decoding.
	intact bool
}

// format is a supported format.
type format struct {
	name      string
	mediaType string
	matches   func([]byte) bool
	header    func([]byte) (header, error)
	decode    func(context.Context, []byte) (image.Image, error)
}

var formats = []*format{
	{"JPEG", "image/jpeg", prefixed("\xff\xd8\xff"), jpegHeader, decodeJPEG},
	{"PNG", "image/png", prefixed(pngSignature), pngHeader, streamed(png.Decode)},
	{"GIF", "image/gif", prefixed("GIF87a", "GIF89a"), gifHeader, decodeGIF},
	{"WebP", "image/webp", isWebP, webpHeader, decodeWebP},
	{"BMP", "image/bmp", prefixed("BM"), bmpHeader, streamed(bmp.Decode)},
	{"TIFF", "image/tiff", prefixed("II*\x00", "MM\x00*"), tiffHeader, decodeTIFF},
}

func prefixed(prefixes ...string) func([]byte) bool {
	return func(data []byte) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return bytes.HasPrefix(data, []byte(p)) })
	}
}

func streamed(decode func(io.Reader) (image.Image, error)) func(context.Context, []byte) (image.Image, error) {
	return func(ctx context.Context, data []byte) (image.Image, error) { return decode(newReader(ctx, data)) }
}

// detect returns the format by the first bytes, or nil.
func detect(data []byte) *format {
	for _, f := range formats {
		if f.matches(data) {
			return f
		}
	}
	return nil
}

// variantError means that the picture is valid but of a kind that is not supported.
type variantError struct{ what string }

func (e *variantError) Error() string { return e.what }

// readHeader calls header and turns panics into errors.
func (f *format) readHeader(data []byte) (h header, err error) {
	defer rescue(&err)
	h, err = f.header(data)
	return h, classified(err)
}

// decodeSafely decodes data until ctx ends, and turns panics into errors: decoders
// have had some.
func (f *format) decodeSafely(ctx context.Context, data []byte) (img image.Image, err error) {
	defer rescue(&err)
	img, err = f.decode(ctx, data)
	return img, classified(err)
}

func rescue(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("the decoder panicked: %v", v)
	}
}

// classified separates kinds that a decoder does not support from damaged pictures.
func classified(err error) error {
	if err == nil {
		return nil
	}
	var (
		j   jpeg.UnsupportedError
		p   png.UnsupportedError
		t   tiff.UnsupportedError
		bad png.FormatError
	)
	switch {
	case errors.As(err, &bad) && (bad == "unexpected EOF" || bad == "not enough pixel data"):
		return fmt.Errorf("%w: %w", io.ErrUnexpectedEOF, err)
	case errors.As(err, &j):
		return &variantError{string(j)}
	case errors.As(err, &p):
		return &variantError{string(p)}
	case errors.As(err, &t):
		return &variantError{string(t)}
	case errors.Is(err, bmp.ErrUnsupported):
		return &variantError{"compressed, or of an odd depth"}
	default:
		return err
	}
}

// reader reads data until its context ends, so that decoding a large picture stops
// soon after its last caller has left.
type reader struct {
	ended func() error
	data  *bytes.Reader
}

func newReader(ctx context.Context, data []byte) *reader {
	return &reader{ctx.Err, bytes.NewReader(data)}
}

// Read implements io.Reader. It reads at most 32 KiB, so that the context is checked
// often.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.ended(); err != nil {
		return 0, err
	}
	return r.data.Read(p[:min(len(p), 32<<10)])
}

func bmpHeader(data []byte) (header, error) {
	c, err := bmp.DecodeConfig(bytes.NewReader(data))
	return header{width: c.Width, height: c.Height, memory: area(c.Width, c.Height) * 4, orientation: upright}, err
}

// area returns w x h, or a very large number if that overflows.
func area(w, h int) int64 {
	const endless = 1 << 40
	if w < 0 || h < 0 || (h > 0 && int64(w) > endless/int64(h)) {
		return endless
	}
	return int64(w) * int64(h)
}
