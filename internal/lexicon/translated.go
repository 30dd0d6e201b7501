package lexicon

import (
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// Weights of phrases in other languages, whose grammar is known less well.
const (
	featureShare     = 0.1
	appositionShare  = 0.2 // a noun after the head: "Couchtisch, Tischplatte"
	unknownHeadShare = 0.3 // remains for a noun after an unknown head: "... pour canapé"
	// mostTranslated bounds the confidence.
	mostTranslated = 0.9
	// mostUnknown bounds the confidence of a text in an unknown language.
	mostUnknown = 0.3
)

// weighIn computes the scores of the categories by the nouns of a language.
func (c *Classifier) weighIn(l *language, s *scratch, it *catalog.Item) {
	s.matchStyles(c.vocabulary, it)
	t := translation{scratch: s, l: l, fallback: c.fallback}
	t.read(it.Type, fieldType, typeWeight)
	t.read(it.Name, fieldName, nameWeight)
	t.read(lastOfPath(it.Category), fieldCategory, categoryWeight)
	for _, tag := range it.Tags[:min(len(it.Tags), maxTags)] {
		t.read(tag, fieldTags, tagWeight)
	}
	t.read(it.Description, fieldDescription, openingWeight)
	s.doubt(c.fallback, unknownItem)
}

// matchStyles stores the styles and places in the item's text, many of which have the
// same name in all languages.
func (s *scratch) matchStyles(v *vocabulary, it *catalog.Item) {
	for _, style := range it.Styles[:min(len(it.Styles), maxTags)] {
		s.match(v, clip(style, maxTagBytes), fieldStyles)
	}
	s.match(v, clip(catalog.VisibleText(it.Name), maxNameBytes), fieldName)
	s.match(v, clip(catalog.VisibleText(it.Description), maxDescriptionBytes), fieldDescription)
}

// translation votes for the products that a text names in a language.
type translation struct {
	*scratch
	l        *language
	fallback int16
	field    field
	weight   float64

	rank    int     // number of segments that have named something
	share   float64 // of the noun that is read next
	headed  bool    // the segment's head was found
	unknown bool    // an unknown word is before the head
}

// foreignWordAt is a word of the text.
type foreignWordAt struct {
	text    string
	gap     gap
	counted bool
}

func (t *translation) read(text string, f field, weight float64) {
	if text == "" {
		return
	}
	t.field, t.weight, t.rank = f, weight, 0
	words := wordsOf(clip(catalog.VisibleText(text), maxNameBytes))
	for len(words) > 0 {
		end := 1
		for end < len(words) && words[end].gap < gapLoose {
			end++
		}
		t.segment(words[:end])
		words = words[end:]
	}
}

// apostrophes separate words in French and Italian: "d'angle".
var apostrophes = strings.NewReplacer("'", " ", "’", " ")

func withoutApostrophes(text string) string {
	if strings.IndexByte(text, '\'') < 0 && !strings.Contains(text, "’") {
		return text
	}
	return apostrophes.Replace(text)
}

// wordsOf splits a text into words.
func wordsOf(text string) []foreignWordAt {
	var words []foreignWordAt
	s := scanner{text: withoutApostrophes(text)}
	for {
		word, gap, ok := s.next()
		if !ok {
			return words
		}
		words = append(words, foreignWordAt{string(word), gap, s.counted})
	}
}

func (t *translation) segment(words []foreignWordAt) {
	t.share, t.headed, t.unknown = 1, false, false
	before := t.votes
	for i := 0; i < len(words); {
		term, size := t.term(words[i:])
		if size == 0 {
			t.other(&words[i])
			i++
			continue
		}
		end := i + size
		for t.l.headLast && !words[i].counted && end < len(words) && words[end].gap <= gapHyphen && !words[end].counted {
			next, size := t.term(words[end:])
			if size == 0 {
				break
			}
			term, end = next, end+size
		}
		t.found(term, words[i].counted)
		i = end
	}
	if t.votes > before {
		t.rank++
	}
}

// term returns the longest term that the words begin with, and its number of words.
func (t *translation) term(words []foreignWordAt) (term foreignTerm, size int) {
	phrase := ""
	for i := range words[:min(len(words), maxPhraseWords)] {
		if i > 0 && (words[i].gap > gapHyphen || words[i].counted) {
			break
		}
		if i > 0 {
			phrase += " "
		}
		phrase += words[i].text
		if found, ok := t.l.terms[phrase]; ok {
			term, size = found, i+1
		}
	}
	if size == 0 && t.l.compounds && t.l.roles[words[0].text] == roleNone {
		if found, length := t.l.part(words[0].text); length > 0 {
			return found, 1
		}
	}
	return term, size
}

// found votes for a term.
func (t *translation) found(term foreignTerm, counted bool) {
	e := noEvidence
	e.phrase, e.field, e.kind = term.phrase, t.field, headProduct
	weight := t.weight * t.share * rankWeights[min(t.rank, len(rankWeights)-1)]
	switch {
	case t.headed && (t.share == 1 || counted):
		weight *= appositionShare
		e.kind = headModifier
	case !t.headed && t.share < 1 && t.unknown:
		e.doubted = true
		t.doubt(t.fallback, t.weight*unknownHeadShare)
	}
	t.vote(term.category, weight, e)
	t.headed = true
}

// other reads a word that is no term.
func (t *translation) other(word *foreignWordAt) {
	switch t.l.roles[word.text] {
	case roleWith:
		if t.headed || t.unknown {
			t.share = featureShare
		}
	case roleOf:
		switch {
		case t.headed:
			t.share = featureShare
		case t.unknown:
			t.share = unknownHeadShare
		}
	case roleAnd:
		if t.headed && t.share == 1 {
			t.share = coordinateShare
		}
	case roleNone:
		t.unknown = t.unknown || !t.headed && len(word.text) >= minNoun
	default: // says nothing about the product
	}
}

// lastOfPath returns the last part of a path such as "Home > Living room > Sofas".
func lastOfPath(text string) string {
	if i := strings.LastIndexAny(text, ">|/"); i >= 0 && i+1 < len(text) {
		return text[i+1:]
	}
	return text
}
