package picture

import (
	"context"
	"errors"
	"net/url"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture/fetch"
	"github.com/credenza-dev/credenza/internal/picture/page"
	"github.com/credenza-dev/credenza/internal/picture/raster"
)

// content is the content of an address: a prepared picture, or a page with candidates.
type content struct {
	picture raster.Prepared
	// page is the address of the page, after redirects; nil for a picture.
	page       *url.URL
	candidates []page.Candidate
}

// known is kept of an address, to ask the shop only whether it changed.
type known struct {
	validators fetch.Validators
	picture    digest
	page       *url.URL
	candidates []page.Candidate
}

// target identifies a fetch that callers may share.
type target struct {
	address string
	// product is set for a product_url: the robots.txt of redirects is checked too.
	product bool
}

// load returns the content of an address. It waits for shops that pause, without
// holding anything, and shares a fetch that is in flight.
func (s *Source) load(ctx context.Context, address *url.URL, product bool) (c content, err error) {
	err = retryBusy(ctx, func() (err error) {
		c, err = s.loads.Do(ctx, target{address.String(), product}, func(ctx context.Context) (content, error) {
			return s.fetch(ctx, address, product)
		})
		return err
	})
	return c, err
}

func (s *Source) fetch(ctx context.Context, address *url.URL, product bool) (content, error) {
	key := address.String()
	before, validators := s.recall(key)
	var check func(context.Context, *url.URL) error
	if product {
		check = s.checkRobots
	}
	got, err := s.client.GetChecked(ctx, address, validators, check)
	if err != nil {
		return content{}, err
	}
	defer got.Close()
	switch {
	case got.NotModified:
		return before, nil
	case !raster.IsPicture(got.Body) && page.IsPage(got.Body, got.ContentType):
		return s.readPage(ctx, key, got)
	}
	p, id, err := s.prepare(ctx, got.Body)
	if err != nil {
		return content{}, err
	}
	s.remember(key, known{validators: got.Validators, picture: id})
	return content{picture: p}, nil
}

// Memory for reading a page: its text in UTF-8 and what is kept of it, as a multiple of
// its size, and bytes for parsed JSON-LD.
const (
	pageFactor = 4
	pageJSON   = 32 << 20
)

func (s *Source) readPage(ctx context.Context, key string, got *fetch.Resource) (content, error) {
	release, err := s.raster.Reserve(ctx, pageFactor*int64(len(got.Body))+pageJSON)
	if err != nil {
		return content{}, err
	}
	defer release()
	candidates, err := page.Find(ctx, got.Body, got.ContentType, got.Address)
	if err != nil {
		return content{}, err
	}
	s.remember(key, known{validators: got.Validators, page: got.Address, candidates: candidates})
	return content{page: got.Address, candidates: candidates}, nil
}

// recall returns the last content of an address and its validators, or zero values if
// it is not in the cache.
func (s *Source) recall(key string) (content, fetch.Validators) {
	k, ok := s.known.GetIfPresent(key)
	if !ok {
		return content{}, fetch.Validators{}
	}
	if k.page != nil {
		return content{page: k.page, candidates: k.candidates}, k.validators
	}
	p, ok := s.prepared.GetIfPresent(k.picture)
	if !ok {
		return content{}, fetch.Validators{}
	}
	return content{picture: *p}, k.validators
}

// maxValidators is the largest size of validators that are kept, in bytes.
const maxValidators = 1 << 10

func (s *Source) remember(key string, k known) {
	if n := len(k.validators.ETag) + len(k.validators.LastModified); 0 < n && n <= maxValidators {
		s.known.Set(key, &k)
	}
}

func weightOfKnown(key string, k *known) int {
	weight := 256 + len(key) + len(k.validators.ETag) + len(k.validators.LastModified) + len(k.validators.Address)
	for _, c := range k.candidates {
		weight += 32 + len(c.Address)
	}
	return weight
}

