package lexicon

import (
	"maps"
	"slices"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// weigh computes the scores of the categories.
func (c *Classifier) weigh(s *scratch, it *catalog.Item) {
	// The shop's own styles are first, because the first place of a repeated word counts.
	for _, style := range it.Styles[:min(len(it.Styles), maxTags)] {
		s.match(c.vocabulary, clip(style, maxTagBytes), fieldStyles)
	}
	mistyped := it.Type != "" && !c.read(s, it.Type, fieldType, typeWeight, maxNameBytes) && hasUnknownNoun(s.lexemes)
	c.read(s, it.Name, fieldName, nameWeight, maxNameBytes)
	c.category(s, it.Category)
	for _, tag := range it.Tags[:min(len(it.Tags), maxTags)] {
		c.read(s, tag, fieldTags, tagWeight, maxTagBytes)
	}
	c.attributes(s, it.Attributes)
	c.read(s, it.Description, fieldDescription, descriptionWeight, maxDescriptionBytes)
	unnamed := unknownItem
	if mistyped {
		unnamed += unknownType
	}
	s.doubt(c.fallback, unnamed)
	c.addHints(s)
}

// hasUnknownNoun reports whether a word that is not in the vocabulary may be a noun: a
// type such as "Indoor" names nothing, and "Zither" something unknown.
func hasUnknownNoun(lexemes []lexeme) bool {
	return slices.ContainsFunc(lexemes, func(l lexeme) bool { return l.noun })
}

func (c *Classifier) read(s *scratch, text string, f field, weight float64, most int) bool {
	if text == "" {
		return false
	}
	r := reading{
		scratch: s, v: c.vocabulary, fallback: c.fallback,
		field: f, weight: weight, prose: f == fieldDescription,
	}
	return r.read(s.match(c.vocabulary, clip(catalog.VisibleText(text), most), f))
}

// category reads the product's current category. Of a path such as "Home > Living room >
// Sofas", only the last part is read.
func (c *Classifier) category(s *scratch, text string) {
	for i := range c.taxonomy.Categories {
		if strings.EqualFold(strings.TrimSpace(text), c.taxonomy.Categories[i].Name) {
			e := noEvidence
			e.field, e.kind = fieldCategory, headHint
			s.vote(int16(i), categoryWeight, e)
			return
		}
	}
	c.read(s, lastOfPath(text), fieldCategory, categoryWeight, maxNameBytes)
}

// attributes reads the attributes sorted by key, so that equal items get equal answers.
func (c *Classifier) attributes(s *scratch, attributes map[string]string) {
	if len(attributes) == 0 {
		return
	}
	keys := slices.Sorted(maps.Keys(attributes))
	for _, key := range keys[:min(len(keys), maxAttributes)] {
		weight := attributeWeight
		if namesKind(key) {
			weight = kindWeight
		}
		c.read(s, attributes[key], fieldAttributes, weight, maxTagBytes)
	}
}

func namesKind(key string) bool {
	key = strings.ToLower(clip(key, maxTagBytes))
	return slices.ContainsFunc([]string{"type", "category", "kind", "product", "class"}, func(word string) bool {
		return strings.Contains(key, word)
	})
}

func (c *Classifier) addHints(s *scratch) {
	for _, h := range s.hits {
		if h.clue.kind != forCategory {
			continue
		}
		i := h.clue.target
		weight := min(hintWeights[h.field], maxHints-s.hints[i])
		s.hints[i] += weight
		e := noEvidence
		e.phrase, e.field, e.kind = h.clue.phrase, h.field, headHint
		s.vote(i, weight, e)
	}
}

// clip cuts text at a space within the first n bytes, or at n bytes.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	if i := strings.LastIndexByte(text[:n], ' '); i > n/2 {
		return text[:i]
	}
	return strings.ToValidUTF8(text[:n], "")
}
