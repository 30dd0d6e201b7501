package picture

import (
	"context"
	"errors"
	"net/url"
	"path"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture/fetch"
	"github.com/credenza-dev/credenza/internal/picture/page"
	"github.com/credenza-dev/credenza/internal/picture/raster"
)

// content is the content of an address: a prepared picture, or a page with candidates.
type content struct {
	picture raster.Prepared
	web     *webPage // nil for a picture
	// session has the cookies of the fetch; nil if there are none.
	session *fetch.Session
}

// webPage is what is kept of a page.
type webPage struct {
	address    *url.URL // after redirects
	candidates []page.Candidate
	kind       page.Kind
	// problem is why it is not the product's page; nil if it may be.
	problem *fault.Fault
}

// known is kept of an address, to ask the shop only whether it changed.
type known struct {
	validators fetch.Validators
	picture    digest
	web        *webPage
}

// target identifies a fetch that callers may share.
type target struct {
	address string
	// product is set for a product_url: the robots.txt of redirects is checked too.
	product bool
	// guessed is set if the scheme is a guess.
	guessed bool
	// page is the page that shows the picture, for the Referer.
	page string
	// session is that of the page; nil if that set no cookies. So a fetch with cookies is
	// shared only by callers that shared the fetch of the page.
	session *fetch.Session
}

// load returns the content of an address. It waits for shops that pause, without
// holding anything, and shares a fetch that is in flight. The picture of a page comes
// with the page's content. Of the key, the caller sets whether it is a product's and guessed.
func (s *Source) load(ctx context.Context, address *url.URL, key target, from content) (c content, err error) {
	key.address, key.session = address.String(), from.session
	if from.web != nil {
		key.page = from.web.address.String()
	}
	err = retryBusy(ctx, func() (err error) {
		c, err = s.loads.Do(ctx, key, func(ctx context.Context) (content, error) {
			return s.fetch(ctx, address, key, from)
		})
		return err
	})
	return c, err
}

func (s *Source) fetch(ctx context.Context, address *url.URL, key target, from content) (content, error) {
	before, validators := s.recall(key.address)
	r := fetch.Request{Address: address, Guessed: key.guessed, Known: validators, Session: from.session, Forward: forward, Usable: raster.IsJPEG}
	if r.Session == nil {
		r.Session = fetch.NewSession()
	}
	if from.web != nil {
		r.Page = from.web.address
	}
	if key.product {
		r.Check = s.checkRobots
	}
	got, err := s.client.Fetch(ctx, r)
	if err != nil {
		return content{}, err
	}
	defer got.Close()
	c := before
	if !got.NotModified {
		c, err = s.read(ctx, address, got)
	}
	if c.session = r.Session; r.Session.Empty() {
		c.session = nil
	}
	return c, err
}

// forward returns the reference to which a page sends on by its content.
func forward(got *fetch.Resource) string {
	if raster.IsPicture(got.Body) || !page.IsPage(got.Body, got.ContentType) {
		return ""
	}
	return page.Refresh(got.Body, got.ContentType, got.Refresh)
}

// read returns the content of a response.
func (s *Source) read(ctx context.Context, asked *url.URL, got *fetch.Resource) (content, error) {
	if !raster.IsPicture(got.Body) && page.IsPage(got.Body, got.ContentType) {
		return s.readPage(ctx, asked, got)
	}
	if page.Moved(asked, got.Address) && page.IsSubstitute(got.Address) && !page.IsSubstitute(asked) {
		return content{}, fault.New(fault.NoImageFound,
			"%s sends a substitute for a picture that is missing: correct the address", got.Address.Hostname()).
			WithSummary(fault.PictureNotFound)
	}
	p, id, err := s.prepare(ctx, got.Body)
	if err != nil && raster.IsCutOff(err) && raster.IsJPEG(got.Body) {
		return s.readCut(ctx, got)
	}
	if err != nil {
		return content{}, err
	}
	if err := checkSize(p, leastSide); err != nil {
		return content{}, err
	}
	s.remember(asked.String(), known{validators: got.Validators, picture: id})
	return content{picture: p}, nil
}

