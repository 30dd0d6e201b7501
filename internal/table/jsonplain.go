package table

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// hoisted are the names of objects that have the product in them: their members are the
// row's. So are those of an object that describes a product in a row that does not.
var hoisted = map[string]bool{
	"product": true, "node": true, "item": true, "source": true, "fields": true, "attributes": true, "values": true,
	"properties": true, "row": true,
}

// addressNames are the members that have the address of a picture or a page.
var addressNames = []string{"src", "url", "href", "link", "image", "image_url", "imageUrl", "contentUrl", "originalSrc"}

// plainNames are the members that have the text of an object that is little more.
var plainNames = []string{"value", "rendered", "amount", "name", "title", "label", "content", "#text", "data"}

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
	nested := !describes(row, 1) && !slices.ContainsFunc(row, hasProductText)
	for _, cell := range row {
		if id, ok := documentID(cell); ok {
			cell = Cell{"id", TextValue(id)}
		}
		object, ok := objectOf(cell.Value.Text)
		if ok && (hoisted[string(fold(nil, cell.Key))] || nested && !ofOther(cell.Key) && describes(object, 2)) {
			inner = append(inner, object)
			continue
		}
		if strings.EqualFold(cell.Key, "variants") && len(cell.Value.List) > 0 {
			if variant, ok := objectOf(cell.Value.List[0]); ok {
				inner = append(inner, pick(variant, "price", "sku"))
			}
		}
		switch named := namedValues(cell); {
		case named != nil:
			inner = append(inner, named)
			continue
		case ok:
			cell.Value = plainObject(object, cell.Value, holdsTexts(cell.Key))
		case hasObject(cell.Value.List):
			cell.Value = plainList(cell.Value, holdsTexts(cell.Key))
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

// describes reports whether a row has at least n of a product's name, description and picture.
func describes(row Row, n int) bool {
	for _, cell := range row {
		known := columns[string(fold(nil, cell.Key))].field
		if !cell.Value.Blank() && (known == fieldName || known == fieldDescription || known == fieldImage) {
			n--
		}
	}
	return n <= 0
}

// hasProductText reports whether a cell is a product's name or description by a name with
// something added, such as "Bezeichnung (DE)".
func hasProductText(cell Cell) bool {
	known, _ := namedField(cell.Key)
	return (known.field == fieldName || known.field == fieldDescription) && !cell.Value.Blank() && !isObjectText(cell.Value.Text)
}

// others are words for what a product belongs to, and what may have a name, a description and
// a picture of its own.
var others = wordSet("brand manufacturer maker producer vendor seller supplier merchant shop store company author designer user owner customer collection series")

// ofOther reports whether a member is not the product by its name.
func ofOther(key string) bool { return holdsTexts(key) || hasWord(key, others) }

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

// holdsTexts reports whether a member has texts by its name, and no addresses.
func holdsTexts(key string) bool {
	known, _ := namedField(key)
	return known.field == fieldCategory || known.field == fieldType || known.field == fieldTags
}

// plainObject returns the one word of an object, or whole if it says more. If texts are
// sought, its name goes before its address: that of a category.
func plainObject(object Row, whole Value, texts bool) Value {
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
	if len(object) == 1 && strings.HasPrefix(object[0].Key, "$") {
		return object[0].Value // MongoDB's {"$oid": "..."}
	}
	if len(object) == 1 && slices.Contains(typeNames, object[0].Key) {
		return plainTyped(object[0].Value)
	}
	if value, ok := object.byType(); ok && len(whole.Text) < maxTyped {
		return plainTyped(value)
	}
	if texts {
		if value, ok := object.name(); ok {
			return value
		}
	}
	for _, name := range addressNames {
		if value, ok := object.lookup(name); ok && isAddress(value.String()) {
			return value
		}
	}
	if value, ok := object.name(); ok && len(object) <= 3 {
		return value
	}
	return whole
}

// maxTyped bounds an object in which others may be nested, in bytes: each is read once more.
const maxTyped = 16 << 10

// byType returns the value that stands under the name of the object's type, as in Notion's
// {"type": "number", "number": 9}.
func (r Row) byType() (Value, bool) {
	kind, ok := r.lookup("type")
	if !ok || kind.Kind != Text {
		return Value{}, false
	}
	return r.lookup(kind.Text)
}

// name returns the text of an object that is little more: one of plainNames, or else the only
// member that calls itself a name, such as "node_name".
func (r Row) name() (Value, bool) {
	for _, name := range plainNames {
		value, ok := r.lookup(name)
		switch {
		case !ok, isObjectText(value.Text):
		case value.Kind != List:
			return value, true
		case name == "data":
			return plainList(value, false), true
		}
	}
	found, n := Value{}, 0
	for _, cell := range r {
		words := nameWords(cell.Key)
		switch last := len(words) - 1; {
		case last > 0 && words[last] == "name" && cell.Value.Kind == Text:
			found, n = cell.Value, n+1
		case cell.Value.Kind == Number && !hasWord(cell.Key, keyWords): // "currency_name" tells of it
			return Value{}, false
		}
	}
	return found, n == 1
}

// typeNames are the names of types around a value in exports of DynamoDB and Firestore.
var typeNames = strings.Fields("S N B SS NS BS BOOL L M stringValue integerValue doubleValue booleanValue timestampValue referenceValue arrayValue mapValue")

// plainTyped returns the value within its type's name.
func plainTyped(value Value) Value {
	object, ok := objectOf(value.Text)
	if values, listed := object.lookup("values"); listed {
		return plainList(values, false)
	}
	if ok {
		return plainObject(object, value, false)
	}
	return plainList(value, false)
}

// documentID returns the last part of a name by which Firestore calls a document, and false
// for other cells.
func documentID(cell Cell) (id string, ok bool) {
	_, path, ok := strings.Cut(cell.Value.Text, "/documents/")
	if !ok || cell.Key != "name" || !strings.HasPrefix(cell.Value.Text, "projects/") {
		return "", false
	}
	return path[strings.LastIndexByte(path, '/')+1:], true
}

// languageNames are the members that have the language of the text next to them.
var languageNames = []string{"locale", "language", "lang", "languageCode", "language_tag"}

// inOneLanguage returns the objects of a list in English or in the first one's language, if
// all say which theirs is: Akeneo's [{"locale": "en_US", "data": "Sofa"}]. Else it returns
// the whole list.
func inOneLanguage(list []string) []string {
	var best []string
	code := ""
	for i, text := range list {
		object, _ := objectOf(text)
		at := slices.IndexFunc(object, func(c Cell) bool { return slices.Contains(languageNames, c.Key) })
		if at < 0 {
			return list
		}
		this := object[at].Value.Text
		if i == 0 || strings.HasPrefix(this, "en") && !strings.HasPrefix(code, "en") {
			best, code = nil, this
		}
		if this == code {
			best = append(best, text)
		}
	}
	return best
}

// attributeLists are words in the names of lists of attributes, and labelNames the members
// of one that say which it is.
var (
	attributeLists = wordSet("attributes attribute properties property specifications specs features params parameters characteristics details")
	labelNames     = []string{"attribute_code", "code", "name", "key", "label", "title"}
	contentNames   = []string{"value", "values", "options", "option"}
)

// namedValues returns the attributes of a list such as Magento's
// [{"attribute_code": "colour", "value": "red"}], nil for other cells.
func namedValues(cell Cell) Row {
	if len(cell.Value.List) == 0 || !hasWord(cell.Key, attributeLists) {
		return nil
	}
	var row Row
	for _, text := range cell.Value.List {
		object, _ := objectOf(text)
		name, content := object.firstOf(labelNames), object.firstOf(contentNames)
		if name.Kind != Text || content.Kind == Null && len(object) < 2 {
			return nil
		}
		row = append(row, Cell{name.Text, content})
	}
	return row
}

// firstOf returns the first value that the row has of the names.
func (r Row) firstOf(names []string) Value {
	for _, name := range names {
		if value, ok := r.lookup(name); ok {
			return value
		}
	}
	return Value{}
}

// plainList returns a list with the one word of each object.
func plainList(list Value, texts bool) Value {
	if list.Kind != List {
		return list
	}
	list.List = inOneLanguage(list.List)
	words := make([]string, len(list.List))
	for i, text := range list.List {
		words[i] = text
		if object, ok := objectOf(text); ok {
			words[i] = plainObject(object, TextValue(text), texts).String()
		}
	}
	return ListValue(words)
}
