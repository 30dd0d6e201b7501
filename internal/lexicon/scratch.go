package lexicon

import "github.com/credenza-dev/credenza/internal/catalog"

// field is a part of an item's text.
type field uint8

const (
	fieldType field = iota
	fieldName
	fieldCategory
	fieldStyles
	fieldTags
	fieldAttributes
	fieldDescription
	numFields
)

// String returns the name of the field in reasons.
func (f field) String() string {
	return [...]string{"type", "name", "current category", "styles", "tags", "attributes", "description"}[f]
}

type token struct {
	word    int32 // 0: not in the vocabulary
	gap     gap
	counted bool // a number is before it
	letters letterCase
	noun    bool // its form is possible for a noun
	// node is the longest phrase that begins here, and end the token after it; 0: none.
	node int32
	end  int32
}

// evidence is the vote with the most weight for a category.
type evidence struct {
	weight float64
	phrase int32
	owner  int32 // the product that an accessory belongs to
	field  field
	kind   headKind
	// doubted is set if a word after the phrase may be the head. foreign is the word that
	// moved the product to the fallback, or none.
	doubted bool
	foreign int32
}

var noEvidence = evidence{phrase: none, owner: none, foreign: none}

// scratch is the memory of one classification, which later ones reuse.
type scratch struct {
	tokens  []token
	lexemes []lexeme
	hits    []hit
	// seen is, by clue, the generation of the classification that last found it.
	seen       []uint32
	generation uint32

	scores []float64
	hints  []float64
	best   []evidence
	votes  int
	// unnamed is the score of a product outside all categories, without a fallback.
	unnamed float64
	styles  []float64
	others  []catalog.Alternative
}

func newScratch(v *vocabulary, categories, styles int) *scratch {
	return &scratch{
		seen:   make([]uint32, v.clueIDs),
		scores: make([]float64, categories),
		hints:  make([]float64, categories),
		best:   make([]evidence, categories),
		styles: make([]float64, styles),
	}
}

func (s *scratch) reset() {
	s.hits = s.hits[:0]
	if s.generation++; s.generation == 0 { // overflow: old marks would look new
		clear(s.seen)
		s.generation = 1
	}
	clear(s.scores)
	clear(s.hints)
	for i := range s.best {
		s.best[i] = noEvidence
	}
	clear(s.styles)
	s.votes, s.unnamed = 0, 0
}

// vote adds weight to the category, unless it is none, with the evidence.
func (s *scratch) vote(category int16, weight float64, e evidence) {
	if category == none {
		return
	}
	s.votes++
	s.scores[category] += weight
	if weight > s.best[category].weight {
		e.weight = weight
		s.best[category] = e
	}
}

// doubt adds weight for a product outside all categories: to the fallback, or against
// all categories if there is none.
func (s *scratch) doubt(fallback int16, weight float64) {
	if fallback == none {
		s.unnamed += weight
		return
	}
	s.scores[fallback] += weight
}
