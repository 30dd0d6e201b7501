package page

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"
)

// Evidence is why a picture is believed to be the main one.
type Evidence uint8

// The evidence, strongest first.
const (
	JSONLD    Evidence = iota + 1 // a schema.org Product in JSON-LD
	OpenGraph                     // og:image and its like
	Microdata                     // itemprop="image" of a schema.org Product
	Marked                        // an img that the page itself names the main one
	Shown                         // the largest plausible img
)

// Declared reports whether the page itself says so, so that nothing is guessed.
func (e Evidence) Declared() bool { return e < Shown }

// String returns the evidence as people call it.
func (e Evidence) String() string {
	return [...]string{"nothing", "JSON-LD", "og:image", "microdata", "marked img", "largest img"}[min(e, Shown)]
}

// Candidate is a picture that may be the main one.
type Candidate struct {
	// Address is absolute, and of scheme http or https.
	Address  string
	Evidence Evidence
}

// maxCandidates is how many are worth trying.
const maxCandidates = 6

// IsPage reports whether data is a web page, by its bytes, or else by what the
// server calls it.
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

// Find returns the pictures that may be the main one of the page at address,
// best first and each once; none if there is no plausible one. contentType is
// the server's, for the charset, and may be empty. Find takes any bytes. The error
// is ctx's.
func Find(ctx context.Context, body []byte, contentType string, address *url.URL) ([]Candidate, error) {
	s := newScan(address)
	s.read(ctx, decoded(body, contentType))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	products := s.productImages()
	f := finder{scan: s, passed: s.passedOver(), seen: map[string]bool{}}
	f.addAll(JSONLD, products)
	f.addAll(OpenGraph, s.graph)
	f.addAll(Microdata, s.microdata)
	f.addAll(Marked, s.marked)
	f.addAll(Shown, s.largest())
	return f.found, nil
}

// finder gathers candidates.
type finder struct {
	scan   *scan
	passed map[string]bool // addresses that are passed over
	seen   map[string]bool
	found  []Candidate
}

func (f *finder) addAll(e Evidence, references []string) {
	for _, r := range references {
		u := f.scan.resolve(r)
		if u == nil || f.unfit(e, u) {
			continue
		}
		if s := u.String(); !f.seen[s] && len(f.found) < maxCandidates {
			f.seen[s] = true
			f.found = append(f.found, Candidate{s, e})
		}
	}
}

// unfit reports whether the picture is a logo, a placeholder, the page itself or,
// where pages give those, a card for social networks.
func (f *finder) unfit(e Evidence, u *url.URL) bool {
	return isLogo(u) || f.passed[u.String()] || (e == OpenGraph && isCard(u))
}
