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

// found is what is behind an address: a prepared picture, or a page with
// candidates for one.
type found struct {
	picture raster.Prepared
	// page is where the page was found, after redirects; nil for a picture.
	page       *url.URL
	candidates []page.Candidate
}

// known is what is remembered of an address, to ask only whether it changed.
type known struct {
	validators fetch.Validators
	content    digest // of the picture
	page       *url.URL
	candidates []page.Candidate
}

// errand is what is looked for at an address.
type errand bool

const (
	anything errand = false
	// aPage keeps the robots.txt of those that the shop sends on to.
	aPage errand = true
)

// sharing is what is the same for callers who share a fetch.
type sharing struct {
	address string
	errand  errand
}

// load returns what is behind an address. It waits out shops that want to be
// left alone, holding nothing, and shares what is under way with others who want
// the same.
func (s *Source) load(ctx context.Context, address *url.URL, e errand) (f found, err error) {
	err = patiently(ctx, func() (err error) {
		f, err = s.loading.Do(ctx, sharing{address.String(), e}, func(ctx context.Context) (found, error) {
			return s.fetch(ctx, address, e)
		})
		return err
	})
	return f, err
}

func (s *Source) fetch(ctx context.Context, address *url.URL, e errand) (found, error) {
	key := address.String()
	before, validators := s.recall(key)
	var onward func(context.Context, *url.URL) error
	if e == aPage {
		onward = s.mayVisit
	}
	got, err := s.client.GetIf(ctx, address, validators, onward)
	if err != nil {
		return found{}, err
	}
	defer got.Close()
	switch {
	case got.NotModified:
		return before, nil
	case !raster.IsPicture(got.Body) && page.IsPage(got.Body, got.ContentType):
		return s.readPage(ctx, key, got)
	}
	p, content, err := s.prepare(ctx, got.Body)
	if err != nil {
		return found{}, err
	}
	s.remember(key, known{validators: got.Validators, content: content})
	return found{picture: p}, nil
}

// Reading a page takes its text in UTF-8 and what is kept of it, and its JSON-LD
// taken apart.
const (
	pageFactor = 4
	pageJSON   = 32 << 20
)

func (s *Source) readPage(ctx context.Context, key string, got *fetch.Resource) (found, error) {
	release, err := s.raster.Reserve(ctx, pageFactor*int64(len(got.Body))+pageJSON)
	if err != nil {
		return found{}, err
	}
	defer release()
	candidates, err := page.Find(ctx, got.Body, got.ContentType, got.Address)
	if err != nil {
		return found{}, err
	}
	f := found{page: got.Address, candidates: candidates}
	s.remember(key, known{validators: got.Validators, page: f.page, candidates: f.candidates})
	return f, nil
}

// recall returns what an address led to before, with the validators to ask
// whether it still does; none if what it led to is no longer at hand.
func (s *Source) recall(key string) (found, fetch.Validators) {
	k, ok := s.known.GetIfPresent(key)
	if !ok {
		return found{}, fetch.Validators{}
	}
	if k.page != nil {
		return found{page: k.page, candidates: k.candidates}, k.validators
	}
	p, ok := s.made.GetIfPresent(k.content)
	if !ok {
		return found{}, fetch.Validators{}
	}
	return found{picture: p}, k.validators
}

// maxValidators bounds what is kept to ask a shop again with, in bytes.
const maxValidators = 1 << 10

func (s *Source) remember(key string, k known) {
	if k.validators.ETag == "" && k.validators.LastModified == "" {
		return
	}
	if len(k.validators.ETag)+len(k.validators.LastModified) > maxValidators {
		return // no shop's own
	}
	s.known.Set(key, k)
}

func weightOfKnown(key string, k known) int {
	weight := 256 + len(key) + len(k.validators.ETag) + len(k.validators.LastModified) + len(k.validators.Address)
	for _, c := range k.candidates {
		weight += 32 + len(c.Address)
	}
	return weight
}

