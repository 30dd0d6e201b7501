package page_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/credenza-dev/credenza/internal/picture/page"
)

func find(t testing.TB, html, contentType string) []page.Candidate {
	t.Helper()
	at, err := url.Parse("https://shop.example/chairs/oak.html?ref=1")
	if err != nil {
		t.Fatal(err)
	}
	p, err := page.Read(t.Context(), []byte(html), contentType, at)
	if err != nil {
		t.Fatal(err)
	}
	return p.Candidates
}

// first checks the first candidate; an empty address is for none.
func first(t *testing.T, html, address string, evidence page.Evidence) {
	t.Helper()
	got := find(t, html, "")
	switch {
	case address == "" && len(got) > 0:
		t.Errorf("found %v, want nothing", got)
	case address != "" && (len(got) == 0 || got[0] != page.Candidate{Address: address, Evidence: evidence}):
		t.Errorf("found %v, want %s by %v", got, address, evidence)
	}
}

func script(json string) string { return `<script type="application/ld+json">` + json + `</script>` }

func TestFind_JSONLD(t *testing.T) {
	const want = "https://shop.example/i/oak.jpg"
	tests := map[string]string{
		"plain":             `{"@type": "Product", "name": "Oak chair", "image": "/i/oak.jpg"}`,
		"list of addresses": `{"@type": "Product", "image": ["/i/oak.jpg", "/i/back.jpg"]}`,
		"object":            `{"@type": "Product", "image": {"@type": "ImageObject", "contentUrl": "/i/oak.jpg"}}`,
		"list of objects":   `{"@type": "Product", "image": [{"url": "/i/oak.jpg"}]}`,
		"list of types":     `{"@type": ["Thing", "http://schema.org/Product"], "image": "/i/oak.jpg"}`,
		"lower case":        `{"@type": "product", "image": "/i/oak.jpg"}`,
		"in a graph":        `{"@graph": [{"@type": "WebPage"}, {"@type": "Product", "image": "/i/oak.jpg"}]}`,
		"in a list":         `[{"@type": "BreadcrumbList"}, {"@type": "Product", "image": "/i/oak.jpg"}]`,
		"main entity":       `{"@type": "WebPage", "mainEntity": {"@type": "Product", "image": "/i/oak.jpg"}}`,
		"by reference":      `{"@graph": [{"@type": "Product", "image": {"@id": "#p"}}, {"@id": "#p", "@type": "ImageObject", "url": "/i/oak.jpg"}]}`,
		"by one of several": `{"@graph": [{"@id": "#p", "@type": "ImageObject", "caption": "Oak"}, {"@type": "Product", "image": {"@id": "#p"}}, ` +
			`{"@id": "#p", "url": "/i/oak.jpg"}, {"@id": "#p", "url": "/no.jpg"}, {"@id": "#p", "caption": "Oak"}]}`,
		"by a reference with a type": `{"@graph": [{"@type": "Product", "image": {"@type": "ImageObject", "@id": "/chairs/oak.html?ref=1#p"}}, ` +
			`{"@id": "/chairs/oak.html?ref=1#p", "@type": "ImageObject", "url": "/i/oak.jpg"}]}`,
		"by a name that is an address": `{"@type": "Product", "image": {"@type": "ImageObject", "@id": "/i/oak.jpg"}}`,
		"the page's name":              `{"@type": "Product", "image": [{"@type": "ImageObject", "@id": "/chairs/oak.html?ref=1"}, "/chairs/oak.html?ref=1#p", {"@id": "/other.html#p"}, "/i/oak.jpg"]}`,
		"of a variant":                 `{"@type": "ProductGroup", "hasVariant": [{"@type": "Product", "image": "/i/oak.jpg"}]}`,
		"neighbours aside":             `{"@type": "Product", "isRelatedTo": {"@type": "Product", "url": "/chairs/oak.html", "image": "/no.jpg"}, "image": "/i/oak.jpg"}`,
		"neighbours before":            `[{"itemListElement": [{"item": {"@type": "Product", "image": "/no.jpg"}}]}, {"@type": "Product", "image": "/i/oak.jpg"}]`,
		"by the page's own":            `[{"@type": "Product", "url": "/x", "image": "/no.jpg"}, {"@type": "Product", "url": "https://shop.example/chairs/oak.html", "image": "/i/oak.jpg"}]`,
		"several values":               `{"@type": "Organization"} {"@type": "Product", "image": "/i/oak.jpg"}`,
		"trailing commas":              `{"@type": "Product", "image": ["/i/oak.jpg",], }`,
		"missing comma":                `{"@type": "Product" "image": "/i/oak.jpg"}`,
		"comments":                     "{\"@type\": \"Product\", // ours\n /* more */ \"image\": \"/i/oak.jpg\"}",
		"HTML comment":                 "<!-- {\"@type\": \"Product\", \"image\": \"/i/oak.jpg\"} -->",
		"CDATA":                        "//<![CDATA[\n{\"@type\": \"Product\", \"image\": \"/i/oak.jpg\"}\n//]]>",
		"entities":                     `{&quot;@type&quot;: &quot;Product&quot;, &quot;image&quot;: &quot;/i/oak.jpg&quot;}`,
		"line break in string":         "{\"@type\": \"Product\", \"description\": \"one\ntwo\tthree\x01\", \"image\": \"/i/oak.jpg\"}",
		"quotes in string":             `{"@type": "Product", "description": "A "fine", "solid" 12" chair", "image": "/i/oak.jpg"}`,
		"wrong escape":                 `{"@type": "Product", "description": "50\% off", "image": "\/i\/oak.jpg"}`,
		"single quotes":                `{'@type': 'Product', 'image': '/i/oak.jpg'}`,
		"bare keys":                    `{@type: "Product", image: "/i/oak.jpg"}`,
		"not closed":                   `{"@type": "Product", "offers": {"price": 3, "image": "/i/oak.jpg"`,
		"list not closed":              `{"@type": "Product", "image": ["/i/oak.jpg", "b": 1}`,
		"empty value":                  `{"@type": "Product", "sku": , "image": "/i/oak.jpg"}`,
		"semicolon":                    `{"@type": "Product", "image": "/i/oak.jpg"};`,
		"variable":                     `var product = {"@type": "Product", "image": "/i/oak.jpg"}`,
		"byte order mark":              "\ufeff{\"@type\": \"Product\", \"image\": \"/i/oak.jpg\"}",
		"blank and line break":         "{\"@type\": \"Product\", \"image\": \" /i/oak\n.jpg \"}",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			if name == "not closed" {
				text = strings.Replace(text, `"offers": {"price": 3, `, "", 1)
			}
			first(t, "<title>x</title>"+script(text), want, page.JSONLD)
		})
	}
}

