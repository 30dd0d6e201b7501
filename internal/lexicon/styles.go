package lexicon

import (
	"slices"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/taxonomy"
)

// What a keyword says for its style, by field: the shop's own word for the style
// most. A colour alone says little, since every style has white.
var styleWeights = [numFields]float64{
	fieldStyles: 3, fieldTags: 1.5, fieldType: 1, fieldName: 1, fieldCategory: 1, fieldAttributes: 0.8, fieldDescription: 0.6,
}

const (
	paletteShare = 0.25
	// secondShare is how near the second style must come to be told.
	secondShare = 0.5
)

// How many tags a verdict has at most: from the text, in all, and of places.
const (
	maxFoundTags = 2
	maxStyleTags = 4 // and one of the second style
	maxPlaces    = 3
)

// look is the style that the text points to.
type look struct {
	first, second int
	// guess is set where nothing points anywhere, colours only where just they do.
	guess, coloursOnly bool
}

// addStyle sets the styles of a verdict with their tags and reasons.
func (c *Classifier) addStyle(s *scratch, v *catalog.Verdict) {
	look := c.look(s)
	v.PrimaryStyle = c.taxonomy.Styles[look.first].Name
	if look.second != none {
		v.SecondaryStyle = c.taxonomy.Styles[look.second].Name
	}
	v.StyleTags = c.styleTags(s, look)
	v.Reasoning += c.styleReason(s, look)
}

// look finds the style. Where nothing points to one it is the taxonomy's first.
func (c *Classifier) look(s *scratch) look {
	keywords := false
	for _, h := range s.hits {
		switch h.clue.subject {
		case forStyle:
			s.styles[h.clue.target] += styleWeights[h.field]
			keywords = true
		case forPalette:
			s.styles[h.clue.target] += styleWeights[h.field] * paletteShare
		default:
		}
	}
	r := rank(s.styles)
	l := look{first: r.first, second: none, guess: r.top == 0, coloursOnly: r.top > 0 && !keywords}
	if r.second != none && r.next > 0 && r.next >= secondShare*r.top {
		l.second = r.second
	}
	return l
}

// styleTags returns 3 to 5 tags: first the style's keywords that the text has
// itself, then the taxonomy's tags for it.
func (c *Classifier) styleTags(s *scratch, l look) []string {
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

// found returns the phrases of the text that speak for the target.
func (c *Classifier) found(s *scratch, of subject, target int) []string {
	var phrases []string
	for _, h := range s.hits {
		if h.clue.subject == of && int(h.clue.target) == target {
			phrases = append(phrases, c.vocabulary.phrases[h.clue.phrase])
		}
	}
	return phrases
}

// placementTags returns 2 or 3 places: those that the text names, then the
// category's usual ones.
func (c *Classifier) placementTags(s *scratch, category *taxonomy.Category) []string {
	places := make([]string, 0, maxPlaces)
	for _, h := range s.hits {
		if h.clue.subject == forPlace && len(places) < maxFoundTags {
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