// readCut returns what there is of a JPEG that is cut off. It is not kept: the shop may
// send all of it the next time.
func (s *Source) readCut(ctx context.Context, got *fetch.Resource) (content, error) {
	p, err := s.raster.PrepareCut(ctx, got.Body)
	if err == nil {
		err = s.checkShown(ctx, p)
	}
	if err == nil {
		err = checkSize(p, leastSide)
	}
	switch {
	case err == nil:
		return content{picture: p}, nil
	case got.Broken != nil && ctx.Err() == nil:
		return content{}, got.Broken
	}
	return content{}, err
}

// Memory for reading a page: its text in UTF-8 and what is kept of it, as a multiple of
// its size, and bytes for parsed JSON-LD.
const (
	pageFactor = 4
	pageJSON   = 32 << 20
)

func (s *Source) readPage(ctx context.Context, asked *url.URL, got *fetch.Resource) (content, error) {
	release, err := s.raster.Reserve(ctx, pageFactor*int64(len(got.Body))+pageJSON)
	if err != nil {
		return content{}, err
	}
	defer release()
	p, err := page.Read(ctx, got.Body, got.ContentType, got.Address)
	if err != nil {
		return content{}, err
	}
	web := &webPage{address: got.Address, candidates: p.Candidates, kind: p.Kind, problem: judge(asked, got.Address, &p)}
	s.remember(asked.String(), known{validators: got.Validators, web: web})
	return content{web: web}, nil
}

