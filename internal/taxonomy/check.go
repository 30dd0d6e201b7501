package taxonomy

import (
	"strings"
	"unicode"
)

// DefaultFallback is the fallback of a file that names none, if it has a category
// of this name.
const DefaultFallback = "OTHER"

// unique rejects names that are used twice.
func (r reader) unique(list []*fields) {
	first := map[string]int{}
	for _, m := range list {
		node := m.keys["name"]
		if node == nil || !namePattern.MatchString(node.Value) {
			continue
		}
		if line, twice := first[node.Value]; twice {
			r.add(node.Line, "the name %s is there twice, first in line %d: rename one or merge them", node.Value, line)
			continue
		}
		first[node.Value] = node.Line
	}
}

func (r reader) fallback(m *fields, t *Taxonomy) string {
	node, ok := m.keys["fallback"]
	if ok {
		if _, has := t.Category(node.Value); has && node.Value != "" {
			return node.Value
		}
		r.add(node.Line, "the fallback %q is not one of the categories: name one of them, or remove the line", clip(node.Value))
	}
	if _, has := t.Category(DefaultFallback); has {
		return DefaultFallback
	}
	return ""
}

// terms rejects a term of two categories in one language: its products would be in both.
func (r reader) terms(categories []*fields) {
	type claim struct {
		category string
		line     int
	}
	first := map[string]claim{}
	quiet := reader{&problems{}} // what languages reports was reported before
	for _, m := range categories {
		name := m.value("name")
		for language, list := range quiet.languages(m) {
			for _, term := range list.entries("terms") {
				word := language + " " + canonical(term.Value)
				if other, taken := first[word]; taken && other.category != name {
					r.add(term.Line, "%q is a term of %s too, in line %d: keep it in one of them", clip(term.Value), other.category, other.line)
					continue
				}
				first[word] = claim{name, term.Line}
			}
		}
	}
}

// foreign rejects foreign words if there is no fallback, and native words that are
// not foreign: both would silently have no effect.
func (r reader) foreign(m *fields, categories []*fields, t *Taxonomy) {
	if node, ok := m.keys["foreign"]; ok && t.Fallback == "" {
		r.add(node.Line, "foreign needs a fallback, the category of such products: name one of the categories as fallback, or remove the line")
	}
	known := map[string]bool{}
	for _, word := range t.Foreign {
		known[canonical(word)] = true
	}
	for _, category := range categories {
		for _, word := range category.entries("native") {
			if !known[canonical(word.Value)] {
				r.add(word.Line, "%q is native but not foreign: add it to the file's foreign words, or remove it", clip(word.Value))
			}
		}
	}
}

// canonical returns the same text for all spellings of a word: "book-shelf",
// "Book  shelf" and "bookshelf".
func canonical(word string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, word)
}
