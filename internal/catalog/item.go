// Package catalog has the nouns of the problem: items and pictures as the input;
// answers, outcomes and batches as the output. It imports the standard library and
// fault only, and every other package uses its terms.
//
// The types are plain data. A value that was passed on must not be changed.
package catalog

import (
	"slices"
	"strings"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Limits of an item's text, in bytes.
const (
	MaxFieldBytes = 32 << 10
	MaxTextBytes  = 128 << 10
	// MaxIDBytes bounds the id, which each result has.
	MaxIDBytes = 1 << 10
)

// Item is one product to classify. Every field may be empty.
type Item struct {
	// ID is the caller's own key, no part of the question.
	ID          string `cbor:"1,keyasint,omitempty"`
	Name        string `cbor:"2,keyasint,omitempty"`
	Description string `cbor:"3,keyasint,omitempty"`
	// Type is the shop's short phrase for the kind of product.
	Type string `cbor:"4,keyasint,omitempty"`
	// Category is the product's current category.
	Category   string   `cbor:"5,keyasint,omitempty"`
	Styles     []string `cbor:"6,keyasint,omitempty"`
	Tags       []string `cbor:"7,keyasint,omitempty"`
	PriceRange string   `cbor:"8,keyasint,omitempty"`
	// ProductURL is the page that sells the product, or its picture.
	ProductURL string `cbor:"9,keyasint,omitempty"`
	ImageURL   string `cbor:"10,keyasint,omitempty"`
	// ImageData is the picture as it was sent, not yet checked.
	ImageData []byte `cbor:"11,keyasint,omitempty"`
	// Attributes are any other properties.
	Attributes map[string]string `cbor:"12,keyasint,omitempty"`
	// Row is the row of a table that the item was made of; nil: none. It is no part of
	// the question.
	Row *Row `cbor:"13,keyasint,omitempty"`
}

// Row is one row of a table, as it was sent.
type Row struct {
	Columns []string `cbor:"1,keyasint,omitempty"` // the same slice for all rows of a call
	// Cells are at most one for each column, and one more if the row has cells that no
	// column is for, which makes it unusable.
	Cells []string `cbor:"2,keyasint,omitempty"`
}

// Field is one part of an item's text and its name for the model.
type Field struct{ Key, Value string }

// Fields returns the item's text in a fixed order, blank parts left out and
// attributes by key, so that equal items have equal fields. Addresses and the
// ID are no part of it.
func (it *Item) Fields() []Field { return it.appendFields(make([]Field, 0, 8+len(it.Attributes))) }

// fieldRoom is room for the fields of most items without asking for memory.
type fieldRoom [24]Field

// appendFields appends the item's fields to dst, see Fields.
func (it *Item) appendFields(dst []Field) []Field {
	dst = appendField(dst, "name", it.Name)
	dst = appendField(dst, "type", it.Type)
	dst = appendField(dst, "current category", it.Category)
	dst = appendField(dst, "styles", strings.Join(it.Styles, ", "))
	dst = appendField(dst, "tags", strings.Join(it.Tags, ", "))
	dst = appendField(dst, "price", it.PriceRange)
	attributes := len(dst)
	for key, value := range it.Attributes {
		dst = appendField(dst, key, value)
	}
	slices.SortFunc(dst[attributes:], func(a, b Field) int { return strings.Compare(a.Key, b.Key) })
	return appendField(dst, "description", it.Description)
}

// appendField appends a field unless it is blank.
func appendField(dst []Field, key, value string) []Field {
	if value = strings.TrimSpace(value); value != "" {
		dst = append(dst, Field{key, value})
	}
	return dst
}

// HasText reports whether the item has any text.
func (it *Item) HasText() bool {
	isText := func(s string) bool { return strings.TrimSpace(s) != "" }
	for _, list := range [][]string{{it.Name, it.Type, it.Description, it.Category, it.PriceRange}, it.Styles, it.Tags} {
		if slices.ContainsFunc(list, isText) {
			return true
		}
	}
	for _, v := range it.Attributes {
		if isText(v) {
			return true
		}
	}
	return false
}

// HasPicture reports whether the item has a picture or an address of one.
func (it *Item) HasPicture() bool {
	return len(it.ImageData) > 0 || strings.TrimSpace(it.ImageURL) != "" || strings.TrimSpace(it.ProductURL) != ""
}

// Check returns an InvalidItem fault if the item is unusable whatever the mode:
// it has neither text nor picture, a text over its limit, or a row with too many cells.
func (it *Item) Check() *fault.Fault {
	if r := it.Row; r != nil && len(r.Cells) > len(r.Columns) {
		return fault.New(fault.InvalidItem, "the row has more cells than its %s: name every column, or leave out what is too much", Count(len(r.Columns), "column"))
	}
	if !it.HasText() && !it.HasPicture() {
		return fault.New(fault.InvalidItem,
			"the item has neither text nor a picture: give at least a product name, a description or an image")
	}
	if len(it.ID) > MaxIDBytes {
		return fault.New(fault.InvalidItem, "the id has %d bytes, at most %d are allowed: shorten it", len(it.ID), MaxIDBytes)
	}
	total := 0
	var room fieldRoom
	for _, f := range append(it.appendFields(room[:0]), Field{"product_url", it.ProductURL}, Field{"image_url", it.ImageURL}) {
		if len(f.Value) > MaxFieldBytes {
			return fault.New(fault.InvalidItem, "%s has %d bytes, at most %d are allowed: shorten it",
				Clip(f.Key, 64), len(f.Value), MaxFieldBytes)
		}
		total += len(f.Key) + len(f.Value)
	}
	if total > MaxTextBytes {
		return fault.New(fault.InvalidItem, "the item's text has %d bytes, at most %d are allowed: shorten it",
			total, MaxTextBytes)
	}
	return nil
}

// Size returns how many bytes the item takes in memory, for budgets.
func (it *Item) Size() int {
	n := len(it.ID) + len(it.Name) + len(it.Description) + len(it.Type) + len(it.Category) +
		len(it.PriceRange) + len(it.ProductURL) + len(it.ImageURL) + len(it.ImageData)
	for _, list := range [][]string{it.Styles, it.Tags} {
		for _, s := range list {
			n += len(s)
		}
	}
	for k, v := range it.Attributes {
		n += len(k) + len(v)
	}
	if it.Row != nil {
		for _, cell := range it.Row.Cells {
			n += len(cell)
		}
	}
	return n
}

// Clip returns s, cut to at most n bytes at the end of a character.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}

// Picture is a picture that is prepared for a model.
type Picture struct {
	Data []byte
	// MediaType is the type of the bytes, such as "image/jpeg".
	MediaType string
}