// recall returns the last content of an address and its validators, or zero values if
// it is not in the cache.
func (s *Source) recall(key string) (content, fetch.Validators) {
	k, ok := s.known.GetIfPresent(key)
	if !ok {
		return content{}, fetch.Validators{}
	}
	if k.web != nil {
		return content{web: k.web}, k.validators
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
	if k.web != nil {
		for _, c := range k.web.candidates {
			weight += 32 + len(c.Address)
		}
	}
	return weight
}

// fromImageURL returns the picture at an address, or the main picture of the page there.
func (s *Source) fromImageURL(ctx context.Context, raw string) (*catalog.Picture, error) {
	address, c, err := s.loadGiven(ctx, raw, false)
	if err != nil {
		return nil, err
	}
	if c.web == nil {
		return &c.picture.Picture, nil
	}
	p, err := s.fromPage(ctx, c, insteadOf(address, c.web))
	switch f := fault.From(err); {
	case err != nil && f.Summary() == fault.PictureNotOnPage:
		return nil, fault.Wrap(err, fault.ImageUnsupported,
			"%s sends a web page instead of a picture: give the picture's own address, or put the page's in product_url",
			address.Hostname()).WithSummary(fault.NotAPicture("a web page"))
	case err != nil && c.web.problem != nil && page.IsPictureFile(address) && f.Summary() == c.web.problem.Summary():
		return nil, fault.Wrap(err, fault.ImageUnsupported, "%s sends a web page instead of a picture: %s",
			address.Hostname(), f.Message).WithSummary(f.Summary())
	}
	return p, err
}

// insteadOf returns which pictures of a page may be the one at the address of an
// image_url. Instead of a picture's file, many shops send a page that says "sold out"
// and shows others: only a declared picture counts then, of a page that describes a
// product or by the file's name.
func insteadOf(address *url.URL, web *webPage) func(page.Candidate) bool {
	if !page.IsPictureFile(address) {
		return anyCandidate
	}
	return func(c page.Candidate) bool {
		return c.Evidence.Declared() && (web.kind == page.Product || strings.HasSuffix(c.Address, "/"+path.Base(address.Path)))
	}
}

func anyCandidate(page.Candidate) bool { return true }

// fromProductURL returns the main picture of the page at an address, or the picture
// there.
func (s *Source) fromProductURL(ctx context.Context, raw string) (*catalog.Picture, error) {
	_, c, err := s.loadGiven(ctx, raw, true)
	if err != nil {
		return nil, err
	}
	if c.web == nil {
		return &c.picture.Picture, nil
	}
	return s.fromPage(ctx, c, anyCandidate)
}

// loadGiven returns the content of an address as people have it, and the address that it
// is at. One without a scheme is asked for by https, then by http if there is no connection.
// A host that answers by http alone is asked by http at once for some minutes.
func (s *Source) loadGiven(ctx context.Context, raw string, product bool) (*url.URL, content, error) {
	address, plain, err := fetch.ParseGiven(raw)
	if err != nil {
		return nil, content{}, err
	}
	if plain != nil && s.client.IsPlain(plain) {
		address, plain = plain, nil
	}
	c, err := s.loadAllowed(ctx, address, target{product: product, guessed: plain != nil})
	if plain != nil && fetch.IsUnconnected(err, address) {
		address = plain
		c, err = s.loadAllowed(ctx, address, target{product: product})
		if !fetch.IsUnconnected(err, address) && ctx.Err() == nil {
			s.client.SetPlain(address)
		}
	}
	return address, c, err
}

// loadAllowed is load for what robots.txt allows, if the address is that of a product.
func (s *Source) loadAllowed(ctx context.Context, address *url.URL, key target) (content, error) {
	if key.product {
		if err := retryBusy(ctx, func() error { return s.checkRobots(ctx, address) }); err != nil {
			return content{}, err
		}
	}
	return s.load(ctx, address, key, content{})
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

// fromPage returns the page's main picture: the first wanted candidate that is large
// enough, else the largest.
func (s *Source) fromPage(ctx context.Context, c content, wanted func(page.Candidate) bool) (*catalog.Picture, error) {
	if err := retryBusy(ctx, func() error { return s.client.CheckRobots(ctx, c.web.address) }); err != nil {
		return nil, err
	}
	if c.web.problem != nil {
		return nil, c.web.problem
	}
	best, failed := s.best(ctx, c, wanted)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case best.Data != nil:
		return &best.Picture, nil
	case failed != nil:
		f := fault.From(failed)
		return nil, fault.Wrap(failed, f.Reason, "the picture on the page: %s", f.Message).After(f.RetryAfter).WithSummary(f.Summary())
	}
	return nil, noPicture(c.web.address, c.web.kind)
}

// best returns the best of a page's pictures and the first failure.
func (s *Source) best(ctx context.Context, c content, wanted func(page.Candidate) bool) (best raster.Prepared, failed error) {
	tries := 0
	for _, candidate := range c.web.candidates {
		// A declared thumbnail is better than a guess.
		if !wanted(candidate) || tries == maxTries || (best.Data != nil && !candidate.Evidence.Declared()) {
			continue
		}
		tries++
		p, err := s.candidate(ctx, c, candidate)
		if err != nil && failed == nil {
			failed = err
		}
		if err == nil && longer(p) > longer(best) {
			best = p
		}
		if ctx.Err() != nil || longer(best) >= enough {
			break
		}
	}
	return best, failed
}

func longer(p raster.Prepared) int { return max(p.Width, p.Height) }

// candidate returns one of a page's pictures.
func (s *Source) candidate(ctx context.Context, from content, candidate page.Candidate) (raster.Prepared, error) {
	address, err := fetch.Parse(candidate.Address)
	if err != nil {
		return raster.Prepared{}, err
	}
	c, err := s.load(ctx, address, target{}, from)
	small := err != nil && fault.From(err).Summary() == fault.PictureTooSmall
	switch {
	case !candidate.Evidence.Declared() && (small || (err == nil && c.web == nil && longer(c.picture) < minGuess)):
		return raster.Prepared{}, fault.New(fault.NoImageFound,
			"it is an icon: give the picture's own address in image_url").WithSummary(fault.PictureNotOnPage)
	case err != nil:
		return raster.Prepared{}, err
	case c.web != nil:
		return raster.Prepared{}, fault.New(fault.ImageUnsupported,
			"%s sends a web page instead: give the picture's own address in image_url", address.Hostname()).
			WithSummary(fault.NotAPicture("a web page"))
	}
	return c.picture, nil
}
