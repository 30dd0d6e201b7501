package page

import (
	"html"
	"net/url"
	"slices"
	"strings"
)

// productTypes are the types of products in schema.org, in lower case because some
// pages write them so.
var productTypes = set("product productgroup productmodel individualproduct someproducts")

// listTypes are the types of pages that show several products. A bare ItemList is also
// that of other products on a product's page.
var listTypes = set("collectionpage searchresultspage offercatalog productcollection")

// otherProperties lead to other products, or to no product.
var otherProperties = set("isRelatedTo isSimilarTo isAccessoryOrSparePartFor isConsumableFor review reviews brand manufacturer " +
	"seller offers author publisher logo aggregateRating breadcrumb")

// product is a node that describes a product.
type product struct {
	node map[string]any
	// listed is set within lists, which contain the product itself or other products.
	listed bool
}

// declared is what the page's JSON-LD says.
type declared struct {
	images []string // of the page's product
	count  int      // products that are in no list
	lists  bool     // the page is a list
}

// products reads the page's JSON-LD.
func (s *scan) products() declared {
	w := &walker{scan: s, ids: map[string]map[string]any{}, subject: s.subject()}
	for _, text := range s.scripts {
		for _, v := range parseLenient(cleaned(text)) {
			w.visit(v, 0, false, false)
		}
	}
	found := declared{lists: w.lists}
	var best map[string]any
	most := 0
	for _, p := range w.products {
		if !p.listed {
			found.count++
		}
		if score := w.score(p); score > most {
			best, most = p.node, score
		}
	}
	found.images = w.images(best)
	return found
}

// cleaned removes comment marks around JSON in a script, and the entities of templates
// that escaped too much.
func cleaned(text string) string {
	text = wrappers.Replace(text)
	if !strings.Contains(text, `"`) && strings.Contains(text, "&quot;") {
		text = html.UnescapeString(text)
	}
	return text
}

var wrappers = strings.NewReplacer("<![CDATA[", " ", "]]>", " ", "<!--", " ", "-->", " ")

// walker visits JSON-LD values.
type walker struct {
	scan     *scan
	ids      map[string]map[string]any
	products []product
	lists    bool            // there is a list of products
	subject  map[string]bool // words of the page's heading or title
	// steps bounds the work: references can form circles, and each list in a circle
	// multiplies them.
	steps int
}

// Bounds on the work for one page.
const (
	maxSteps    = 100_000
	maxNameText = 500
)

// visit stores the products in a value, except in properties that lead to others, and
// the nodes that may be referred to: of several with the same id, the first with an
// address.
func (w *walker) visit(v any, depth int, listed, other bool) {
	if depth > maxDepth {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			w.visit(e, depth+1, listed, other)
		}
	case map[string]any:
		if id, ok := v["@id"].(string); ok && w.ids[id] == nil && hasAddress(v) {
			w.ids[id] = v
		}
		for _, r := range w.addresses(v["logo"]) {
			keep(&w.scan.logos, r)
		}
		if isProductNode(v) && !other {
			w.products = append(w.products, product{v, listed})
		}
		w.lists = w.lists || (hasType(v, listTypes) && !other)
		listed = listed || v["itemListElement"] != nil
		// Sorted, so that the result is always the same.
		for _, key := range sortedKeys(v) {
			w.visit(v[key], depth+1, listed, other || otherProperties[key])
		}
	}
}

// score returns how likely the page is about a product; 0 if that has no picture.
func (w *walker) score(p product) int {
	if len(w.images(p.node)) == 0 {
		return 0
	}
	score := 1
	if !p.listed {
		score += 4
	}
	if name, ok := p.node["name"].(string); ok && share(clip(name), w.subject) >= 0.5 {
		score += 2
	}
	for _, key := range []string{"url", "@id", "mainEntityOfPage"} {
		if s, ok := p.node[key].(string); ok && samePage(w.scan.resolve(s), w.scan.address) {
			return score + 2
		}
	}
	return score
}

func samePage(a, b *url.URL) bool {
	return a != nil && strings.EqualFold(a.Host, b.Host) && strings.TrimSuffix(a.Path, "/") == strings.TrimSuffix(b.Path, "/")
}

// clip bounds a text whose words are compared.
func clip(s string) string { return s[:min(len(s), maxNameText)] }

// images returns a node's pictures, or those of its first variant with any.
func (w *walker) images(node map[string]any) []string {
	var out []string
	for _, key := range []string{"image", "images", "photo", "primaryImageOfPage", "thumbnailUrl"} {
		w.image(node[key], 0, &out)
		if len(out) > 0 {
			return out
		}
	}
	variants, _ := node["hasVariant"].([]any)
	for _, v := range variants {
		if variant, ok := v.(map[string]any); ok {
			w.image(variant["image"], 0, &out)
		}
		if len(out) > 0 {
			break
		}
	}
	return out
}

func (w *walker) addresses(v any) []string {
	var out []string
	w.image(v, 0, &out)
	return out
}

// addressKeys are the properties of a node with the address of a picture.
var addressKeys = []string{"contentUrl", "contentURL", "url", "image", "@list", "thumbnailUrl", "thumbnail"}

func hasAddress(node map[string]any) bool {
	return slices.ContainsFunc(addressKeys, func(key string) bool { return node[key] != nil && node[key] != "" })
}

// image reads an address, a list, an ImageObject or a reference to one. An id may be
// the address itself, unless it names a part of a page.
func (w *walker) image(v any, depth int, out *[]string) {
	if w.steps++; depth > 8 || w.steps > maxSteps {
		return
	}
	switch v := v.(type) {
	case string:
		if strings.ContainsAny(v, "/.") {
			keep(out, v)
		}
	case []any:
		for _, e := range v {
			w.image(e, depth+1, out)
		}
	case map[string]any:
		before := len(*out)
		for _, key := range addressKeys {
			if w.image(v[key], depth+1, out); len(*out) > before {
				return
			}
		}
		id, _ := v["@id"].(string)
		if node := w.ids[id]; node != nil {
			w.image(node, depth+1, out)
		} else if !strings.Contains(id, "#") {
			w.image(id, depth+1, out)
		}
	}
}

// isProductNode reports whether a node is a product, with its type in any common form:
// "Product", "http://schema.org/Product", a list.
func isProductNode(node map[string]any) bool { return hasType(node, productTypes) }

// hasType reports whether one of a node's types is in a set.
func hasType(node map[string]any, types map[string]bool) bool {
	list, ok := node["@type"].([]any)
	if !ok {
		list = []any{node["@type"]}
	}
	for _, v := range list {
		if s, ok := v.(string); ok && isType(s, types) {
			return true
		}
	}
	return false
}
