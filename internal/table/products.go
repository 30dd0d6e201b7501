package table

import (
	"slices"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// maxProducts is how many products above a row are remembered for it. Exports have the
// rows of a product together, or its variants soon after it.
const maxProducts = 128

// products are the latest products of a file, by their keys.
type products struct {
	byKey map[string]*catalog.Item
	keys  []string // the oldest first
	// joined is set if a column has the keys of products that rows belong to.
	joined bool
	// repeats is set if the last row was one of a product above it.
	repeats bool
	// last is the latest product, lastRow its row or that of a part of it, and lastKind what
	// its file calls it.
	last     *catalog.Item
	lastRow  Row
	lastKind string
	lastKey  bool // the product's row has a key that is no SKU
}

// resolve returns the row's item. If the row only adds a picture or a variant to a product
// above it, that is the product's item with the row's own key.
func (p *products) resolve(item *catalog.Item, row Row, columns []*column) *catalog.Item {
	p.repeats = false
	kind := kindOf(row, columns)
	if p.last != nil && p.continues(item, kind, row, columns) {
		return p.repeat(item, p.last)
	}
	p.last, p.lastRow, p.lastKind, p.lastKey = item, row, kind, hasKey(row, columns)
	parent, shared := parentOf(row, columns)
	if parent == "" && slices.ContainsFunc(columns, func(c *column) bool { return c != nil && c.view }) {
		parent = item.ID // Magento repeats a product for each view of the shop
	}
	if above := p.byKey[parent]; parent != "" && above != nil && (!shared || adds(item, above)) {
		p.last = above
		return p.repeat(item, above)
	}
	if parent != "" {
		p.remember(parent, item)
	}
	if p.joined {
		for i, cell := range row {
			if columns[i] != nil && columns[i].field == fieldID {
				p.remember(cell.Value.String(), item)
			}
		}
	}
	return item
}

// repeat returns the item of a row that is one of the product above: it has the product's
// text and picture, and its own key if it has one.
func (p *products) repeat(item, above *catalog.Item) *catalog.Item {
	variant := *above
	if item.ID != "" {
		variant.ID = item.ID
	}
	p.repeats = true
	return &variant
}

// partKinds are what exports call rows that are a part of the product above them, folded.
var partKinds = wordSet("variant variation image media video child sku rule option productvariation productvariant productoption productimage")

// continues reports whether a row is a part of the product in the rows above, though it has
// no key of it: it says so, or has nothing but what a variant differs by, or another view or
// picture of the product. A row with a name is another product, unless the file has no
// column of parents, the row says nothing else and the name is that of a variant.
func (p *products) continues(item *catalog.Item, kind string, row Row, columns []*column) bool {
	described := item.Description != "" || item.Type != "" || item.Category != ""
	part := partKinds[kind] && kind != p.lastKind
	switch {
	case item.ID == "" && p.last.ID != "" && hasColumn(row, columns, func(c *column) bool { return c.view }):
		return true
	case item.Name != "":
		return part && !described && !p.joined && namesVariant(item.Name, p.last.Name)
	case part:
		return true
	case item.ID == "" && p.last.ID != "" && item.Description == "" && item.Type == "" && hasColumn(row, columns, func(c *column) bool { return c.place }):
		return true
	}
	described = described || item.ImageURL != "" || item.ImageData != nil || item.ProductURL != ""
	return kind == "" && !described && p.differsAsVariant(row, columns)
}

// namesVariant reports whether a name has the product's in it, or options alone:
// "[RB]Colour=Blue".
func namesVariant(name, product string) bool {
	return strings.Contains(name, "=") || product != "" && strings.HasPrefix(foldName(name), foldName(product))
}

// positionWords are words in the names of columns with the place of a picture.
var positionWords = wordSet("position sort order")

func hasColumn(row Row, columns []*column, is func(*column) bool) bool {
	for i := range row {
		if c := columns[i]; c != nil && is(c) {
			return true
		}
	}
	return false
}

// differsAsVariant reports whether a row has an option, and whether all else that it says is
// what variants of one product differ by too, or what the row above says. It may be another
// product without a name otherwise.
func (p *products) differsAsVariant(row Row, columns []*column) bool {
	if p.lastKey && !hasKey(row, columns) { // each product of the file has a key
		return slices.ContainsFunc(columns, func(c *column) bool { return c != nil && c.option })
	}
	option := false
	for i, cell := range row {
		c := columns[i]
		switch {
		case c == nil:
		case c.option:
			option = true
		case c.field == fieldPrice, c.field == fieldID && hasWord(c.key, skuWords):
		case c.hidden && c.parent == 0: // bookkeeping, such as a barcode
		case cell.Value.String() != p.lastRow.Exact(cell.Key).String():
			return false
		}
	}
	return option
}

// kindOf returns what a row says that it is, folded.
func kindOf(row Row, columns []*column) string {
	for i, cell := range row {
		if c := columns[i]; c != nil && c.kind {
			return foldName(cell.Value.String())
		}
	}
	return ""
}

// optionWords are words in the names of columns that say what a variant differs by.
var optionWords = wordSet("option variation variant variante")

// findParts finds the columns that tell a product's rows from those of its parts, and from
// rows of other products without a name. It takes a column of names for these to lack one.
func (m *Mapping) findParts() {
	if m.config.Separate || !slices.ContainsFunc(m.sampled, func(c *column) bool { return c.field == fieldName }) || m.drops(fieldParent) {
		return
	}
	for _, c := range m.sampled {
		parts := slices.ContainsFunc(c.values, func(v Value) bool { return partKinds[foldName(v.String())] })
		c.kind = parts && everyValue(c.values, shopTypes)
		c.option = hasWord(c.key, optionWords)
		c.place = c.hidden && hasWord(c.key, pictureWords) && hasWord(c.key, positionWords)
		if c.kind && c.field == attribute {
			c.hidden = true
		}
	}
}

func everyValue(values []Value, words map[string]bool) bool {
	return !slices.ContainsFunc(values, func(v Value) bool { return !words[foldName(v.String())] })
}

// adds reports whether a row with the key of the product above names no other product.
func adds(item, above *catalog.Item) bool {
	return item.Name == "" || item.Name == above.Name
}

// parentOf returns the key of the product that the row belongs to, empty for none. It is
// shared if all rows of the product have it, as a handle; else it is the key of the
// product's first row.
func parentOf(row Row, columns []*column) (key string, shared bool) {
	best := 0
	for i, cell := range row {
		if c := columns[i]; c != nil && c.parent > 0 && (best == 0 || c.parent < best) {
			best = c.parent
			key = strings.TrimPrefix(cell.Value.String(), "id:")
			name := foldName(c.key)
			shared = strings.Contains(name, "handle") || strings.Contains(name, "group")
		}
	}
	return key, shared
}

func (p *products) remember(key string, item *catalog.Item) {
	if p.byKey == nil {
		p.byKey = map[string]*catalog.Item{}
	}
	if _, known := p.byKey[key]; !known {
		p.keys = append(p.keys, key)
	}
	p.byKey[key] = item
	if len(p.keys) > maxProducts {
		delete(p.byKey, p.keys[0])
		p.keys = p.keys[1:]
	}
}

// hasKey reports whether a row has a key of its own that is no SKU, which variants have too.
func hasKey(row Row, columns []*column) bool {
	return hasColumn(row, columns, func(c *column) bool { return c.field == fieldID && !c.option && !hasWord(c.key, skuWords) })
}

// parentWords are words in the names of columns with the key of a row's product,
// parentProducts those that name a product too.
var (
	parentWords    = wordSet("parent master main vater père parente padre pai genitore rodzic")
	parentProducts = wordSet("vaterartikel elternartikel hauptartikel")
)

// isParentName reports whether a name may be that of a column with keys of products, and not
// of their main categories or pictures.
func isParentName(name string) bool {
	if hasWord(name, parentProducts) {
		return true
	}
	return hasWord(name, parentWords) && !slices.ContainsFunc(nameWords(name), func(word string) bool {
		return !parentWords[word] && !entities[word] && !keyWords[word] && !skuWords[word]
	})
}

// findParents finds the columns whose names say that they have keys of other rows, and whose
// values are such keys. Keys have all been found.
func (m *Mapping) findParents() {
	if m.config.Separate || m.drops(fieldParent) {
		return
	}
	keys := map[string]bool{}
	for _, c := range m.sampled {
		if c.field == fieldID {
			for _, v := range c.values {
				keys[v.String()] = true
			}
		}
	}
	for _, c := range m.sampled {
		s := statsOf(c.values)
		known := s.values > 0 && !s.all(s.flags) && !slices.ContainsFunc(c.values, func(v Value) bool { return !keys[v.String()] })
		if c.parent == 0 && c.field == attribute && known && isParentName(c.key) && !isFlag(c.key, s) {
			c.parent, c.hidden, m.products.joined = len(m.sampled)+len(parentNames), true, true
		}
	}
}

// demoteForeign puts keys of changing kinds last, such as barcodes: another column
// says of each what it is.
func (m *Mapping) demoteForeign() {
	for _, c := range m.sampled {
		namesTheKind := func(other *column) bool {
			return foldName(other.key) == foldName(c.key)+"type" && len(other.values) > 0
		}
		if i := slices.IndexFunc(m.sampled, namesTheKind); i >= 0 && c.field == fieldID && c.rank > rankExactColumn {
			c.rank += rankByValue
			m.sampled[i].field, m.sampled[i].hidden = attribute, true
		}
	}
}
