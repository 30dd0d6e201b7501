package page

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/charset"
)

// Limits of what is kept of a page. The rest is ignored.
const (
	maxNesting = 512
	maxImages  = 1000
	maxJSON    = 1 << 20 // bytes of JSON-LD: parsed, it takes many times that
	maxKept    = 64      // references of each other kind of evidence
)

// scan is one pass over a page, and its results.
type scan struct {
	address   *url.URL
	base      *url.URL
	based     bool // a base element was read
	stack     []element
	scripts   []string // JSON-LD
	json      int      // bytes of all scripts
	graph     []string // og:image and its like
	microdata []string
	marked    []string
	images    []picture
	offered   string // a reference in the open picture element
	// lazy is set if the last of images is loaded late, and was read at lazyDepth.
	lazy      bool
	lazyDepth int
	// scriptless is set in noscript elements.
	scriptless bool
	logos      []string
	galleries  []string // scripts of galleries
	ogType     string
	canonical  string
	priced     bool // a meta element has the product's price
	password   bool // a password is asked for
	scripted   bool // there are scripts
	scopes     int  // of schema.org Products in microdata
	title      strings.Builder
	heading    strings.Builder
}

// element is an open element, with what it inherits from those around it.
type element struct {
	name string
	// aside is set in navigation, footers and lists of other products.
	aside bool
	// product is set in the scope of a schema.org Product, other in any other scope.
	product, other bool
	// image is set in a scope that is an itemprop="image" itself.
	image bool
	// large is the reference of the picture that the element links to.
	large string
}

// namesPicture is a quick check whether a link may lead to a picture.
func namesPicture(href string) bool {
	href = strings.ToLower(href)
	return slices.ContainsFunc([]string{".jpg", ".jpeg", ".png", ".webp"}, func(ext string) bool {
		return strings.Contains(href, ext)
	})
}

func newScan(address *url.URL) *scan { return &scan{address: address, base: address} }

// decoded returns the page in UTF-8. The charset comes from the byte order mark, the
// content type, the page's meta element, or the bytes.
func decoded(body []byte, contentType string) io.Reader {
	r, err := charset.NewReader(bytes.NewReader(body), contentType)
	if err != nil {
		return bytes.NewReader(body)
	}
	return r
}

// tokens reads all tags until ctx ends. The content of a noscript element is a text
// token, which is read as tags too.
func (s *scan) tokens(ctx context.Context, z *html.Tokenizer, outer bool) {
	raw := "" // the element whose text is next
	for ctx.Err() == nil {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.TextToken:
			s.text(ctx, raw, z, outer)
			raw = ""
		case html.StartTagToken, html.SelfClosingTagToken:
			t := readTag(z)
			raw = t.name
			if t.name == "script" {
				raw = scriptKind(t)
			}
			s.start(t)
		case html.EndTagToken:
			name, _ := z.TagName()
			s.end(string(name))
			raw = ""
		default: // comments and the document type
		}
	}
}

// scriptKind returns "script" for JSON-LD, "gallery" for a script that may have the
// pictures of one, and "code" for others.
func scriptKind(t tag) string {
	switch kind := strings.ToLower(t.get("type")); {
	case strings.Contains(kind, "ld+json"):
		return "script"
	case strings.Contains(kind, "x-magento-init"):
		return "gallery"
	}
	return "code"
}

func (s *scan) text(ctx context.Context, raw string, z *html.Tokenizer, outer bool) {
	switch {
	case raw == "script":
		if n := len(z.Raw()); s.json+n <= maxJSON {
			s.scripts = append(s.scripts, string(z.Raw()))
			s.json += n
		}
	case raw == "gallery":
		if n := len(z.Raw()); s.json+n <= maxJSON && bytes.Contains(z.Raw(), []byte("mage/gallery/gallery")) {
			s.galleries = append(s.galleries, string(z.Raw()))
			s.json += n
		}
	case raw == "noscript" && outer:
		inner := html.NewTokenizer(bytes.NewReader(bytes.Clone(z.Raw())))
		s.scriptless = true
		s.tokens(ctx, inner, false)
		s.scriptless = false
	case raw == "title" && s.title.Len() == 0:
		s.title.Write(z.Text())
	case s.heading.Len() < 500 && s.within("h1"):
		s.heading.Write(z.Text())
		s.heading.WriteByte(' ')
	}
}

// within reports whether one of the four innermost elements has that name.
func (s *scan) within(name string) bool {
	for _, e := range s.stack[max(0, len(s.stack)-4):] {
		if e.name == name {
			return true
		}
	}
	return false
}

