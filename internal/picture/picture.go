package picture

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"net"
	"runtime"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/flight"
	"github.com/credenza-dev/credenza/internal/picture/fetch"
	"github.com/credenza-dev/credenza/internal/picture/raster"
)

// Config bounds what is taken and what it may cost. The zero value takes each
// default.
type Config struct {
	// Version is told to shops in the User-Agent.
	Version string
	// MaxBytes is the most that a picture or page may have; 0: 10 MB.
	MaxBytes int
	// MaxPixels is the most that a picture may have; 0: 50 million.
	MaxPixels int
	// Fit is the square, in pixels a side, that pictures are shrunk to; 0: 768.
	Fit int
	// Timeout is for a fetch, from its connection slot to the last byte; 0: 15 s.
	Timeout time.Duration
	// HostConnections is how many connections a shop gets; 0: 4.
	HostConnections int
	// HostRate is how many requests a second a shop is sent; 0: no limit.
	HostRate float64
	// Allow names networks, addresses and hosts that are exempt from the address
	// guard, on every port.
	Allow []string
	// Ports are those of shops that may be asked; none: 80 and 443.
	Ports []uint16
	// Resolver is for the names of shops; nil: the system's.
	Resolver *net.Resolver
	// CacheBytes is what the prepared pictures that are kept may take; 0: 32 MB.
	// The process takes twice that, as its collector lets garbage grow to as much
	// as there is of what is kept.
	CacheBytes int64
	// DecodePixels is the memory for decoding, in pixels of 4 bytes, for all
	// pictures together; 0: 100 million.
	DecodePixels int
	// Workers is how many pictures are decoded at once; 0: one a processor.
	Workers int
	// Fetches is how many answers of shops are held in memory at once; 0: 128.
	Fetches int
}

func (c Config) withDefaults() Config {
	set(&c.MaxBytes, 10e6)
	set(&c.MaxPixels, 50e6)
	set(&c.Fit, 768)
	set(&c.Timeout, 15*time.Second)
	set(&c.HostConnections, 4)
	set(&c.CacheBytes, 32<<20)
	set(&c.DecodePixels, 100e6)
	set(&c.Workers, runtime.GOMAXPROCS(0))
	set(&c.Fetches, 128)
	return c
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// maxKnown is what is remembered of addresses that were fetched, in bytes.
const maxKnown = 8 << 20

// Source finds items' pictures. It is safe for concurrent use.
type Source struct {
	config  Config
	client  *fetch.Client
	raster  *raster.Preparer
	loading flight.Group[sharing, found]
	making  flight.Group[digest, raster.Prepared]
	made    *otter.Cache[digest, raster.Prepared]
	known   *otter.Cache[string, known]
}

// digest tells pictures apart by their content.
type digest = [sha256.Size]byte

// New returns a source, or an error that says what is wrong with the config. The
// caller must Close it.
func New(c Config) (*Source, error) {
	c = c.withDefaults()
	if c.CacheBytes < 0 {
		return nil, fmt.Errorf("the cache of pictures has %d bytes: give a number above 0", c.CacheBytes)
	}
	preparer, err := raster.New(raster.Config{
		MaxPixels: c.MaxPixels, Fit: c.Fit, Memory: 4 * int64(c.DecodePixels), Workers: c.Workers,
	})
	if err != nil {
		return nil, err
	}
	client, err := fetch.New(fetch.Config{
		Version: c.Version, Timeout: c.Timeout, MaxBytes: int64(c.MaxBytes), HostConnections: c.HostConnections,
		HostRate: c.HostRate, Bodies: c.Fetches, Allow: c.Allow, Ports: c.Ports, Resolver: c.Resolver,
	})
	if err != nil {
		return nil, err
	}
	return &Source{
		config: c,
		client: client,
		raster: preparer,
		made:   newCache(c.CacheBytes, func(_ digest, p raster.Prepared) int { return cap(p.Data) + 128 }),
		known:  newCache(maxKnown, weightOfKnown),
	}, nil
}

// newCache returns a cache of at most that many bytes, as the weigher counts them.
func newCache[K comparable, V any](bytes int64, weigh func(K, V) int) *otter.Cache[K, V] {
	return otter.Must(&otter.Options[K, V]{
		MaximumWeight: uint64(bytes),
		Weigher:       func(k K, v V) uint32 { return uint32(min(weigh(k, v), math.MaxUint32)) },
		// Eviction is short, and a goroutine for it would outlive the call.
		Executor: func(evict func()) { evict() },
	})
}

// Close closes the connections to shops that are kept open. Calls under way go
// on, and may open some again.
func (s *Source) Close() { s.client.Close() }

// Picture returns the item's picture, fit for a model: from image_data, else
// from image_url, else the main picture of product_url. Where one of them fails
// the next is tried, and the error is the first one's, with what became of the
// others in its text. It is a *fault.Fault with one of the image reasons, or
// ctx's.
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

// origin is one place that an item's picture may come from.
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

// sent prepares a picture that came with its item.
func (s *Source) sent(ctx context.Context, data []byte) (*catalog.Picture, error) {
	if len(data) > s.config.MaxBytes {
		return nil, fault.New(fault.ImageTooLarge, "the picture has %d bytes, at most %d are taken: send a smaller one",
			len(data), s.config.MaxBytes)
	}
	p, _, err := s.prepare(ctx, data)
	if err != nil {
		return nil, err
	}
	return &p.Picture, nil
}

// prepare makes a picture fit, once for all who want the same content.
func (s *Source) prepare(ctx context.Context, data []byte) (raster.Prepared, digest, error) {
	key := sha256.Sum256(data)
	if p, ok := s.made.GetIfPresent(key); ok {
		return p, key, nil
	}
	p, err := s.making.Do(ctx, key, func(ctx context.Context) (raster.Prepared, error) {
		p, err := s.raster.Prepare(ctx, data)
		if err == nil {
			p.Data = trimmed(p.Data)
			s.made.Set(key, p)
		}
		return p, err
	})
	return p, key, err
}

// trimmed copies data out of a buffer that is much larger, which would stay in
// memory with it. A picture that is passed on untouched is not copied else.
func trimmed(data []byte) []byte {
	if cap(data)-len(data) < 16<<10 {
		return data
	}
	return append(make([]byte, 0, len(data)), data...)
}

// failure is what became of one origin.
type failure struct {
	field string
	fault *fault.Fault
}

// joined makes one fault of several.
func joined(failures []failure) *fault.Fault {
	switch len(failures) {
	case 0:
		return fault.New(fault.NoImageFound, "the item has no picture: send it in image_data, or its address in image_url")
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
	return fault.Wrap(errors.Join(causes...), failures[0].fault.Reason, "%s", strings.Join(texts, "; ")).After(after)
}
