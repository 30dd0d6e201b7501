package lexicon

import (
	"slices"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/taxonomy"
)

// styleWeights are the weights of a keyword, by field: the shop's own word for the style
// counts most.
var styleWeights = [numFields]float64{
	fieldStyles: 3, fieldTags: 1.5, fieldType: 1, fieldName: 1, fieldCategory: 1, fieldAttributes: 0.8, fieldDescription: 0.6,
}

const (
	paletteShare = 0.25 // colours count less: every style has white
	// secondShare is the share of the first score from which there is a second style.
	secondShare = 0.5
)

// The most tags of a classification.
const (
	maxFoundTags = 2 // from the text
	maxStyleTags = 4 // and one of the second style
	maxPlaces    = 3
)

// styleChoice is the styles that the text suggests.
type styleChoice struct {
	first, second int
	// guess is set if no word suggests a style, coloursOnly if only colours do.
	guess, coloursOnly bool
}

// addStyle sets the styles of a classification with their tags, and writes the reasons.
func (c *Classifier) addStyle(s *scratch, v *catalog.Classification, reasons *strings.Builder) {
	choice := c.chooseStyle(s)
	v.PrimaryStyle = c.taxonomy.Styles[choice.first].Name
	if choice.second != none {
		v.SecondaryStyle = c.taxonomy.Styles[choice.second].Name
	}
	v.StyleTags = c.styleTags(s, choice)
	c.explainStyle(reasons, s, choice)
}

// chooseStyle returns the styles: the taxonomy's first if no word suggests one.
func (c *Classifier) chooseStyle(s *scratch) styleChoice {
	keywords := false
	for _, h := range s.hits {
		switch h.clue.kind {
		case forStyle:
			s.styles[h.clue.target] += styleWeights[h.field]
			keywords = true
		case forPalette:
			s.styles[h.clue.target] += styleWeights[h.field] * paletteShare
		default:
		}
	}
	r := rank(s.styles)
	l := styleChoice{first: r.first, second: none, guess: r.top == 0, coloursOnly: r.top > 0 && !keywords}
	if r.second != none && r.next > 0 && r.next >= secondShare*r.top {
		l.second = r.second
	}
	return l
}

// styleTags returns up to 5 tags: first the style's keywords in the text, then the
// taxonomy's tags for it.
func (c *Classifier) styleTags(s *scratch, l styleChoice) []string {
	tags := make([]string, 0, maxStyleTags+1)
	add := func(list []string, most int) {
		for _, tag := range list {
			if len(tags) >= most {
				return
			}
			if !slices.Contains(tags, tag) {
				tags = append(tags, tag)
			}
		}
	}
	add(c.found(s, forStyle, l.first), maxFoundTags)
	add(c.taxonomy.Styles[l.first].Tags, maxStyleTags)
	if l.second != none {
		add(c.taxonomy.Styles[l.second].Tags, len(tags)+1)
	}
	return tags
}

// found returns the phrases of the text that suggest the target.
func (c *Classifier) found(s *scratch, of clueKind, target int) []string {
	var phrases []string
	for _, h := range s.hits {
		if h.clue.kind == of && int(h.clue.target) == target {
			phrases = append(phrases, c.vocabulary.phrases[h.clue.phrase])
		}
	}
	return phrases
}

// placementTags returns up to 3 places: those in the text, then the category's.
func (c *Classifier) placementTags(s *scratch, category *taxonomy.Category) []string {
	places := make([]string, 0, maxPlaces)
	for _, h := range s.hits {
		if h.clue.kind == forPlace && len(places) < maxFoundTags {
			places = append(places, c.vocabulary.places[h.clue.target])
		}
	}
	for _, place := range category.Placements {
		if len(places) == maxPlaces {
			break
		}
		if !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	return places
}
