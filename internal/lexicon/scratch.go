package lexicon

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

// String is how reasons call the field.
func (f field) String() string {
	return [...]string{"type", "name", "current category", "styles", "tags", "attributes", "description"}[f]
}

type token struct {
	word    int32 // 0: not in the vocabulary
	gap     gap
	counted bool // a number stands before it
	letters letters
	noun    bool // it may be one, by its form
	// node is the longest phrase that begins here, end the token after it; 0: none.
	node int32
	end  int32
}

// evidence is the vote that said most for a category.
type evidence struct {
	weight float64
	phrase int32
	owner  int32 // for accessories, of what
	field  field
	kind   headKind
	// doubted is set where the head may be a word after it; foreign is the word
	// before it that made it something else, or none.
	doubted bool
	foreign int32
}

var noEvidence = evidence{phrase: none, owner: none, foreign: none}

// scratch is the memory of one classification, used again by later ones.
type scratch struct {
	tokens  []token
	lexemes []lexeme
	hits    []hit
	// seen holds, by clue, the turn in which it was last found.
	seen []uint32
	turn uint32

	scores []float64
	hints  []float64
	best   []evidence
	votes  int
	// unnamed is what speaks for none of the categories, where none is a fallback.
	unnamed float64
	styles  []float64
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
	if s.turn++; s.turn == 0 { // wrapped around: old marks would look new
		clear(s.seen)
		s.turn = 1
	}
	clear(s.scores)
	clear(s.hints)
	for i := range s.best {
		s.best[i] = noEvidence
	}
	clear(s.styles)
	s.votes, s.unnamed = 0, 0
}

// vote adds weight to the category, if it is one; e says why.
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

// doubt adds weight for the product's being none that the taxonomy names: to the
// fallback, or where there is none, against every category alike.
func (s *scratch) doubt(fallback int16, weight float64) {
	if fallback == none {
		s.unnamed += weight
		return
	}
	s.scores[fallback] += weight
}
