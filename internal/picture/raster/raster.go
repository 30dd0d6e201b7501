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

// Quality is that of the JPEGs that are written.
const Quality = 85

// maxKept is the most bytes that are passed on untouched. A small picture with
// more is weighed down by something else than its pixels.
const maxKept = 1 << 20

// Config bounds what is taken and what it may cost.
type Config struct {
	// MaxPixels is the most that a picture may have, by its header.
	MaxPixels int
	// Fit is the square, in pixels a side, that results fit into.
	Fit int
	// Memory is what all pictures being decoded take together, in bytes, as
	// worked out from their headers.
	Memory int64
	// Workers is how many pictures are worked on at once.
	Workers int
}

func (c Config) check() error {
	for _, s := range []struct {
		name  string
		value int64
	}{
		{"most pixels", int64(c.MaxPixels)},
		{"size to fit", int64(c.Fit)},
		{"memory", c.Memory},
		{"number of workers", int64(c.Workers)},
	} {
		if s.value < 1 {
			return fmt.Errorf("pictures: the %s is %d: give a number above 0", s.name, s.value)
		}
	}
	if c.Fit > maxSide {
		return fmt.Errorf("pictures: the size to fit is %d: give at most %d, the largest JPEG", c.Fit, maxSide)
	}
	return nil
}

// maxSide is the largest side that a JPEG can have.
const maxSide = 1<<16 - 1

// Preparer prepares pictures. It is safe for concurrent use, and has nothing to
// close: the work is done on the caller's goroutine.
type Preparer struct {
	config  Config
	memory  *semaphore.Weighted // bytes
	workers *semaphore.Weighted
}

// New returns a preparer, or an error that says what is wrong with the config.
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

// Prepared is a picture that is fit to be sent, with its size in pixels.
type Prepared struct {
	catalog.Picture
	Width, Height int
}

// Prepare returns the picture that data holds, upright, opaque and fitting. The
// result may share data's memory. The error is a *fault.Fault with the reason
// ImageTooLarge or ImageUnsupported, or ctx's.
func (p *Preparer) Prepare(ctx context.Context, data []byte) (Prepared, error) {
	f := recognise(data)
	if f == nil {
		return Prepared{}, fault.New(fault.ImageUnsupported,
			"the picture is %s: send a JPEG, PNG, GIF, WebP, BMP or TIFF", Describe(data))
	}
	h, err := f.readHeader(data)
	if err != nil {
		return Prepared{}, f.unreadable(err)
	}
	if err := p.checkSize(f, h); err != nil {
		return Prepared{}, err
	}
	if h.sound && p.keeps(h) {
		return f.untouched(h), nil
	}
	release, err := p.Reserve(ctx, h.memory)
	if err != nil {
		return Prepared{}, err
	}
	defer release()
	return p.render(ctx, f, h, data)
}

// Reserve waits for a processor slot, then for so many bytes of the memory
// budget, at most all of it, and returns what gives them back: memory is held by
// none that waits. The error is ctx's.
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
		return fault.New(fault.ImageUnsupported, "the picture is a %s of %d x %d pixels: send one that shows something",
			f.name, h.width, h.height)
	}
	if h.width > p.config.MaxPixels/h.height {
		return fault.New(fault.ImageTooLarge,
			"the picture has %d x %d pixels, at most %.1f million are taken: send a smaller version",
			h.width, h.height, float64(p.config.MaxPixels)/1e6)
	}
	if h.memory > p.config.Memory {
		return fault.New(fault.ImageTooLarge,
			"the picture would take %d MB of memory to decode (%d x %d pixels, %s), at most %d MB are given: send a smaller version",
			h.memory>>20, h.width, h.height, f.name, p.config.Memory>>20)
	}
	return nil
}

// keeps reports whether a picture with that header can be passed on, should it be
// sound.
func (p *Preparer) keeps(h header) bool {
	return h.whole != nil && h.orientation.upright() && max(h.width, h.height) <= p.config.Fit && len(h.whole) <= maxKept
}

// untouched returns the picture as it is.
func (f *format) untouched(h header) Prepared {
	if 4*cap(h.whole) > 5*len(h.whole) {
		// What follows the picture must not live as long as the picture does.
		h.whole = bytes.Clone(h.whole)
	}
	return Prepared{catalog.Picture{Data: h.whole, MediaType: f.mediaType}, h.width, h.height}
}

func (p *Preparer) render(ctx context.Context, f *format, h header, data []byte) (Prepared, error) {
	img, err := f.decodeSafely(ctx, data)
	switch {
	case ctx.Err() != nil:
		return Prepared{}, ctx.Err()
	case err != nil:
		return Prepared{}, f.unreadable(err)
	}
	if opaque(img) && p.keeps(h) {
		return f.untouched(h), nil
	}
	w, ht := fit(img.Bounds().Dx(), img.Bounds().Dy(), p.config.Fit)
	small := shrink(ctx, img, w, ht)
	if err := ctx.Err(); err != nil {
		return Prepared{}, err
	}
	encoded, err := encode(h.orientation.apply(small))
	if err != nil {
		return Prepared{}, fault.Wrap(err, fault.Internal, "the picture could not be written as JPEG: report it")
	}
	if h.orientation.swaps() {
		w, ht = ht, w
	}
	return Prepared{catalog.Picture{Data: encoded, MediaType: "image/jpeg"}, w, ht}, nil
}

// fit returns the size at which w x h fits into a square, never larger than it
// is and never empty.
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

// unreadable says why a picture of a known format cannot be used.
func (f *format) unreadable(cause error) *fault.Fault {
	const again = "download or export it again, as a plain JPEG or PNG"
	var kind *variantError
	switch {
	case errors.As(cause, &kind):
		return fault.Wrap(cause, fault.ImageUnsupported, "the picture is a %s of a kind that is not read (%s): %s",
			f.name, kind.what, again)
	case errors.Is(cause, io.ErrUnexpectedEOF) || errors.Is(cause, io.EOF):
		return fault.Wrap(cause, fault.ImageUnsupported, "the picture is a %s that is cut off before its end: %s", f.name, again)
	default:
		return fault.Wrap(cause, fault.ImageUnsupported, "the picture is a %s that is damaged: %s", f.name, again)
	}
}