func (s *scan) start(t tag) {
	e := s.inner(t)
	switch t.name {
	case "base":
		s.setBase(t.get("href"))
	case "meta":
		s.meta(t)
	case "link":
		s.link(t)
	case "img", "amp-img":
		s.img(t, e)
	case "picture":
		s.offered = ""
	case "input":
		s.password = s.password || strings.EqualFold(t.get("type"), "password")
	case "script":
		s.scripted = true
	case "source":
		s.source(t)
	default:
		s.behind(t, e)
	}
	if t.has("itemprop", "image") {
		s.property(t, e)
	} else if p := t.get("itemprop"); e.image && (p == "contentUrl" || p == "url") {
		keep(&s.microdata, t.reference())
	}
	if !void[t.name] && len(s.stack) < maxNesting {
		s.stack = append(s.stack, e)
	}
}

// inner returns the element that the tag opens.
func (s *scan) inner(t tag) element {
	var e element
	if len(s.stack) > 0 {
		e = s.stack[len(s.stack)-1]
	}
	e.name = t.name
	e.aside = e.aside || isAside(t)
	if t.present("itemscope") {
		kind := t.get("itemtype")
		e.image = t.has("itemprop", "image") && !e.other
		if isType(kind, productTypes) {
			if !e.product && !e.other && !e.aside {
				s.scopes++
			}
			e.product, e.other = true, t.get("itemprop") != "" && e.product
		} else if !e.image {
			e.other = true
		}
	}
	if t.name == "a" {
		e.large = ""
		if href := t.get("href"); namesPicture(href) {
			e.large = href
		}
	}
	return e
}

// end closes the innermost element of that name and all in it. An end tag without a
// start tag is ignored.
func (s *scan) end(name string) {
	if name == "picture" {
		s.offered = ""
	}
	for i := len(s.stack) - 1; i >= 0 && i >= len(s.stack)-32; i-- {
		if s.stack[i].name == name {
			s.stack = s.stack[:i]
			return
		}
	}
}

func (s *scan) setBase(href string) {
	if s.based {
		return
	}
	if u := s.resolve(href); u != nil {
		s.base, s.based = u, true
	}
}

func (s *scan) meta(t tag) {
	key := t.get("property")
	if key == "" {
		key = t.get("name")
	}
	switch strings.ToLower(key) {
	case "og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src":
		keep(&s.graph, t.get("content"))
	case "og:type":
		s.ogType = cmp.Or(s.ogType, t.get("content"))
	case "og:url":
		s.canonical = cmp.Or(s.canonical, t.get("content"))
	case "product:price:amount", "og:price:amount":
		s.priced = true
	}
}

var iconRels = set("icon apple-touch-icon apple-touch-icon-precomposed mask-icon")

func (s *scan) link(t tag) {
	rel := strings.Fields(strings.ToLower(t.get("rel")))
	if slices.Contains(rel, "canonical") {
		s.canonical = cmp.Or(s.canonical, t.get("href"))
	}
	if slices.Contains(rel, "image_src") {
		keep(&s.graph, t.get("href"))
	}
	if slices.ContainsFunc(rel, func(word string) bool { return iconRels[word] }) {
		keep(&s.logos, t.get("href"))
	}
}

// excluded returns addresses that show no product: the shop's logos and the page
// itself.
func (s *scan) excluded() map[string]bool {
	all := map[string]bool{}
	for _, r := range s.logos {
		if u := s.resolve(r); u != nil {
			all[u.String()] = true
		}
	}
	itself := *s.address
	itself.Fragment, itself.RawFragment = "", ""
	all[itself.String()] = true
	return all
}

// property reads an itemprop="image": of a product, or of the page if it is in no
// scope.
func (s *scan) property(t tag, e element) {
	switch {
	case e.aside || e.other || t.present("itemscope"):
	case e.product:
		keep(&s.microdata, t.reference())
	default:
		keep(&s.graph, t.reference())
	}
}

func keep(list *[]string, reference string) {
	if reference != "" && len(*list) < maxKept {
		*list = append(*list, reference)
	}
}

// isType reports whether one of the words of an itemtype names a type in a set.
func isType(itemtype string, types map[string]bool) bool {
	for kind := range strings.FieldsSeq(itemtype) {
		if types[strings.ToLower(kind[strings.LastIndexAny(kind, "/#:")+1:])] {
			return true
		}
	}
	return false
}