// fromImageURL returns the picture at an address. Where a page is there instead,
// its picture is taken only if the page declares it: a page that says "sold out"
// shows pictures too.
func (s *Source) fromImageURL(ctx context.Context, raw string) (*catalog.Picture, error) {
	address, err := fetch.Parse(raw)
	if err != nil {
		return nil, err
	}
	f, err := s.load(ctx, address, anything)
	if err != nil {
		return nil, err
	}
	if f.page == nil {
		return &f.picture.Picture, nil
	}
	p, err := s.fromPage(ctx, f, page.Evidence.Declared)
	if fault.Is(err, fault.NoImageFound) {
		return nil, fault.Wrap(err, fault.ImageUnsupported,
			"%s sends a web page instead of a picture: give the picture's own address, or put the page's in product_url",
			address.Hostname())
	}
	return p, err
}

// fromProductURL returns the picture at an address, or the main picture of the
// page there.
func (s *Source) fromProductURL(ctx context.Context, raw string) (*catalog.Picture, error) {
	address, err := fetch.Parse(raw)
	if err != nil {
		return nil, err
	}
	if err := patiently(ctx, func() error { return s.mayVisit(ctx, address) }); err != nil {
		return nil, err
	}
	f, err := s.load(ctx, address, aPage)
	if err != nil {
		return nil, err
	}
	if f.page == nil {
		return &f.picture.Picture, nil
	}
	return s.fromPage(ctx, f, func(page.Evidence) bool { return true })
}

// mayVisit asks robots.txt about what is probably a page: not where the address is
// a picture's by its name.
func (s *Source) mayVisit(ctx context.Context, address *url.URL) error {
	if page.IsPictureFile(address) {
		return nil
	}
	return s.client.MayRead(ctx, address)
}

// patiently waits out shops that want to be left alone.
func patiently(ctx context.Context, do func() error) error {
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
	// enough is where a declared picture is taken without looking at others: some
	// pages declare a thumbnail first, and the picture after it.
	enough = 200
	// tooSmall is a guessed picture's that is rather an icon.
	tooSmall = 64
	// maxTries is how many pictures of a page are fetched.
	maxTries = 4
)

// fromPage returns the page's main picture: the first candidate that is large
// enough, else the largest.
func (s *Source) fromPage(ctx context.Context, f found, wanted func(page.Evidence) bool) (*catalog.Picture, error) {
	if err := patiently(ctx, func() error { return s.client.MayRead(ctx, f.page) }); err != nil {
		return nil, err
	}
	var best raster.Prepared
	var failed error
	tries := 0
	for _, c := range f.candidates {
		// A thumbnail that is declared is better than what is guessed.
		if !wanted(c.Evidence) || tries == maxTries || (best.Data != nil && !c.Evidence.Declared()) {
			continue
		}
		tries++
		p, err := s.candidate(ctx, c)
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
		why := fault.From(failed)
		return nil, fault.Wrap(failed, why.Reason, "the picture on the page: %s", why.Message).After(why.RetryAfter)
	}
	return nil, fault.New(fault.NoImageFound,
		"the page of %s shows no picture that is clearly the product's: give the picture's own address in image_url, or send it in image_data",
		f.page.Hostname())
}

func longer(p raster.Prepared) int { return max(p.Width, p.Height) }

// candidate returns one of a page's pictures.
func (s *Source) candidate(ctx context.Context, c page.Candidate) (raster.Prepared, error) {
	address, err := fetch.Parse(c.Address)
	if err != nil {
		return raster.Prepared{}, err
	}
	f, err := s.load(ctx, address, anything)
	switch {
	case err != nil:
		return raster.Prepared{}, err
	case f.page != nil:
		return raster.Prepared{}, fault.New(fault.ImageUnsupported,
			"%s sends a web page instead: give the picture's own address in image_url", address.Hostname())
	case !c.Evidence.Declared() && longer(f.picture) < tooSmall:
		return raster.Prepared{}, fault.New(fault.NoImageFound,
			"it is an icon: give the picture's own address in image_url")
	}
	return f.picture, nil
}