func TestFind_Evidence(t *testing.T) {
	const og = `<meta property="og:image" content="/i/og.jpg">`
	tests := []struct {
		name, html, want string
		evidence         page.Evidence
	}{
		{"JSON-LD before og:image", og + script(`{"@type": "Product", "image": "/i/oak.jpg"}`), "https://shop.example/i/oak.jpg", page.JSONLD},
		{"og:image", og, "https://shop.example/i/og.jpg", page.OpenGraph},
		{"og:image by name", `<meta name="og:image" content="/i/og.jpg">`, "https://shop.example/i/og.jpg", page.OpenGraph},
		{"no product in JSON-LD", og + script(`{"@type": "Organization", "image": "/i/us.jpg"}`), "https://shop.example/i/og.jpg", page.OpenGraph},
		{"image_src", `<link rel="image_src" href="/i/a.jpg">`, "https://shop.example/i/a.jpg", page.OpenGraph},
		{
			"a logo as og:image", `<meta property="og:image" content="/img/our-logo.png"><img src="/i/oak.jpg" width=400 height=300>`,
			"https://shop.example/i/oak.jpg", page.Shown,
		},
		{
			"the shop's icon as og:image", `<link rel="apple-touch-icon" href="/t.png"><meta property="og:image" content="/t.png"><img src="/i/oak.jpg">`,
			"https://shop.example/i/oak.jpg", page.Shown,
		},
		{
			"the organisation's logo as og:image", script(`{"@type": "Organization", "logo": "/x.png"}`) + `<meta property="og:image" content="/x.png">`,
			"", 0,
		},
		{
			"a card as og:image", `<meta property="og:image" content="/static/default-share-1200x630.jpg"><img src="/i/oak.jpg">`,
			"https://shop.example/i/oak.jpg", page.Shown,
		},
		{
			"a card's folder", `<meta property="og:image" content="/images/social/4711.jpg"><div itemscope itemtype="https://schema.org/Product"><img itemprop="image" src="/i/oak.jpg"></div>`,
			"https://shop.example/i/oak.jpg", page.Microdata,
		},
		{"a product called card", `<meta property="og:image" content="/i/card-table-oak.jpg">`, "https://shop.example/i/card-table-oak.jpg", page.OpenGraph},
		{
			"microdata", `<div itemscope itemtype="http://schema.org/Product"><img itemprop="image" src="data:," data-src="/i/oak.jpg"></div>`,
			"https://shop.example/i/oak.jpg", page.Microdata,
		},
		{
			"microdata of a review", `<div itemscope itemtype="http://schema.org/Product"><div itemprop=review itemscope itemtype="http://schema.org/Review"><img itemprop="image" src="/i/face.jpg" width=20 height=20></div><link itemprop="image" href="/i/oak.jpg"></div>`,
			"https://shop.example/i/oak.jpg", page.Microdata,
		},
		{
			"microdata object", `<div itemscope itemtype="http://schema.org/Product"><div itemprop="image" itemscope itemtype="http://schema.org/ImageObject"><meta itemprop="contentUrl" content="/i/oak.jpg"></div></div>`,
			"https://shop.example/i/oak.jpg", page.Microdata,
		},
		{"landingImage", `<img id="landingImage" src="/s.jpg" data-old-hires="/l.jpg">`, "https://shop.example/l.jpg", page.Marked},
		{
			"dynamic image", `<img src="/s.jpg" data-a-dynamic-image='{"/m.jpg":[300,200],"/l.jpg":[900,600]}'>`,
			"https://shop.example/l.jpg", page.Marked,
		},
		{"srcset", `<img id="main-image" src="/s.jpg" srcset="/m,1.jpg 300w, /l,2.jpg 1200w">`, "https://shop.example/l,2.jpg", page.Marked},
		{"srcset without blanks", `<img id="main-image" src="/s.jpg" srcset="/s.jpg 1x,/l.jpg 2x">`, "https://shop.example/l.jpg", page.Marked},
		{"srcset with heights", `<img id="main-image" srcset="/l.jpg 900w 600h , /s.jpg 300w 200h">`, "https://shop.example/l.jpg", page.Marked},
		{"srcset with commas only", `<img id="main-image" srcset=",/s.jpg,, /l.jpg 2x,">`, "https://shop.example/l.jpg", page.Marked},
		{"srcset by density", `<img id="main-image" srcset="/s.jpg, /l.jpg 2x">`, "https://shop.example/l.jpg", page.Marked},
		{
			"the largest", `<header><img src="/head.jpg" width=2000 height=900></header><img src="/a.jpg" width=100 height=100><img src="/b.jpg" width=600 height=500><footer><img src="/foot.jpg" width=2000 height=900></footer>`,
			"https://shop.example/b.jpg", page.Shown,
		},
		{
			"the one that is named like the page", `<h1>Oak chair Nils</h1><img src="/other.jpg" alt="Pine table" width=500 height=400><img src="/nils.jpg" alt="Oak chair Nils" width=400 height=400>`,
			"https://shop.example/nils.jpg", page.Shown,
		},
		{"no neighbours", `<div class="related-products"><div><img src="/x.jpg" width=500 height=500></div></div><img src="/a.jpg" width=200 height=200>`, "https://shop.example/a.jpg", page.Shown},
		{"the linked large one", `<a href="/large.jpg"><img src="/small.jpg"></a>`, "https://shop.example/large.jpg", page.Shown},
		{"without scripts", `<noscript><img src="/i/oak.jpg" width=300 height=300></noscript>`, "https://shop.example/i/oak.jpg", page.Shown},
		{"loaded late", `<img src="/img/lazy-placeholder.gif" data-src="/i/oak.jpg">`, "https://shop.example/i/oak.jpg", page.Shown},
		{"a blanket is not blank", `<img src="/img/spacer.gif" data-src="/i/blanket-box.jpg">`, "https://shop.example/i/blanket-box.jpg", page.Shown},
		{"a lazy chair", `<img src="/img/lazy.gif" data-src="/i/lazy-chair.jpg">`, "https://shop.example/i/lazy-chair.jpg", page.Shown},
		{"a blank one", `<img src="/i/oak.jpg" data-src="/img/blank.gif">`, "https://shop.example/i/oak.jpg", page.Shown},
		{
			"a picture element", `<picture><source type="image/avif" srcset="/a.avif"><source srcset="/s.jpg 300w, /l.jpg 900w">` +
				`<img src="data:image/gif;base64,AA" width=300 height=300></picture><img src="/b.jpg" width=200 height=200>`,
			"https://shop.example/l.jpg", page.Shown,
		},
		{"a picture element's own", `<picture><source srcset="/l.webp"><img id="main-image" src="/a.jpg"></picture>`, "https://shop.example/a.jpg", page.Marked},
		{"another one's source", `<picture><source srcset="/l.webp"></picture><img id="main-image" src="/lazy.gif">`, "https://shop.example/lazy.gif", page.Marked},
		{"a link to no picture", `<a href="/large.jpg/reviews"><img src="/small.jpg"></a>`, "https://shop.example/small.jpg", page.Shown},
		{
			"a template", `<template><img src="/x.jpg" width=900 height=900></template><img src="/a.jpg" width=300 height=300>`,
			"https://shop.example/a.jpg", page.Shown,
		},
		{
			"an element's inside", `<o-gallery><template shadowrootmode="open"><img src="/x.jpg" width=900 height=900></template></o-gallery><img src="/a.jpg" width=300 height=300>`,
			"https://shop.example/x.jpg", page.Shown,
		},
		{"icons only", `<img src="/i/truck.png" width=24 height=24><img src="/pay.svg"><img src="/star.png">`, "", 0},
		{"a tracker", `<img src="https://track.example/t?id=1">`, "", 0},
		{"nothing", `<p>Oak chair`, "", 0},
		{"not HTML", "\x00\xff\xfe<", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { first(t, tt.html, tt.want, tt.evidence) })
	}
}

