package page

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// tag is a start tag.
type tag struct {
	name  string
	attrs []attr
}

type attr struct{ key, value string }

// void elements have no end tag.
var void = set("area base br col embed hr img input link meta param source track wbr amp-img")

func readTag(z *html.Tokenizer) tag {
	name, more := z.TagName()
	t := tag{name: string(name)}
	for more && len(t.attrs) < 100 {
		var key, value []byte
		key, value, more = z.TagAttr()
		t.attrs = append(t.attrs, attr{string(key), string(value)})
	}
	return t
}

func (t tag) get(key string) string {
	for _, a := range t.attrs {
		if a.key == key {
			return strings.TrimSpace(a.value)
		}
	}
	return ""
}

func (t tag) present(key string) bool {
	return slices.ContainsFunc(t.attrs, func(a attr) bool { return a.key == key })
}

// has reports whether the words of an attribute include word.
func (t tag) has(key, word string) bool {
	return slices.Contains(strings.Fields(t.get(key)), word)
}

// reference returns the address of an element in microdata. For a picture that is
// loaded when it is scrolled to, it is the address of that picture.
func (t tag) reference() string {
	if t.name == "img" || t.name == "amp-img" {
		source, _ := t.source()
		return source
	}
	for _, key := range []string{"content", "href", "src", "data", "data-src"} {
		if v := t.get(key); v != "" {
			return v
		}
	}
	return ""
}

// asides are words in classes and ids of elements without the product.
var asides = set("related recommendation recommendations recommended similar upsell crosssell breadcrumb breadcrumbs " +
	"footer navbar megamenu minicart newsletter reviews review payment payments recently sponsored")

// isAside reports whether an element contains other things than the product.
func isAside(t tag) bool {
	switch t.name {
	case "nav", "footer", "aside", "header":
		return true
	case "template": // shown only as a shadow root
		return !t.present("shadowrootmode")
	case "body", "html", "main":
		return false
	}
	for _, key := range []string{"id", "class"} {
		for _, w := range words(t.get(key)) {
			if asides[w] {
				return true
			}
		}
	}
	return false
}
