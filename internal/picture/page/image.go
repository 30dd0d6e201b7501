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
	width     int    // 0: unknown
	height    int
	linked    bool // reference is that of a larger picture which it links to
}

// markedIDs are the ids of main pictures in the software of shops.
var markedIDs = set("landingimage imgblkfront ebooksimgblkfront main-image mainimage main_image main-product-image " +
	"mainproductimage product-image productimage product_image product-main-image product-featured-image " +
	"icimg primary-image primaryimage zoom_01 image-main bigpic")

// img reads an img.
func (s *scan) img(t tag, e element) {
	marked := markedIDs[strings.ToLower(t.get("id"))] || t.present("data-a-dynamic-image")
	if e.aside || (!marked && len(s.images) == maxImages) {
		return
	}
	reference, lazy := t.largest()
	if reference == "" || isPlaceholder(reference) {
		reference = cmp.Or(s.offered, reference)
	}
	if marked {
		keep(&s.marked, reference)
		if src, _ := t.source(); !isPlaceholder(src) {
			keep(&s.marked, src) // in case the larger one does not exist
		}
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
	s.addImage(p, lazy)
}

// addImage adds an img. In a noscript element, it is what a lazy one before it loads.
func (s *scan) addImage(p picture, lazy bool) {
	if s.replaces(p) {
		last := &s.images[len(s.images)-1]
		last.reference, last.linked = p.reference, p.linked
		last.label += " " + p.label
		last.width, last.height = cmp.Or(last.width, p.width), cmp.Or(last.height, p.height)
		s.lazy = false
		return
	}
	if p.reference == "" {
		s.lazy = false
		return
	}
	s.images = append(s.images, p)
	s.lazy, s.lazyDepth = lazy, len(s.stack)
}

// replaces reports whether an img is the last one, for browsers without scripts.
func (s *scan) replaces(p picture) bool {
	return s.lazy && s.scriptless && len(s.images) > 0 && len(s.stack) <= s.lazyDepth+1 && p.reference != "" && !isPlaceholder(p.reference)
}

// behind reads the picture behind an element, if that is likely the main one.
func (s *scan) behind(t tag, e element) {
	hints := strings.ToLower(t.get("id") + " " + t.get("class"))
	if e.aside || len(s.images) == maxImages || !(t.name == "figure" || inAny(hints, "product", "gallery", "zoom")) ||
		inAny(hints, "banner", "hero", "header") {
		return
	}
	if reference := t.background(); reference != "" {
		s.images = append(s.images, picture{
			reference: reference, hints: hints, label: t.get("aria-label") + " " + t.get("title"),
			width: number(t.get("data-width")), height: number(t.get("data-height")),
		})
		s.lazy = false
	}
}

func inAny(text string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
}

// source reads a source of a picture element, whose img may be a placeholder.
func (s *scan) source(t tag) {
	if kind := t.get("type"); s.offered != "" || !s.within("picture") || kind == "image/avif" || kind == "image/jxl" {
		return
	}
	if offered := t.largestOfSets(); !unsupportedFile(offered) {
		s.offered = offered
	}
}

// maxOffer bounds the list of a picture's sizes, in bytes: parsed, it takes many times
// that.
const maxOffer = 64 << 10

// largestOfSet returns the largest picture of a srcset, "a.jpg 300w, b.jpg 2x", read as
// browsers do (HTML Standard, "parsing a srcset attribute"): an address extends to the
// next space and may contain commas. A comma separates only at the end of an address
// or after its descriptors.
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
		if size := sizeOf(descriptors); size > most && !isPlaceholder(address) && !unsupportedFile(address) {
			best, most = address, size
		}
	}
}

// sizeOf returns the width or density in the descriptors, 1 if there is none.
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

// largestOfMap returns the largest picture of the JSON in Amazon's pages: a map from
// address to width and height.
func largestOfMap(text string) string {
	var sizes map[string][]float64
	if text == "" || len(text) > maxOffer || json.Unmarshal([]byte(text), &sizes) != nil {
		return ""
	}
	best, most := "", 0.0
	for address, size := range sizes {
		// Among equal sizes the name decides, so that the result is always the same.
		if len(size) == 2 && (size[0]*size[1] > most || (size[0]*size[1] == most && address < best)) {
			best, most = address, size[0]*size[1]
		}
	}
	return best
}

// plausibleShown is the most guesses of a page.
const plausibleShown = 3

// largest returns the references of imgs that may show the product, the most plausible
// first.
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

// subject returns the words of the page's heading, or else of its title.
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

// unknownSide is the assumed side of a picture without a size: more than an icon, less
// than a picture that is declared to be large.
const unknownSide = 200

// score returns the picture's area, multiplied for each sign that it shows the product.
// Words of the subject in its text count most: other products have other names.
func (p picture) score(u *url.URL, subject map[string]bool) float64 {
	w, h := p.width, p.height
	if n := sizeInAddress(u); n > max(w, h) {
		w, h = n, n
	}
	shared := share(p.label, subject)
	if w == 0 && h == 0 && shared == 0 && !p.hinted() && !isPhotograph(u) {
		return 0 // an icon or a tracker
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

// hinted reports whether the id or a class suggests the product.
func (p picture) hinted() bool {
	return inAny(p.hints, "product", "main", "zoom", "gallery", "primary", "detail", "big")
}

// share returns the fraction of the subject's words that are in the label.
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

// sizeInAddress returns the larger side that is written near the end of an address, or
// 0.
func sizeInAddress(u *url.URL) int {
	const end = 512 // bytes: a whole address could take a millisecond
	uri := u.RequestURI()
	m := sizes.FindStringSubmatch(uri[max(0, len(uri)-end):])
	if m == nil {
		return 0
	}
	return max(number(m[1]), number(m[2]), number(m[3]))
}

// number reads "600" and "600px", and returns 0 for anything else.
func number(s string) int {
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(s), "px"))
	if err != nil || n < 0 || n > 1e5 {
		return 0
	}
	return n
}

// IsPictureFile reports whether the file name in an address is a picture's.
func IsPictureFile(u *url.URL) bool {
	return isPhotograph(u) || strings.EqualFold(path.Ext(u.Path), ".png")
}

// isPhotograph reports whether the file has a format that icons do not use.
func isPhotograph(u *url.URL) bool {
	switch strings.ToLower(path.Ext(u.Path)) {
	case ".jpg", ".jpeg", ".webp":
		return true
	}
	return false
}