func TestFind_Addresses(t *testing.T) {
	tests := []struct{ name, head, reference, want string }{
		{"absolute", "", "https://cdn.example/a.jpg", "https://cdn.example/a.jpg"},
		{"protocol-relative", "", "//cdn.example/a.jpg", "https://cdn.example/a.jpg"},
		{"from the root", "", "/a.jpg", "https://shop.example/a.jpg"},
		{"in the page's folder", "", "a.jpg", "https://shop.example/chairs/a.jpg"},
		{"above the page", "", "../a.jpg", "https://shop.example/a.jpg"},
		{"from the base", `<base href="//cdn.example/v2/">`, "a.jpg", "https://cdn.example/v2/a.jpg"},
		{"from the first base", `<base href="/one/"><base href="/two/">`, "a.jpg", "https://shop.example/one/a.jpg"},
		{"entities", "", "/a.jpg?w=600&amp;h=400", "https://shop.example/a.jpg?w=600&h=400"},
		{"escaped twice", "", "/a.jpg?w=600&amp;amp;h=400", "https://shop.example/a.jpg?w=600&h=400"},
		{"a parameter like an entity", "", "/a.jpg?a=1&amp;copy=2", "https://shop.example/a.jpg?a=1&copy=2"},
		{"blanks", "", " /my chair.jpg ", "https://shop.example/my%20chair.jpg"},
		{"escapes stay", "", "/71zL%2B1.jpg", "https://shop.example/71zL%2B1.jpg"},
		{"percent signs", "", "/50%/100%25 oak%c3%bc%4.jpg", "https://shop.example/50%25/100%25%20oak%c3%bc%254.jpg"},
		{"escaped slashes stay", "", "/f%2Foak|ü^.jpg", "https://shop.example/f%2Foak%7C%C3%BC%5E.jpg"},
		{"backslashes", "", `\i\a.jpg`, "https://shop.example/i/a.jpg"},
		{"umlauts", "", "/stühle.jpg", "https://shop.example/st%C3%BChle.jpg"},
		{"without a query after all", "", "/a.jpg?", "https://shop.example/a.jpg"},
		{"inline", "", "data:image/png;base64,AAAA", ""},
		{"another scheme", "", "file:///etc/passwd", ""},
		{"empty", "", " ", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			first(t, tt.head+`<meta property="og:image" content="`+tt.reference+`">`, tt.want, page.OpenGraph)
		})
	}
}