// fromImageURL returns the picture at an address. If a page is there instead, only a
// picture that it declares is used: a page that says "sold out" shows pictures too.
func (s *Source) fromImageURL(ctx context.Context, raw string) (*catalog.Picture, error) {
	address, err := fetch.Parse(raw)
	if err != nil {
		return nil, err
	}
	c, err := s.load(ctx, address, false)
	if err != nil {
		return nil, err
	}
	if c.page == nil {
		return &c.picture.Picture, nil
	}
	p, err := s.fromPage(ctx, c, page.Evidence.Declared)
	if fault.Is(err, fault.NoImageFound) {
		return nil, fault.Wrap(err, fault.ImageUnsupported,
			"%s sends a web page instead of a picture: give the picture's own address, or put the page's in product_url",
			address.Hostname())
	}
	return p, err
}

// fromProductURL returns the main picture of the page at an address, or the picture
// there.
func (s *Source) fromProductURL(ctx context.Context, raw string) (*catalog.Picture, error) {
	address, err := fetch.Parse(raw)
	if err != nil {
		return nil, err
	}
	if err := retryBusy(ctx, func() error { return s.checkRobots(ctx, address) }); err != nil {
		return nil, err
	}
	c, err := s.load(ctx, address, true)
	if err != nil {
		return nil, err
	}
	if c.page == nil {
		return &c.picture.Picture, nil
	}
	return s.fromPage(ctx, c, func(page.Evidence) bool { return true })
}

// checkRobots checks robots.txt, unless the address has the file name of a picture.
func (s *Source) checkRobots(ctx context.Context, address *url.URL) error {
	if page.IsPictureFile(address) {
		return nil
	}
	return s.client.CheckRobots(ctx, address)
}

// retryBusy calls do again after the pause of a busy shop.
func retryBusy(ctx context.Context, do func() error) error {
	for {
		err := do()
		busy, ok := errors.AsType[*fetch.Busy](err)
		if !ok {
			return err
		}
		if err := busy.Wait(ctx); err != nil {
			return err
		}
	}
}

// Sizes of a page's pictures, in pixels of their longer side.
const (
	// enough ends the search for a larger picture: some pages declare a thumbnail
	// before the picture.
	enough = 200
	// minGuess excludes icons among guesses.
	minGuess = 64
	// maxTries is the number of a page's pictures that are fetched.
	maxTries = 4
)

// fromPage returns the page's main picture: the first candidate that is large
// enough, else the largest.
func (s *Source) fromPage(ctx context.Context, c content, wanted func(page.Evidence) bool) (*catalog.Picture, error) {
	if err := retryBusy(ctx, func() error { return s.client.CheckRobots(ctx, c.page) }); err != nil {
		return nil, err
	}
	var best raster.Prepared
	var failed error
	tries := 0
	for _, candidate := range c.candidates {
		// A declared thumbnail is better than a guess.
		if !wanted(candidate.Evidence) || tries == maxTries || (best.Data != nil && !candidate.Evidence.Declared()) {
			continue
		}
		tries++
		p, err := s.candidate(ctx, candidate)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil && failed == nil {
			failed = err
		}
		if err == nil && longer(p) > longer(best) {
			best = p
		}
		if longer(best) >= enough {
			break
		}
	}
	switch {
	case best.Data != nil:
		return &best.Picture, nil
	case failed != nil:
		f := fault.From(failed)
		return nil, fault.Wrap(failed, f.Reason, "the picture on the page: %s", f.Message).After(f.RetryAfter)
	}
	return nil, fault.New(fault.NoImageFound,
		"the page of %s shows no picture that is clearly the product's: give the picture's own address in image_url, or send it in image_data",
		c.page.Hostname())
}

func longer(p raster.Prepared) int { return max(p.Width, p.Height) }

// candidate returns one of a page's pictures.
func (s *Source) candidate(ctx context.Context, candidate page.Candidate) (raster.Prepared, error) {
	address, err := fetch.Parse(candidate.Address)
	if err != nil {
		return raster.Prepared{}, err
	}
	c, err := s.load(ctx, address, false)
	switch {
	case err != nil:
		return raster.Prepared{}, err
	case c.page != nil:
		return raster.Prepared{}, fault.New(fault.ImageUnsupported,
			"%s sends a web page instead: give the picture's own address in image_url", address.Hostname())
	case !candidate.Evidence.Declared() && longer(c.picture) < minGuess:
		return raster.Prepared{}, fault.New(fault.NoImageFound,
			"it is an icon: give the picture's own address in image_url")
	}
	return c.picture, nil
}
