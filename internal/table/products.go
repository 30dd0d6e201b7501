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
}

// resolve returns the row's item. If the row only adds a picture or a variant to a product
// above it, that is the product's item with the row's own key.
func (p *products) resolve(item *catalog.Item, row Row, columns []*column) *catalog.Item {
	p.repeats = false
	parent, shared := parentOf(row, columns)
	if parent == "" && slices.ContainsFunc(columns, func(c *column) bool { return c != nil && c.view }) {
		parent = item.ID // Magento repeats a product for each view of the shop
	}
	if above := p.byKey[parent]; parent != "" && above != nil && (!shared || adds(item, above)) {
		variant := *above
		if item.ID != "" {
			variant.ID = item.ID
		}
		p.repeats = true
		return &variant
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