func TestFind_Charsets(t *testing.T) {
	const want = "https://shop.example/st%C3%BChle.jpg"
	html := `<meta property="og:image" content="/stühle.jpg">`
	latin := strings.ReplaceAll(html, "ü", "\xfc")
	wide := "\xff\xfe"
	for _, u := range utf16.Encode([]rune(html)) {
		wide += string([]byte{byte(u), byte(u >> 8)})
	}
	tests := []struct{ name, html, contentType string }{
		{"UTF-8 by its bytes", html, ""},
		{"UTF-8 by the server", html, "text/html; charset=utf-8"},
		{"Latin-1 by the server", latin, "text/html; charset=ISO-8859-1"},
		{"Latin-1 by the page", `<meta charset="windows-1252">` + latin, "text/html"},
		{"UTF-16 by its mark", wide, "text/html"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := find(t, tt.html, tt.contentType)
			if len(got) != 1 || got[0].Address != want {
				t.Errorf("found %v, want %s", got, want)
			}
		})
	}
}

func TestIsPage(t *testing.T) {
	tests := []struct {
		data, contentType string
		want              bool
	}{
		{"<!DOCTYPE html><p>", "image/jpeg", true},
		{"\n<!-- a shop -->\n<html lang=sk>", "", true},
		{"<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC", "", true},
		{"<section>A chair</section>", "text/html; charset=utf-8", true},
		{"\xff\xd8\xff\xe0", "text/plain", false},
		{"a chair", "text/plain", false},
		{"", "text/html", false},
	}
	for _, tt := range tests {
		if got := page.IsPage([]byte(tt.data), tt.contentType); got != tt.want {
			t.Errorf("%q as %q is a page: %v", tt.data, tt.contentType, got)
		}
	}
}

