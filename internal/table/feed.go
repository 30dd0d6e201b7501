package table

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// feedSource reads the products of a feed in XML: the item of RSS, the entry of Atom, as
// Google Merchant and others have them, or what other programs call a product. A cell is
// an element with text, by its name without a prefix; elements within it have its name in
// front. What is there several times is a list.
type feedSource struct {
	tags   *tagReader
	at     position
	record string // the name of the elements that are rows, once known
	rows   int
}

// recordNames are the names of elements that are rows.
var recordNames = map[string]bool{
	"item": true, "entry": true, "product": true, "offer": true, "row": true, "record": true, "article": true,
	"o": true, "produkt": true, "artikel": true, "produit": true, "producto": true, "prodotto": true, "shopitem": true,
}

// newFeedSource returns a source of the products of a feed that begins with head.
func newFeedSource(in io.Reader, at position, maxRow int, head []byte) *feedSource {
	return &feedSource{tags: newTagReader(newLetterReader(in), maxRow), at: at, record: repeatedRecord(head)}
}

func (s *feedSource) next() (record, error) {
	for {
		kind, err := s.tags.next()
		if errors.Is(err, io.EOF) && s.rows == 0 {
			return record{}, s.at.fault("is XML without products: give a feed of RSS or Atom (item or entry elements), CSV or JSON")
		}
		if err != nil {
			return record{}, s.failure(err)
		}
		name := strings.ToLower(s.tags.name)
		if s.record == "" && kind == html.StartTagToken && recordNames[name] {
			s.record = name
		}
		if kind != html.StartTagToken || name != s.record {
			continue
		}
		s.rows++
		r := record{line: s.tags.line}
		if r.row, err = s.product(); errors.Is(err, errManyCells) {
			at := s.at.at(r.line)
			return r, at.ofRow(at.fault("the product cannot be read: %v", err))
		}
		if err != nil {
			err = s.failure(err)
		}
		return r, err
	}
}

func (s *feedSource) failure(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		return s.at.fault("is XML that has been cut off in product %d", s.rows)
	case errors.Is(err, errLargePart):
		return s.at.fault("is XML with too much in product %d: %v", s.rows, err)
	}
	return s.at.unreadable(err)
}

var errManyCells = errors.New("it has over 1000 elements")

// feedElement is an element that is open.
type feedElement struct {
	tag, name string // the name may have a parameter's in addition
	address   string // in an attribute
	text      bytes.Buffer
}

// markup are the elements of HTML, which are part of the text around them.
var markup = map[string]bool{
	"p": true, "br": true, "b": true, "i": true, "u": true, "em": true, "strong": true, "span": true, "div": true,
	"ul": true, "ol": true, "li": true, "a": true, "font": true, "small": true, "hr": true, "h1": true, "h2": true,
	"h3": true, "h4": true, "table": true, "tbody": true, "tr": true, "td": true, "th": true, "sup": true, "sub": true,
}

// product reads the row that begins with a tag, up to its end.
func (s *feedSource) product() (Row, error) {
	b := &feedRow{tags: s.tags}
	b.attributes("")
	size := 0
	for {
		kind, err := s.tags.next()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		switch kind {
		case html.StartTagToken:
			b.open()
		case html.TextToken:
			text := s.tags.text()
			size += len(text)
			b.add(text)
		default:
			if len(b.stack) == 0 || (strings.EqualFold(s.tags.name, s.record) && !b.has(s.tags.name)) {
				return b.row.row, b.err
			}
			b.close(s.tags.name)
		}
		if size > s.tags.limit {
			return nil, errLargePart
		}
	}
}

// feedRow collects the cells of a product.
type feedRow struct {
	tags  *tagReader
	row   rowBuilder
	stack []*feedElement
	err   error
}

const maxNesting = 100

func (b *feedRow) has(name string) bool {
	for _, e := range b.stack {
		if e.tag == name {
			return true
		}
	}
	return false
}

// key returns the name of the elements that are open, one after the other.
func (b *feedRow) key() string {
	names := make([]string, len(b.stack))
	for i, e := range b.stack {
		names[i] = e.name
	}
	return strings.Join(names, ".")
}

func (b *feedRow) open() {
	if n := len(b.stack); n > 0 && (n >= maxNesting || markup[b.tags.name]) {
		b.add([]byte(" "))
		return
	}
	b.stack = append(b.stack, &feedElement{tag: b.tags.name, name: b.tags.name})
	b.attributes(b.key())
}

func (b *feedRow) add(text []byte) {
	if n := len(b.stack); n > 0 {
		b.stack[n-1].text.Write(text)
	}
}

// close ends the innermost element of that name. Those within it that are not closed end
// too, as in HTML.
func (b *feedRow) close(name string) {
	if !b.has(name) {
		return
	}
	for len(b.stack) > 0 {
		n := len(b.stack) - 1
		e := b.stack[n]
		text := strings.TrimFunc(e.text.String(), unicode.IsSpace)
		if key := b.key(); e.address != "" && (text == "" || strings.HasSuffix(linkKey(key), ownLink)) {
			b.put(key, e.address) // that of a text leads to something else, such as its language
		}
		if text != "" {
			b.put(b.key(), text)
		}
		b.stack = b.stack[:n]
		if e.tag == name {
			return
		}
	}
}

// attributes makes cells of the attributes that say something: an address of a link or a
// picture, a parameter's name, an id.
func (b *feedRow) attributes(key string) {
	for _, name := range []string{"href", "url", "src", "id", "name", "code"} {
		value := strings.TrimSpace(b.tags.attribute(name))
		switch {
		case value == "":
		case key == "":
			b.put(name, value)
		case name == "code" && !hasWord(b.tags.name, attributeLists):
		case name == "id" || name == "name" || name == "code":
			if n := len(b.stack); name != "id" && n > 0 {
				b.stack[n-1].name += "." + value // such as <param name="Colour">red</param>
			}
		default:
			b.stack[len(b.stack)-1].address = value
			return
		}
	}
	if key != "" {
		return
	}
	for _, a := range b.tags.attrs { // a product may have nothing but attributes
		known, ok := columns[string(fold(nil, a.Key))]
		if value := strings.TrimSpace(a.Val); ok && known.field != fieldType && value != "" {
			b.put(a.Key, value)
		}
	}
}

// put adds a text to a cell, which is a list from the second text on.
func (b *feedRow) put(key, text string) {
	i := b.row.find(key)
	switch {
	case i < 0 && len(b.row.row) == MaxColumns:
		b.err = errManyCells
	case i < 0:
		b.row.set(Cell{key, TextValue(text)})
	case b.row.row[i].Value.Kind == List:
		if v := &b.row.row[i].Value; len(v.List) < maxList {
			v.List = append(v.List, text)
		}
	case b.row.row[i].Value.Text != text:
		b.row.row[i].Value = ListValue([]string{b.row.row[i].Value.Text, text})
	}
}
