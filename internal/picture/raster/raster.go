package raster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"

	"golang.org/x/sync/semaphore"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Quality is the JPEG quality of converted pictures.
const Quality = 85

// maxUnchanged is the most bytes that are returned unchanged. A small picture with
// more contains mostly something other than pixels.
const maxUnchanged = 1 << 20

// Config bounds the pictures that are accepted and their cost.
type Config struct {
	// MaxPixels is the most pixels of a picture, by its header.
	MaxPixels int
	// Fit is the side, in pixels, of the square that results fit into.
	Fit int
	// Memory is the budget, in bytes, of all pictures that are being decoded, as
	// computed from their headers.
	Memory int64
	// Workers is the number of pictures that are decoded at once.
	Workers int
}

func (c Config) check() error {
	if c.MaxPixels < 1 || c.Fit < 1 || c.Fit > maxSide || c.Memory < 1 || c.Workers < 1 {
		return fmt.Errorf("pictures: %+v has a limit that is out of range: give numbers above 0, and a size to fit of at most %d",
			c, maxSide)
	}
	return nil
}

// maxSide is the largest side of a JPEG, in pixels.
const maxSide = 1<<16 - 1

// Preparer prepares pictures on the caller's goroutine. It is safe for concurrent
// use.
type Preparer struct {
	config  Config
	memory  *semaphore.Weighted // bytes
	workers *semaphore.Weighted
}

// New returns a preparer, or an error if the config is invalid.
func New(c Config) (*Preparer, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	return &Preparer{
		config:  c,
		memory:  semaphore.NewWeighted(c.Memory),
		workers: semaphore.NewWeighted(int64(c.Workers)),
	}, nil
}

// Prepared is a picture that can be sent to a model, with its size in pixels.
type Prepared struct {
	catalog.Picture
	Width, Height int
	// Shorter is the shorter side of the picture before it was shrunk.
	Shorter int
}

// Prepare returns the picture in data, upright, opaque and shrunk. The result may
// share data's memory. The error is a *fault.Fault with the reason ImageTooLarge or
// ImageUnsupported, or ctx's.
func (p *Preparer) Prepare(ctx context.Context, data []byte) (Prepared, error) {
	f := detect(data)
	if f == nil {
		return Prepared{}, fault.New(fault.ImageUnsupported,
			"the picture is %s: send a JPEG, PNG, GIF, WebP, BMP or TIFF", Describe(data)).
			WithSummary(instead(data))
	}
	h, err := f.readHeader(data)
	if err != nil {
		return Prepared{}, f.unreadable(err)
	}
	if err := p.checkSize(f, h); err != nil {
		return Prepared{}, err
	}
	if h.intact && p.unchanged(h) {
		return f.original(h), nil
	}
	release, err := p.Reserve(ctx, h.memory)
	if err != nil {
		return Prepared{}, err
	}
	defer release()
	return p.render(ctx, f, h, data)
}

// Reserve waits for a worker, then for that many bytes of the memory budget (at most
// all of it), and returns the function that releases both. A caller that waits for a
// worker holds no memory. The error is ctx's.
func (p *Preparer) Reserve(ctx context.Context, bytes int64) (release func(), err error) {
	bytes = min(max(bytes, 1), p.config.Memory)
	if err := p.workers.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	if err := p.memory.Acquire(ctx, bytes); err != nil {
		p.workers.Release(1)
		return nil, err
	}
	return func() {
		p.memory.Release(bytes)
		p.workers.Release(1)
	}, nil
}

func (p *Preparer) checkSize(f *format, h header) error {
	if h.width < 1 || h.height < 1 {
		return fault.New(fault.ImageUnsupported, "the picture is a %s of %d x %d pixels: send another picture",
			f.name, h.width, h.height).WithSummary(fault.PictureTooSmall)
	}
	if h.width > p.config.MaxPixels/h.height {
		return fault.New(fault.ImageTooLarge,
			"the picture has %d x %d pixels, at most %.1f million are allowed: send a smaller version",
			h.width, h.height, float64(p.config.MaxPixels)/1e6).WithSummary(fault.PictureTooLarge)
	}
	if h.memory > p.config.Memory {
		return fault.New(fault.ImageTooLarge,
			"the picture would take %d MB of memory to decode (%d x %d pixels, %s), at most %d MB are allowed: send a smaller version",
			h.memory>>20, h.width, h.height, f.name, p.config.Memory>>20).WithSummary(fault.PictureTooLarge)
	}
	return nil
}

// unchanged reports whether a picture with that header needs no conversion, provided
// that it is intact.
func (p *Preparer) unchanged(h header) bool {
	return h.data != nil && h.orientation.upright() && max(h.width, h.height) <= p.config.Fit && len(h.data) <= maxUnchanged
}

// original returns the picture without a conversion.
func (f *format) original(h header) Prepared {
	if 4*cap(h.data) > 5*len(h.data) {
		h.data = bytes.Clone(h.data) // else the bytes after the picture stay in memory
	}
	return Prepared{catalog.Picture{Data: h.data, MediaType: f.mediaType}, h.width, h.height, min(h.width, h.height)}
}

func (p *Preparer) render(ctx context.Context, f *format, h header, data []byte) (Prepared, error) {
	img, err := f.decodeSafely(ctx, data)
	switch {
	case ctx.Err() != nil:
		return Prepared{}, ctx.Err()
	case err != nil:
		return Prepared{}, f.unreadable(err)
	}
	if opaque(img) && p.unchanged(h) {
		return f.original(h), nil
	}
	w, ht := fit(img.Bounds().Dx(), img.Bounds().Dy(), p.config.Fit)
	small := shrink(ctx, img, w, ht)
	if err := ctx.Err(); err != nil {
		return Prepared{}, err
	}
	encoded, err := encode(h.orientation.apply(small))
	if err != nil {
		return Prepared{}, fault.Wrap(err, fault.Internal, "the picture could not be encoded as JPEG: report it")
	}
	if h.orientation.swaps() {
		w, ht = ht, w
	}
	return Prepared{catalog.Picture{Data: encoded, MediaType: "image/jpeg"}, w, ht, min(h.width, h.height)}, nil
}

// fit returns the size at which w x h fits into a square: at least 1 x 1, and never
// larger than it was.
func fit(w, h, side int) (int, int) {
	longer := max(w, h)
	if longer <= side {
		return w, h
	}
	round := func(n int) int { return max(1, (n*side+longer/2)/longer) }
	return round(w), round(h)
}

func opaque(img image.Image) bool {
	o, ok := img.(interface{ Opaque() bool })
	return ok && o.Opaque()
}

// unreadable explains why a picture of a known format cannot be used.
func (f *format) unreadable(cause error) *fault.Fault {
	const again = "download or export it again, as a plain JPEG or PNG"
	var kind *variantError
	switch {
	case errors.As(cause, &kind):
		return fault.Wrap(cause, fault.ImageUnsupported, "the picture is a %s of a kind that is not supported (%s): %s",
			f.name, kind.what, again).WithSummary(unread(f.name))
	case errors.Is(cause, io.ErrUnexpectedEOF) || errors.Is(cause, io.EOF):
		return fault.Wrap(cause, fault.ImageUnsupported, "the picture is a %s that is cut off before its end: %s", f.name, again).
			WithSummary(fault.PictureDamaged)
	default:
		return fault.Wrap(cause, fault.ImageUnsupported, "the picture is a %s that is damaged: %s", f.name, again).
			WithSummary(fault.PictureDamaged)
	}
}
