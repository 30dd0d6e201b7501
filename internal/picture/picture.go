package picture

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture/fetch"
	"github.com/credenza-dev/credenza/internal/picture/raster"
	"github.com/credenza-dev/credenza/internal/singleflight"
)

// Config bounds the pictures that are accepted and their cost. The zero value means
// all defaults.
type Config struct {
	// Version is sent to shops in the User-Agent.
	Version string
	// MaxBytes is the largest size of a picture or page; 0: 10 MB.
	MaxBytes int
	// Fit is the side, in pixels, of the square that pictures are shrunk to; 0: 768.
	Fit int
	// Timeout is the time for a fetch, from its connection slot to the last byte; 0:
	// 15 s.
	Timeout time.Duration
	// HostRate is the number of requests to a shop each second; 0: no limit.
	HostRate float64
	// Allow lists networks, addresses and hosts that are exempt from the guard, on
	// every port.
	Allow []string
	// CacheBytes is the memory for prepared pictures; 0: 32 MB. The process takes twice
	// that, because the garbage collector lets as much garbage accumulate.
	CacheBytes int64
	// Fetches is the number of responses that are held in memory at once; 0: 128.
	Fetches int
	// Route returns where to connect to for a host and port; nil: there.
	Route func(hostPort string) string
}

func (c Config) withDefaults() Config {
	c.MaxBytes = cmp.Or(c.MaxBytes, 10e6)
	c.Fit = cmp.Or(c.Fit, 768)
	c.Timeout = cmp.Or(c.Timeout, 15*time.Second)
	c.CacheBytes = cmp.Or(c.CacheBytes, 32<<20)
	c.Fetches = cmp.Or(c.Fetches, 128)
	return c
}

const (
	maxPixels    = 50e6    // of a picture
	decodeMemory = 400e6   // bytes, for all pictures that are being decoded
	maxKnown     = 8 << 20 // bytes, for what is known of addresses
)

// Source returns items' pictures. It is safe for concurrent use.
type Source struct {
	config   Config
	client   *fetch.Client
	raster   *raster.Preparer
	loads    singleflight.Group[target, content]
	prepares singleflight.Group[digest, raster.Prepared]
	prepared *otter.Cache[digest, *raster.Prepared] // caches of pointers share their code
	known    *otter.Cache[string, *known]
}

// digest identifies a picture by its content.
type digest = [sha256.Size]byte

// New returns a source, which the caller must Close, or an error if the config is
// invalid.
func New(c Config) (*Source, error) {
	c = c.withDefaults()
	if c.CacheBytes < 0 {
		return nil, fmt.Errorf("the cache of pictures is %d bytes: give a number above 0", c.CacheBytes)
	}
	preparer, err := raster.New(raster.Config{
		MaxPixels: maxPixels, Fit: c.Fit, Memory: decodeMemory, Workers: runtime.GOMAXPROCS(0),
	})
	if err != nil {
		return nil, err
	}
	client, err := fetch.New(fetch.Config{
		Version: c.Version, Timeout: c.Timeout, MaxBytes: int64(c.MaxBytes),
		HostRate: c.HostRate, Bodies: c.Fetches, Allow: c.Allow, Route: c.Route,
	})
	if err != nil {
		return nil, err
	}
	return &Source{
		config:   c,
		client:   client,
		raster:   preparer,
		prepared: newCache(c.CacheBytes, func(_ digest, p *raster.Prepared) int { return cap(p.Data) + 128 }),
		known:    newCache(maxKnown, weightOfKnown),
	}, nil
}

// newCache returns a cache of at most that many bytes, as the weigher counts them.
func newCache[K comparable, V any](bytes int64, weigh func(K, V) int) *otter.Cache[K, V] {
	return otter.Must(&otter.Options[K, V]{
		MaximumWeight: uint64(bytes),
		Weigher:       func(k K, v V) uint32 { return uint32(min(weigh(k, v), math.MaxUint32)) },
		// Eviction is short, and a goroutine would outlive the call.
		Executor: func(evict func()) { evict() },
	})
}

// Close closes idle connections to shops. Calls in flight continue, and may leave some
// open again.
func (s *Source) Close() { s.client.Close() }

