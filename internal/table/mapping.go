package table

import (
	"bytes"
	"maps"
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
	leftOut // of the question
	numFields
	// fieldParent is the key of the product that a row belongs to. It is in addition to a
	// column's own field.
	fieldParent
)

// fieldRank is the field that a column fills and its rank. If several columns fill a
// field, the lowest rank wins.
type fieldRank struct {
	field field
	rank  int
}

// columns are the known names of columns in files, folded: those of requests, and more
// that are added from columnNames.
var columns = maps.Clone(requestColumns)

// requestColumns are the known names in requests, folded. In addition, a key that
// contains "price" and the caller's product column are known.
var requestColumns = map[string]fieldRank{
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
// Blank values ("", null, "nan", "None") count as absent. If several columns fill the
// same field, the first in the list above that is not blank wins and the others become
// attributes; further addresses and keys are dropped.
// productColumn is a further name for the column of pages, empty for none; as it is
// spelled there, it comes before all others. A `product` that is not an address counts
// as a name. Of a list of addresses the first counts.
func MapRow(row Row, productColumn string) *catalog.Item {
	return mapRow(row, namesOf(productColumn, true, nil))
}

// MapRowWithoutID is MapRow for callers without keys: a column `id` is an attribute and
// takes part in the question. The choices come before all names.
func MapRowWithoutID(row Row, productColumn string, choices ...ColumnChoice) *catalog.Item {
	return mapRow(row, namesOf(productColumn, false, choices))
}

// names are the rules for columns in addition to the table above.
type names struct {
	productColumn string
	page          []byte // the same, folded
	ids           bool   // there are columns for the key
	choices       []ColumnChoice
}

func namesOf(productColumn string, ids bool, choices []ColumnChoice) names {
	return names{productColumn, fold(nil, productColumn), ids, choices}
}

// chosen returns the field that the caller wants the cell to fill, and whether the cell
// is to be left out.
func (n names) chosen(cell Cell) (f field, chosen, dropped bool) {
	for _, choice := range n.choices {
		known, ok := choice.field()
		switch {
		case ok && choice.Name != "" && sameName(cell.Key, choice.Name):
			return known, known < numFields, false
		case !ok && sameName(cell.Key, choice.Field):
			return 0, false, true
		}
	}
	byName := n.rankByName(cell).field
	for _, choice := range n.choices {
		if known, ok := choice.field(); ok && choice.Name == "" && known == byName && known != attribute {
			return 0, false, true
		}
	}
	return 0, false, false
}

// rankChosen comes before all ranks of names.
const rankChosen = -1

func (n names) rankOf(cell Cell) (c fieldRank, dropped bool) {
	if len(n.choices) > 0 {
		f, chosen, dropped := n.chosen(cell)
		if chosen || dropped {
			return fieldRank{f, rankChosen}, dropped
		}
	}
	return n.rankByName(cell), false
}

func mapRow(row Row, known names) *catalog.Item {
	ranks := make([]fieldRank, len(row))
	var winners [numFields]int // the winning cell's place plus 1
	for i, cell := range row {
		if cell.Value.Blank() {
			continue
		}
		c, dropped := known.rankOf(cell)
		if dropped {
			c = fieldRank{leftOut, 0}
		}
		ranks[i] = c
		best := winners[c.field]
		if best == 0 || c.rank <= ranks[best-1].rank {
			winners[c.field] = i + 1
		}
	}
	return fill(row, ranks, winners)
}

// HasPictureKey reports whether a row has a column that MapRow may take a picture
// or a page from, be its value blank or not.
func HasPictureKey(row Row, productColumn string, choices ...ColumnChoice) bool {
	known := namesOf(productColumn, true, choices)
	for _, cell := range row {
		c, dropped := known.rankOf(cell)
		if f := c.field; !dropped && (f == fieldImage || f == fieldPage || isProduct(cell.Key)) {
			return true
		}
	}
	return false
}

func isProduct(key string) bool {
	var buf [64]byte
	return string(fold(buf[:0], key)) == "product"
}

func (n names) rankByName(cell Cell) fieldRank {
	var buf [64]byte
	key := fold(buf[:0], cell.Key)
	c, known := requestColumns[string(key)]
	switch {
	case len(n.page) > 0 && c.field != fieldImage && cell.Key == n.productColumn:
		return fieldRank{fieldPage, rankExactColumn}
	case len(n.page) > 0 && c.field != fieldImage && bytes.Equal(key, n.page):
		return fieldRank{fieldPage, rankProductColumn}
	case c == requestColumns["product"] && known && !isAddress(cell.Value.first()):
		return fieldRank{fieldName, rankProductAsName}
	case c.field == fieldID && !n.ids:
		return fieldRank{}
	case known:
		return c
	case bytes.Contains(key, []byte("price")):
		return fieldRank{fieldPrice, rankAnyPrice}
	}
	return fieldRank{}
}

func isAddress(s string) bool {
	s = strings.ToLower(strings.TrimSpace(s))
	return strings.Contains(s, "://") || strings.HasPrefix(s, "//") || strings.HasPrefix(s, "www.")
}

func fill(row Row, ranks []fieldRank, winners [numFields]int) *catalog.Item {
	item := &catalog.Item{}
	for i, cell := range row {
		f := ranks[i].field
		switch {
		case cell.Value.Blank():
		case f != attribute && winners[f] == i+1:
			set(item, f, cell.Value)
		case f == fieldID || f == fieldImage || f == fieldPage || f == leftOut:
		case f != attribute && row[winners[f]-1].Value.String() == cell.Value.String():
			// The same text twice adds no information.
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
