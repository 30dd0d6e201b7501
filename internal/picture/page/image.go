package page

import (
	"cmp"
	"encoding/json"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// picture is an img that may be the main one.
type picture struct {
	reference string
	label     string // its alternative text
	hints     string // its id and classes
	width     int    // 0: not known
	height    int
	linked    bool // it links to a larger one
}

// markedIDs are the ids of main pictures, as shops' software names them.
var markedIDs = set("landingimage imgblkfront ebooksimgblkfront main-image mainimage main_image main-product-image " +
	"mainproductimage product-image productimage product_image product-main-image product-featured-image " +
	"icimg primary-image primaryimage zoom_01 image-main bigpic")

// img takes in an img.
func (s *scan) img(t tag, e element) {
	if e.aside {
		return
	}
	reference := t.largest()
	if reference == "" || isPlaceholder(reference) {
		reference = cmp.Or(s.offered, reference)
	}
	if markedIDs[strings.ToLower(t.get("id"))] || t.present("data-a-dynamic-image") {
		keep(&s.marked, reference)
		if src := t.source(); !isPlaceholder(src) {
			keep(&s.marked, src) // should there be nothing at the larger one's address
		}
		return
	}
	if len(s.images) == maxImages {
		return
	}
	p := picture{
		reference: reference,
		label:     t.get("alt") + " " + t.get("title"),
		hints:     strings.ToLower(t.get("id") + " " + t.get("class")),
		width:     number(t.get("width")),
		height:    number(t.get("height")),
	}
	if u := s.resolve(e.large); u != nil && IsPictureFile(u) {
		p.reference, p.linked = u.String(), true
	}
	if p.reference != "" {
		s.images = append(s.images, p)
	}
}

// source takes in what a picture element offers beside its img, which may be no
// more than a placeholder.
func (s *scan) source(t tag) {
	if s.offered != "" || !s.within("picture") || t.get("type") == "image/avif" {
		return
	}
	s.offered = cmp.Or(largestOfSet(t.get("srcset")), largestOfSet(t.get("data-srcset")))
}

// lateKeys are where pages keep a picture until it is scrolled to, and
// largeKeys where they keep the one that is shown when it is clicked.
var (
	lateKeys  = []string{"data-src", "data-lazy-src", "data-lazy", "data-original", "data-echo", "data-image"}
	largeKeys = []string{"data-old-hires", "data-zoom-image", "data-large_image", "data-large", "data-zoom", "data-full", "data-hires", "data-magnify-src"}
)

// source returns the picture as it is shown once it is loaded.
func (t tag) source() string {
	src := t.get("src")
	if src != "" && !isPlaceholder(src) {
		return src
	}
	for _, key := range lateKeys {
		if v := t.get(key); v != "" {
			return v
		}
	}
	for _, key := range []string{"srcset", "data-srcset"} {
		if v := largestOfSet(t.get(key)); v != "" {
			return v
		}
	}
	return src
}

// largest returns the largest form in which the picture is offered.
func (t tag) largest() string {
	for _, key := range largeKeys {
		if v := t.get(key); strings.ContainsAny(v, "/.") && !isPlaceholder(v) {
			return v
		}
	}
	if v := largestOfMap(t.get("data-a-dynamic-image")); v != "" {
		return v
	}
	for _, key := range []string{"srcset", "data-srcset"} {
		if v := largestOfSet(t.get(key)); v != "" {
			return v
		}
	}
	return t.source()
}

// isPlaceholder reports whether a picture is there until the real one is.
func isPlaceholder(src string) bool {
	if strings.HasPrefix(src, "data:") {
		return true
	}
	name := strings.ToLower(path.Base(src))
	for _, w := range []string{"lazy", "blank", "placeholder", "spacer", "loading", "loader", "pixel", "transparent", "1x1"} {
		if strings.Contains(name, w) {
			return true
		}
	}
	return false
}

// maxOffer bounds the list of sizes that a picture is offered in, in bytes: taken
// apart, it takes many times that.
const maxOffer = 64 << 10

// largestOfSet picks from a srcset, "a.jpg 300w, b.jpg 2x", as browsers take it
// apart (HTML Standard, "parsing a srcset attribute"): an address goes to the
// next blank and may hold commas. Only one at its end divides, or one behind what
// the address is followed by.
func largestOfSet(srcset string) string {
	const blanks = " \t\n\f\r"
	best, most := "", -1.0
	rest := srcset[:min(len(srcset), maxOffer)]
	for {
		rest = strings.TrimLeft(rest, blanks+",")
		if rest == "" {
			return best
		}
		end := strings.IndexAny(rest, blanks)
		if end < 0 {
			end = len(rest)
		}
		address, descriptors := strings.TrimRight(rest[:end], ","), ""
		if rest = rest[end:]; len(address) == end {
			descriptors, rest, _ = strings.Cut(rest, ",")
		}
		if size := sizeOf(descriptors); size > most && !isPlaceholder(address) {
			best, most = address, size
		}
	}
}

// sizeOf returns the width or the density that a picture of a set is given; 1 if
// it is given none.
func sizeOf(descriptors string) float64 {
	for d := range strings.FieldsSeq(descriptors) {
		if number, unit := d[:len(d)-1], d[len(d)-1]; unit == 'w' || unit == 'x' {
			if n, err := strconv.ParseFloat(number, 64); err == nil {
				return n
			}
		}
	}
	return 1
}

// largestOfMap picks from the JSON that Amazon's pages have: address to width
// and height.
func largestOfMap(text string) string {
	var sizes map[string][]float64
	if text == "" || len(text) > maxOffer || json.Unmarshal([]byte(text), &sizes) != nil {
		return ""
	}
	best, most := "", 0.0
	for address, size := range sizes {
		// Equal sizes go by name, so that a page always gives the same picture.
		if len(size) == 2 && (size[0]*size[1] > most || (size[0]*size[1] == most && address < best)) {
			best, most = address, size[0]*size[1]
		}
	}
	return best
}

// plausibleShown is how many guesses are handed on.
const plausibleShown = 3

// largest returns the imgs that may show the product, the most plausible first.
func (s *scan) largest() []string {
	subject := s.subject()
	type scored struct {
		reference string
		score     float64
	}
	var all []scored
	for _, p := range s.images {
		u := s.resolve(p.reference)
		if u == nil || isLogo(u) || path.Ext(u.Path) == ".gif" {
			continue
		}
		if score := p.score(u, subject); score > 0 {
			all = append(all, scored{u.String(), score})
		}
	}
	slices.SortStableFunc(all, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	var out []string
	for _, c := range all {
		if !slices.Contains(out, c.reference) && len(out) < plausibleShown {
			out = append(out, c.reference)
		}
	}
	return out
}

// subject is what the page is about: the words of its heading, or of its title.
func (s *scan) subject() map[string]bool {
	text := s.heading.String()
	if strings.TrimSpace(text) == "" {
		text = s.title.String()
	}
	subject := map[string]bool{}
	for _, w := range words(clip(text)) {
		if len(w) > 2 {
			subject[w] = true
		}
	}
	return subject
}

// unknownSide is what a picture that does not tell its size is taken for: more
// than an icon, less than one that says it is large.
const unknownSide = 200

// score is the picture's area, weighed by what speaks for it: words of the
// subject in its text most of all, since neighbours have other names.
func (p picture) score(u *url.URL, subject map[string]bool) float64 {
	w, h := p.width, p.height
	if n := sizeInAddress(u); n > max(w, h) {
		w, h = n, n
	}
	shared := share(p.label, subject)
	if w == 0 && h == 0 && shared == 0 && !p.hinted() && !isPhotograph(u) {
		return 0 // an icon, or no picture at all
	}
	w, h = cmp.Or(w, h, unknownSide), cmp.Or(h, w, unknownSide)
	if w < 90 || h < 90 || strings.Contains(strings.ToLower(p.label), "logo") || strings.Contains(p.hints, "logo") {
		return 0
	}
	score := float64(min(w, 1600)) * float64(min(h, 1600))
	if w > 3*h || h > 3*w {
		score /= 8 // a banner
	}
	if shared > 0.3 {
		score *= 1 + 8*shared
	}
	if p.hinted() {
		score *= 2
	}
	if p.linked {
		score *= 2
	}
	return score
}

// hinted reports whether the id or a class says that the product is shown.
func (p picture) hinted() bool {
	for _, hint := range []string{"product", "main", "zoom", "gallery", "primary", "detail", "big"} {
		if strings.Contains(p.hints, hint) {
			return true
		}
	}
	return false
}

// share is the part of the subject's words that the label has.
func share(label string, subject map[string]bool) float64 {
	if len(subject) == 0 {
		return 0
	}
	found := map[string]bool{}
	for _, w := range words(label) {
		if subject[w] {
			found[w] = true
		}
	}
	return float64(len(found)) / float64(len(subject))
}

var sizes = regexp.MustCompile(`(?i)(?:^|[^0-9])([0-9]{2,4})x([0-9]{2,4})(?:[^0-9]|$)|[?&/,_](?:w|width|sw|imwidth|wid)[=_-]?([0-9]{2,4})(?:[^0-9]|$)`)

// sizeInAddress returns the larger side that an address tells near its end, or 0.
func sizeInAddress(u *url.URL) int {
	const end = 512 // bytes: the longest would take a millisecond
	uri := u.RequestURI()
	m := sizes.FindStringSubmatch(uri[max(0, len(uri)-end):])
	if m == nil {
		return 0
	}
	return max(number(m[1]), number(m[2]), number(m[3]))
}

// number reads "600" and "600px"; 0 if it is none.
func number(s string) int {
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(s), "px"))
	if err != nil || n < 0 || n > 1e5 {
		return 0
	}
	return n
}

// IsPictureFile reports whether an address is a picture's by its name.
func IsPictureFile(u *url.URL) bool {
	return isPhotograph(u) || strings.EqualFold(path.Ext(u.Path), ".png")
}

// isPhotograph reports whether the file is of a kind that icons are not.
func isPhotograph(u *url.URL) bool {
	switch strings.ToLower(path.Ext(u.Path)) {
	case ".jpg", ".jpeg", ".webp":
		return true
	}
	return false
}
