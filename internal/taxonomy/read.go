package taxonomy

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// formatVersion is the one version of the file format.
const formatVersion = 1

// Limits of a file, all of which goes into the prompt.
const (
	MaxCategories = 200
	MaxStyles     = 100
	MaxWords      = 2000 // of one list
	maxWordBytes  = 100
	maxTextBytes  = 4000
)

var namePattern = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,62}$`)

// reader turns nodes into values and collects their problems.
type reader struct{ *problems }

func read(root *yaml.Node, p *problems) *Taxonomy {
	r := reader{p}
	t := &Taxonomy{}
	m := r.mapping(root, "the file", "version", "fallback", "foreign", "product_words", "categories", "styles")
	if m == nil {
		return t
	}
	r.version(m)
	if _, ok := m.keys["categories"]; !ok {
		r.add(m.line, "the file has no categories: add a list of at least 2")
	}
	var categories, styles []*fields
	for _, node := range r.sequence(m, "categories", 2, MaxCategories) {
		if c := r.mapping(node, "a category", "name", "description", "terms", "hints", "native", "placements"); c != nil {
			categories, t.Categories = append(categories, c), append(t.Categories, r.category(c))
		}
	}
	for _, node := range r.sequence(m, "styles", 1, MaxStyles) {
		if s := r.mapping(node, "a style", "name", "description", "keywords", "palette", "tags"); s != nil {
			styles, t.Styles = append(styles, s), append(t.Styles, r.style(s))
		}
	}
	r.unique(categories)
	r.unique(styles)
	t.Fallback = r.fallback(m, t)
	r.terms(categories)
	t.Foreign = r.words(m, "foreign", 1)
	t.ProductWords = r.words(m, "product_words", 1)
	r.foreign(m, categories, t)
	return t
}

func (r reader) version(m *fields) {
	node, ok := m.keys["version"]
	if ok && (node.Kind != yaml.ScalarNode || node.Value != fmt.Sprint(formatVersion)) {
		r.add(node.Line, "the file's version is not known: write \"version: %d\"", formatVersion)
	}
}

func (r reader) category(m *fields) Category {
	c := Category{
		Name:        r.name(m),
		Description: r.text(m, "description"),
		Hints:       r.words(m, "hints", 1),
		Native:      r.words(m, "native", 1),
		Placements:  r.words(m, "placements", 2),
	}
	for language, list := range r.languages(m) {
		if words := r.words(list, "terms", 1); language == english {
			c.Terms = words
		} else if len(words) > 0 {
			if c.Translations == nil {
				c.Translations = map[string][]string{}
			}
			c.Translations[language] = words
		}
	}
	return c
}

// english is the language of a plain list of terms.
const english = "en"

var languagePattern = regexp.MustCompile(`^[a-z]{2,3}$`)

// languages returns a category's terms by language, each as the key "terms" of fields of
// its own: terms are one list, in English, or a list for each language.
func (r reader) languages(m *fields) map[string]*fields {
	node, ok := m.keys["terms"]
	if !ok || node.Kind != yaml.MappingNode {
		return map[string]*fields{english: m}
	}
	lists := map[string]*fields{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, val := node.Content[i], node.Content[i+1]
		switch {
		case !languagePattern.MatchString(key.Value):
			r.add(key.Line, "%q is not a language: write its ISO 639 code in lower case, such as de", clip(key.Value))
		case lists[key.Value] != nil:
			r.add(key.Line, "the language %q is there twice: remove one", key.Value)
		case val.Kind == yaml.AliasNode:
			r.add(val.Line, "aliases are not supported: write the value of %q out", key.Value)
		default:
			lists[key.Value] = &fields{m.what, key.Line, map[string]*yaml.Node{"terms": val}}
		}
	}
	return lists
}

func (r reader) style(m *fields) Style {
	return Style{
		Name:        r.name(m),
		Description: r.text(m, "description"),
		Keywords:    r.words(m, "keywords", 1),
		Palette:     r.words(m, "palette", 1),
		Tags:        r.words(m, "tags", 3),
	}
}

func (r reader) name(m *fields) string {
	node, ok := m.keys["name"]
	if !ok {
		r.add(m.line, "%s has no name: add \"name: SOME_NAME\"", m.what)
		return ""
	}
	if node.Kind != yaml.ScalarNode || !namePattern.MatchString(node.Value) {
		r.add(node.Line, "%q is not a name: use upper-case letters, digits and underscores, a letter first, at most 63", clip(node.Value))
		return ""
	}
	return node.Value
}

func (r reader) text(m *fields, key string) string {
	node, ok := m.keys[key]
	if !ok {
		return ""
	}
	text := strings.Join(strings.Fields(node.Value), " ")
	switch {
	case node.Kind != yaml.ScalarNode || text == "" || node.Tag == "!!null":
		r.add(node.Line, "%s is empty or not text: write a sentence", key)
	case len(text) > maxTextBytes:
		r.add(node.Line, "%s has %d bytes, at most %d are allowed: shorten it", key, len(text), maxTextBytes)
	}
	return text
}

// words reads an optional list of different words, in lower case and without
// superfluous spaces. If the list is there, it has at least least words.
func (r reader) words(m *fields, key string, least int) []string {
	var words []string
	first := map[string]int{}
	for _, node := range r.sequence(m, key, least, MaxWords) {
		word, ok := r.word(node, key)
		if !ok {
			continue
		}
		if line, twice := first[canonical(word)]; twice {
			r.add(node.Line, "%q is in %s twice, first in line %d: remove one", word, key, line)
			continue
		}
		first[canonical(word)] = node.Line
		words = append(words, word)
	}
	return words
}

func (r reader) word(node *yaml.Node, key string) (string, bool) {
	word := strings.ToLower(strings.Join(strings.Fields(node.Value), " "))
	switch {
	case node.Kind != yaml.ScalarNode || node.Tag == "!!null" || canonical(word) == "":
		r.add(node.Line, "an entry of %s is not a word: write words or short phrases", key)
	case len(word) > maxWordBytes:
		r.add(node.Line, "%q in %s is longer than %d bytes: shorten it", clip(word), key, maxWordBytes)
	default:
		return word, true
	}
	return "", false
}

func clip(s string) string {
	if len(s) <= 40 {
		return s
	}
	return strings.ToValidUTF8(s[:40], "") + "..."
}
