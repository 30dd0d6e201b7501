// Package preview makes small pictures of items, for people to look at.
//
// The problem: a person scrolls through thousands of results, and each view would ask shops
// for dozens of pictures, again and again, while the model's questions wait for the same
// shops and the same memory.
//
//	item, size -> small pictures in memory -> pictures as the model sees them, in memory
//	           -> a turn -> Source, with its guard, limits and robots.txt
//
// A picture is asked from its shop once, whatever its sizes, and a failure is remembered for
// some minutes. Only some pictures are fetched at once; a view that is left gives its turns
// back.
//
// The trade-off: the pictures are those that the model sees, so they are never larger.
//
//	previews, err := preview.New(pictures)
//	small, err := previews.Picture(ctx, item, 96)
package preview

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture/raster"
	"github.com/credenza-dev/credenza/internal/singleflight"
)

// Source has the pictures of items, prepared for a model. Errors are faults or the
// context's.
type Source interface {
	Picture(ctx context.Context, item *catalog.Item) (*catalog.Picture, error)
}

const (
	// maxBytes is the memory for pictures of all sizes. The process takes twice that.
	maxBytes = 48 << 20
	// maxFetches is how many pictures are fetched at once. A shop serves four at once, and
	// the model's questions are to have most of it.
	maxFetches = 6
	fetchTime  = 30 * time.Second
	// failureTime is how long a failure is remembered.
	failureTime = 5 * time.Minute

	maxPixels    = 20e6
	decodeMemory = 64e6 // bytes
)

// sizes are the sides of the squares that pictures are shrunk to.
var sizes = [...]int{96, 192, 384, 768, 1024}

// Previews makes small pictures. It is safe for concurrent use.
type Previews struct {
	source  Source
	shrink  [len(sizes)]*raster.Preparer
	known   kept
	flights singleflight.Group[key, *entry]
	turns   chan struct{}
}

// key identifies a picture by a hash of its origins and its size. The size 0 is as the
// model sees it.
type key [sha256.Size]byte

// entry is a picture, or why there is none.
type entry struct {
	picture *catalog.Picture
	failure *fault.Fault
	until   time.Time // of a failure
}

// New returns previews of the pictures of a source.
func New(source Source) (*Previews, error) {
	p := &Previews{source: source, turns: make(chan struct{}, maxFetches)}
	for i, size := range sizes {
		var err error
		if p.shrink[i], err = raster.New(raster.Config{MaxPixels: maxPixels, Fit: size, Memory: decodeMemory, Workers: 1}); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (e *entry) weight() int {
	if e.picture == nil {
		return 512 + len(e.failure.Message)
	}
	return 256 + len(e.picture.Data)
}

// Picture returns an item's picture with a longest side of about that many pixels or a
// little more, at most 1,024. Errors are faults of the picture, or the context's.
func (p *Previews) Picture(ctx context.Context, item *catalog.Item, size int) (*catalog.Picture, error) {
	if !item.HasPicture() {
		return nil, fault.New(fault.NoImageFound, "the item has no picture")
	}
	at, _ := slices.BinarySearch(sizes[:len(sizes)-1], size) // the largest one if none is as large
	e, err := p.get(ctx, keyOf(item, sizes[at]), func(ctx context.Context) (*catalog.Picture, error) {
		whole, err := p.get(ctx, keyOf(item, 0), func(ctx context.Context) (*catalog.Picture, error) {
			return p.fetch(ctx, item)
		})
		if err != nil {
			return nil, err
		}
		if whole.failure != nil {
			return nil, whole.failure
		}
		shrunk, err := p.shrink[at].Prepare(ctx, whole.picture.Data)
		return &shrunk.Picture, err
	})
	if err != nil {
		return nil, err
	}
	if e.failure != nil {
		return nil, e.failure
	}
	return e.picture, nil
}

// keyOf returns the key of an item's picture in a size.
func keyOf(item *catalog.Item, size int) key {
	h := sha256.New()
	_, _ = h.Write(binary.AppendVarint(nil, int64(size))) // a hash has no errors
	for _, part := range [][]byte{item.ImageData, []byte(item.ImageURL), []byte(item.ProductURL)} {
		_, _ = h.Write(binary.AppendUvarint(nil, uint64(len(part))))
		_, _ = h.Write(part)
	}
	return key(h.Sum(nil))
}

// get returns what is known of a key, else what make returns, which callers share.
func (p *Previews) get(ctx context.Context, k key, find func(context.Context) (*catalog.Picture, error)) (*entry, error) {
	if e := p.known.get(k); e != nil && (e.failure == nil || time.Now().Before(e.until)) {
		return e, nil
	}
	return p.flights.Do(ctx, k, func(ctx context.Context) (*entry, error) {
		picture, err := find(ctx)
		e := &entry{picture: picture}
		if err != nil {
			failure, ok := errors.AsType[*fault.Fault](err)
			if !ok || !failure.Reason.OfPicture() {
				return nil, err
			}
			e = &entry{failure: failure, until: time.Now().Add(failureTime)}
		}
		p.known.put(k, e)
		return e, nil
	})
}

// fetch asks for a picture when it is its turn.
func (p *Previews) fetch(ctx context.Context, item *catalog.Item) (*catalog.Picture, error) {
	select {
	case p.turns <- struct{}{}:
		defer func() { <-p.turns }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if ctx.Err() != nil { // a turn that came at the same time
		return nil, context.Cause(ctx)
	}
	within, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	picture, err := p.source.Picture(within, item)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		return nil, fault.Wrap(err, fault.ImageUnreachable, "the picture did not come within %v", fetchTime)
	}
	return picture, err
}