// TestFind_MarkedPictureHasAFallback: a picture of a srcset may not exist.
func TestFind_MarkedPictureHasAFallback(t *testing.T) {
	got := find(t, `<img id="main-image" src="/s.jpg" srcset="/l.jpg 2x">`, "")
	if len(got) != 2 || got[1].Address != "https://shop.example/s.jpg" {
		t.Errorf("found %v, want the one in src as well", got)
	}
}

func TestFind_FewDistinctCandidates(t *testing.T) {
	var html strings.Builder
	for i := range 50 {
		fmt.Fprintf(&html, `<meta property="og:image" content="/%d.jpg"><img src="/%d.jpg">`, i/2, i/2)
	}
	got := find(t, html.String(), "")
	if len(got) != 6 {
		t.Errorf("%d candidates", len(got))
	}
	slices.SortFunc(got, func(a, b page.Candidate) int { return strings.Compare(a.Address, b.Address) })
	if len(slices.Compact(got)) != 6 {
		t.Errorf("some are there twice: %v", got)
	}
}

func TestFind_DeepNesting(t *testing.T) {
	const depth = 100_000
	html := strings.Repeat("<div>", depth) + `<img src="/a.jpg" width=300 height=300>` + strings.Repeat("</div>", depth)
	first(t, html, "https://shop.example/a.jpg", page.Shown)
	first(t, script(strings.Repeat(`{"a":[`, depth)), "", 0)
	first(t, script(strings.Repeat(`"`, depth)), "", 0)
}

// FuzzFind checks that the candidates of any page are absolute addresses.
func FuzzFind(f *testing.F) {
	for _, html := range []string{
		script(`{"@type": "Product", "image": ["/a.jpg",]}`), `<base href="//a"><img srcset="a 1w, b 2x" src=c>`,
		`<meta property=og:image content="http://[::1]/%zz">`, "<noscript><noscript><img src=a.jpg>", "\xff\xfe<\x00",
		`<div itemscope itemtype=Product><p itemprop=image itemscope><a itemprop=url href=x>`,
		`<img data-a-dynamic-image='{"a":[1,2]}'>`, script(`{"@graph":[{"@id":"a","image":{"@id":"a"}},{"@type":"Product","image":{"@id":"a"}}]}`),
	} {
		f.Add(html)
	}
	f.Fuzz(func(t *testing.T, html string) {
		for _, c := range find(t, html, "") {
			u, err := url.Parse(c.Address)
			if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || c.Evidence == 0 {
				t.Errorf("%+v: %v", c, err)
			}
		}
	})
}

func BenchmarkFind(b *testing.B) {
	var html strings.Builder
	html.WriteString("<h1>Oak chair</h1>")
	product, _ := json.Marshal(map[string]any{"@type": "Product", "name": "Oak chair", "image": "/i/oak.jpg"})
	html.WriteString(script(string(product)))
	for i := range 4000 {
		fmt.Fprintf(&html, `<div class="tile t%d"><a href="/p/%d"><img src="/i/%d.jpg" alt="Chair" width="200"></a><span>Chair</span></div>`, i, i, i)
	}
	b.SetBytes(int64(html.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if len(find(b, html.String(), "")) == 0 {
			b.Fatal("nothing was found")
		}
	}
}