// Picture returns the item's picture, prepared for a model: from image_data, else from
// image_url, else the main picture of product_url. If one fails, the next is tried. The
// error has the first one's reason and all texts: a *fault.Fault with one of the image
// reasons, or ctx's.
func (s *Source) Picture(ctx context.Context, it *catalog.Item) (*catalog.Picture, error) {
	var failures []failure
	for _, o := range s.origins(it) {
		p, err := o.get(ctx)
		if err == nil {
			return p, nil
		}
		if ctxErr := ctx.Err(); ctxErr != nil && errors.Is(err, ctxErr) {
			return nil, ctxErr
		}
		failures = append(failures, failure{o.field, fault.From(err)})
	}
	return nil, joined(failures)
}

// origin is a field of the item with a picture or its address.
type origin struct {
	field string
	get   func(context.Context) (*catalog.Picture, error)
}

func (s *Source) origins(it *catalog.Item) []origin {
	var all []origin
	if len(it.ImageData) > 0 {
		all = append(all, origin{"image_data", func(ctx context.Context) (*catalog.Picture, error) {
			return s.sent(ctx, it.ImageData)
		}})
	}
	if address := strings.TrimSpace(it.ImageURL); address != "" {
		all = append(all, origin{"image_url", func(ctx context.Context) (*catalog.Picture, error) {
			return s.fromImageURL(ctx, address)
		}})
	}
	if address := strings.TrimSpace(it.ProductURL); address != "" {
		all = append(all, origin{"product_url", func(ctx context.Context) (*catalog.Picture, error) {
			return s.fromProductURL(ctx, address)
		}})
	}
	return all
}

// sent prepares the picture in image_data.
func (s *Source) sent(ctx context.Context, data []byte) (*catalog.Picture, error) {
	if len(data) > s.config.MaxBytes {
		return nil, fault.New(fault.ImageTooLarge, "the picture has %d bytes, at most %d are allowed: send a smaller one",
			len(data), s.config.MaxBytes).WithSummary(fault.PictureTooLarge)
	}
	p, _, err := s.prepare(ctx, data)
	if err != nil {
		return nil, err
	}
	if err := checkSize(p, leastSent); err != nil {
		return nil, err
	}
	return &p.Picture, nil
}

// prepare prepares a picture, once for all callers with the same content.
func (s *Source) prepare(ctx context.Context, data []byte) (raster.Prepared, digest, error) {
	key := sha256.Sum256(data)
	if p, ok := s.prepared.GetIfPresent(key); ok {
		return *p, key, nil
	}
	p, err := s.prepares.Do(ctx, key, func(ctx context.Context) (raster.Prepared, error) {
		p, err := s.raster.Prepare(ctx, data)
		if err != nil {
			return p, err
		}
		if err := s.checkShown(ctx, p); err != nil {
			return p, err
		}
		p.Data = trimmed(p.Data)
		s.prepared.Set(key, &p)
		return p, nil
	})
	return p, key, err
}

// trimmed copies data out of a much larger buffer, which would stay in memory with it.
// Most pictures that are returned unchanged are not copied.
func trimmed(data []byte) []byte {
	if cap(data)-len(data) < 16<<10 {
		return data
	}
	return append(make([]byte, 0, len(data)), data...)
}

// Blind is a source for backends that cannot see: it returns an ImageUnsupported
// fault for each picture, and the item is classified by its text.
type Blind struct{}

// Picture returns an ImageUnsupported fault.
func (Blind) Picture(context.Context, *catalog.Item) (*catalog.Picture, error) {
	return nil, fault.New(fault.ImageUnsupported,
		"the offline classifier cannot see pictures and goes by the text: set OPENAI_API_KEY or OPENAI_BASE_URL for a model that can").
		WithSummary(fault.PictureUnseen)
}

// failure is the fault of one origin.
type failure struct {
	field string
	fault *fault.Fault
}

// joined returns one fault for several.
func joined(failures []failure) *fault.Fault {
	switch len(failures) {
	case 0:
		return fault.New(fault.NoImageFound, "the item has no picture: send it in image_data, or its address in image_url").
			WithSummary(fault.PictureNone)
	case 1:
		return failures[0].fault
	}
	texts := make([]string, len(failures))
	causes := make([]error, len(failures))
	var after time.Duration
	for i, f := range failures {
		texts[i] = f.field + ": " + f.fault.Message
		causes[i] = f.fault
		after = max(after, f.fault.RetryAfter)
	}
	return fault.Wrap(errors.Join(causes...), failures[0].fault.Reason, "%s", strings.Join(texts, "; ")).After(after).
		WithSummary(failures[0].fault.Summary())
}
