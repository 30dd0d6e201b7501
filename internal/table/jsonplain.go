package table

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// hoisted are the names of objects that have the product in them: their members are the
// row's.
var hoisted = map[string]bool{
	"product": true, "node": true, "item": true, "source": true, "fields": true, "attributes": true,
}

// addressNames are the members that have the address of a picture or a page.
var addressNames = []string{"src", "url", "href", "link", "image", "image_url", "imageUrl", "contentUrl", "originalSrc"}

// plainNames are the members that have the text of an object that is little more.
var plainNames = []string{"value", "rendered", "amount", "name", "title", "label", "#text"}

// language is the name of a language, such as en or pt-BR.
var language = regexp.MustCompile(`^[a-z]{2}([-_][A-Za-z]{2,4})?$`)

// plainRow returns a row with what objects in it say in one word: the text in English or
// in the first language, an address, a name. Members of the object that is the product
// are the row's, and the first variant's price and number are those of the product.
func plainRow(row Row) Row {
	if !slices.ContainsFunc(row, func(c Cell) bool { return isObjectText(c.Value.Text) || hasObject(c.Value.List) }) {
		return row
	}
	plain := rowBuilder{row: make(Row, 0, len(row))}
	var inner []Row
	for _, cell := range row {
		object, ok := objectOf(cell.Value.Text)
		if ok && hoisted[strings.TrimLeft(string(fold(nil, cell.Key)), "_")] {
			inner = append(inner, object)
			continue
		}
		if strings.EqualFold(cell.Key, "variants") && len(cell.Value.List) > 0 {
			if variant, ok := objectOf(cell.Value.List[0]); ok {
				inner = append(inner, pick(variant, "price", "sku"))
			}
		}
		if ok {
			cell.Value = plainObject(object, cell.Value)
		} else if hasObject(cell.Value.List) {
			cell.Value = plainList(cell.Value)
		}
		plain.set(cell)
	}
	for _, object := range inner {
		for _, cell := range plainRow(object) {
			if plain.find(cell.Key) < 0 && len(plain.row) < MaxColumns {
				plain.set(cell)
			}
		}
	}
	return plain.row
}

func isObjectText(text string) bool {
	return len(text) > 2 && text[0] == '{' && text[len(text)-1] == '}'
}

func hasObject(list []string) bool { return slices.ContainsFunc(list, isObjectText) }

func objectOf(text string) (Row, bool) {
	if !isObjectText(text) {
		return nil, false
	}
	var row Row
	err := json.Unmarshal([]byte(text), &row)
	return row, err == nil
}

func pick(row Row, names ...string) Row {
	var picked Row
	for _, cell := range row {
		if slices.Contains(names, cell.Key) {
			picked = append(picked, cell)
		}
	}
	return picked
}

// plainObject returns the one word of an object, or whole if it says more.
func plainObject(object Row, whole Value) Value {
	languages := len(object) > 0
	for _, cell := range object {
		languages = languages && language.MatchString(cell.Key) && cell.Value.Kind != List && !isObjectText(cell.Value.Text)
	}
	if languages {
		for _, cell := range object {
			if strings.HasPrefix(cell.Key, "en") && !cell.Value.Blank() {
				return cell.Value
			}
		}
		return object[0].Value
	}
	for _, name := range addressNames {
		if value, ok := object.exact(name); ok && isAddress(value.String()) {
			return value
		}
	}
	if len(object) > 3 {
		return whole
	}
	for _, name := range plainNames {
		if value, ok := object.exact(name); ok && !isObjectText(value.Text) && value.Kind != List {
			return value
		}
	}
	return whole
}

func (r Row) exact(key string) (Value, bool) {
	for _, cell := range r {
		if cell.Key == key {
			return cell.Value, true
		}
	}
	return Value{}, false
}

// plainList returns a list with the one word of each object.
func plainList(list Value) Value {
	words := make([]string, len(list.List))
	for i, text := range list.List {
		words[i] = text
		if object, ok := objectOf(text); ok {
			words[i] = plainObject(object, TextValue(text)).String()
		}
	}
	return ListValue(words)
}
