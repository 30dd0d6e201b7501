package page

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Evidence is the reason to believe that a picture is the main one.
type Evidence uint8

// The evidence, strongest first.
const (
	JSONLD    Evidence = iota + 1 // a schema.org Product in JSON-LD
	OpenGraph                     // og:image and its like
	Microdata                     // itemprop="image" of a schema.org Product
	Marked                        // an img with an id or attribute of main pictures
	Shown                         // the largest plausible img
)

// Declared reports whether the page states that the picture is the main one, in
// contrast to a guess.
func (e Evidence) Declared() bool { return e < Shown }

// String returns the name of the evidence, for people.
func (e Evidence) String() string {
	return [...]string{"nothing", "JSON-LD", "og:image", "microdata", "marked img", "largest img"}[min(e, Shown)]
}

// Candidate is a picture that may be the main one.
type Candidate struct {
	// Address is absolute and has the scheme http or https.
	Address  string
	Evidence Evidence
}

// maxCandidates is the most candidates of a page.
const maxCandidates = 6

// IsPage reports whether data is a web page, by its bytes or else by the server's
// content type.
func IsPage(data []byte, contentType string) bool {
	if strings.HasPrefix(http.DetectContentType(data), "text/html") {
		return true
	}
	head := bytes.ToLower(data[:min(len(data), 1024)])
	if bytes.Contains(head, []byte("<html")) || bytes.Contains(head, []byte("<!doctype html")) {
		return true
	}
	kind, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	kind = strings.TrimSpace(kind)
	return (kind == "text/html" || kind == "application/xhtml+xml") && bytes.Contains(head, []byte("<"))
}

// Page is what is found on a page.
type Page struct {
	// Candidates may be the main picture, the best first and each once; none if none is
	// plausible.
	Candidates []Candidate
	Kind       Kind

	text string // its title and heading
}

// Read reads the page at address. The server's contentType gives the charset and may be
// empty. The body may be any bytes. The error is ctx's.
func Read(ctx context.Context, body []byte, contentType string, address *url.URL) (Page, error) {
	s := newScan(address)
	s.tokens(ctx, html.NewTokenizer(decoded(body, contentType)), true)
	if err := ctx.Err(); err != nil {
		return Page{}, err
	}
	products := s.products()
	f := finder{scan: s, excluded: s.excluded(), seen: map[string]bool{}}
	f.addAll(JSONLD, products.images)
	f.addAll(OpenGraph, s.graph)
	f.addAll(Microdata, s.microdata)
	f.addAll(Marked, s.galleryImages())
	f.addAll(Marked, s.marked)
	f.addAll(Shown, s.largest())
	return Page{
		Candidates: f.found, Kind: s.kind(products.count, products.lists),
		text: clip(s.title.String()) + " " + clip(s.heading.String()),
	}, nil
}

// finder collects candidates.
type finder struct {
	scan     *scan
	excluded map[string]bool // addresses
	seen     map[string]bool
	found    []Candidate
}

func (f *finder) addAll(e Evidence, references []string) {
	for _, r := range references {
		u := f.scan.resolve(r)
		if u == nil || f.unsuitable(e, u) {
			continue
		}
		if s := u.String(); !f.seen[s] && len(f.found) < maxCandidates {
			f.seen[s] = true
			f.found = append(f.found, Candidate{s, e})
		}
	}
}

// unsuitable reports whether the picture is a logo, a placeholder, the page itself or,
// in og:image, a card for social networks.
func (f *finder) unsuitable(e Evidence, u *url.URL) bool {
	return isLogo(u) || f.excluded[u.String()] || (e == OpenGraph && isCard(u))
}
