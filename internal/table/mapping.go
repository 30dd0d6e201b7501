package table

import (
	"bytes"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// field is a field of an item that a column can fill.
type field uint8

const (
	attribute field = iota // none of its own
	fieldID
	fieldName
	fieldDescription
	fieldType
	fieldCategory
	fieldStyles
	fieldTags
	fieldPrice
	fieldImage
	fieldPage
	numFields
)

// claim is a column's claim to a field. The lowest rank wins it.
type claim struct {
	field field
	rank  int
}

// columns are the known names, folded. A key that contains "price" and the
// product column come on top.
var columns = map[string]claim{
	"id":                 {fieldID, 1},
	"itemid":             {fieldID, 2},
	"productname":        {fieldName, 1},
	"name":               {fieldName, 2},
	"title":              {fieldName, 3},
	"description":        {fieldDescription, 1},
	"productdescription": {fieldDescription, 2},
	"type":               {fieldType, 1},
	"producttype":        {fieldType, 2},
	"category":           {fieldCategory, 1},
	"currentcategory":    {fieldCategory, 2},
	"style":              {fieldStyles, 1},
	"styles":             {fieldStyles, 2},
	"tags":               {fieldTags, 1},
	"pricerange":         {fieldPrice, 1},
	"price":              {fieldPrice, 2},
	"imageurl":           {fieldImage, 1},
	"producturl":         {fieldPage, 2},
	"product":            {fieldPage, 3},
}

const (
	rankExactColumn   = 0
	rankProductColumn = 1
	rankAnyPrice      = 3
	rankProductAsName = 4
)

// MapRow makes an item of a row by its column names, whose case, spaces,
// underscores and hyphens do not matter:
//
//	name         product_name, name, title
//	text         description, type, category
//	lists        style or styles, tags: a list, or a text with commas
//	price        price_range, price, else any key that contains "price"
//	picture      image_url
//	page         productColumn, product_url, product
//	key          id
//	attributes   every other value
//
// Blank values ("", null, "nan", "None") count as absent. Where several columns
// claim a field, the first in the list above that is not blank gets it and the
// others become attributes; superfluous addresses and keys are left out.
// productColumn is a further name for the column of pages, empty for none; as it is
// spelled there, it comes before all others. A `product` that is no address counts
// as a name. Of a list of addresses the first counts.
func MapRow(row Row, productColumn string) *catalog.Item {
	return mapRow(row, namesOf(productColumn, true))
}

// MapRowWithoutID is MapRow for callers who know of no key: a column `id` is an
// attribute as any other, and so takes part in the question.
func MapRowWithoutID(row Row, productColumn string) *catalog.Item {
	return mapRow(row, namesOf(productColumn, false))
}

// names are what columns are known by beside the table above.
type names struct {
	productColumn string
	page          []byte // the same, folded
	ids           bool   // there are columns for the key
}

func namesOf(productColumn string, ids bool) names {
	return names{productColumn, fold(nil, productColumn), ids}
}

func mapRow(row Row, known names) *catalog.Item {
	claims := make([]claim, len(row))
	var winners [numFields]int // the winning cell's place plus 1
	for i, cell := range row {
		if cell.Value.Blank() {
			continue
		}
		c := known.claimOf(cell)
		claims[i] = c
		best := winners[c.field]
		if best == 0 || c.rank <= claims[best-1].rank {
			winners[c.field] = i + 1
		}
	}
	return fill(row, claims, winners)
}

// HasPictureKey reports whether a row has a column that MapRow may take a picture
// or a page from, be its value blank or not.
func HasPictureKey(row Row, productColumn string) bool {
	known := namesOf(productColumn, true)
	for _, cell := range row {
		if f := known.claimOf(cell).field; f == fieldImage || f == fieldPage || isProduct(cell.Key) {
			return true
		}
	}
	return false
}

func isProduct(key string) bool {
	var buf [64]byte
	return string(fold(buf[:0], key)) == "product"
}

func (n names) claimOf(cell Cell) claim {
	var buf [64]byte
	key := fold(buf[:0], cell.Key)
	c, known := columns[string(key)]
	switch {
	case len(n.page) > 0 && c.field != fieldImage && cell.Key == n.productColumn:
		return claim{fieldPage, rankExactColumn}
	case len(n.page) > 0 && c.field != fieldImage && bytes.Equal(key, n.page):
		return claim{fieldPage, rankProductColumn}
	case c == columns["product"] && known && !isAddress(cell.Value.first()):
		return claim{fieldName, rankProductAsName}
	case c.field == fieldID && !n.ids:
		return claim{}
	case known:
		return c
	case bytes.Contains(key, []byte("price")):
		return claim{fieldPrice, rankAnyPrice}
	}
	return claim{}
}

func isAddress(s string) bool {
	s = strings.ToLower(strings.TrimSpace(s))
	return strings.Contains(s, "://") || strings.HasPrefix(s, "//") || strings.HasPrefix(s, "www.")
}

func fill(row Row, claims []claim, winners [numFields]int) *catalog.Item {
	item := &catalog.Item{}
	for i, cell := range row {
		f := claims[i].field
		switch {
		case cell.Value.Blank():
		case f != attribute && winners[f] == i+1:
			set(item, f, cell.Value)
		case f == fieldID || f == fieldImage || f == fieldPage:
		case f != attribute && row[winners[f]-1].Value.String() == cell.Value.String():
			// The same said twice is no further information.
		default:
			addAttribute(item, cell)
		}
	}
	return item
}

func set(item *catalog.Item, f field, v Value) {
	switch f {
	case fieldID:
		item.ID = v.String()
	case fieldName:
		item.Name = v.String()
	case fieldDescription:
		item.Description = v.String()
	case fieldType:
		item.Type = v.String()
	case fieldCategory:
		item.Category = v.String()
	case fieldStyles:
		item.Styles = v.Strings()
	case fieldTags:
		item.Tags = v.Strings()
	case fieldPrice:
		item.PriceRange = v.String()
	case fieldImage:
		item.ImageURL = v.first()
	case fieldPage:
		item.ProductURL = v.first()
	default: // attributes have no field of their own
	}
}

func addAttribute(item *catalog.Item, cell Cell) {
	key := strings.TrimSpace(cell.Key)
	if key == "" {
		return
	}
	if item.Attributes == nil {
		item.Attributes = make(map[string]string)
	}
	item.Attributes[key] = cell.Value.String()
}
