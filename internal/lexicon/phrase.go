package lexicon

// part is what a noun phrase is to the text that it stands in.
type part uint8

const (
	partSubject   part = iota // the product itself
	partMadeOf                // after a bare unit: "combination with drawers"
	partObject                // what it has: "with drawers"
	partPurpose               // what it is for
	partPredicate             // what prose says of it
	partIgnored               // what it has not
)

// reading goes through one field's lexemes and votes for what they name.
type reading struct {
	*scratch
	v        *vocabulary
	fallback int16
	field    field
	weight   float64
	prose    bool

	rank   int     // how many phrases have named something
	part   part    // of the phrase being read
	share  float64 // of the phrase among its co-ordinates
	aside  float64 // of the segment
	owner  int32   // foreign, whose the phrase's product is; none
	object bool    // the segment before ended in an object
	spoken bool    // anything has been named as the subject
}

// read votes, and reports whether the field named anything.
func (r *reading) read(lexemes []lexeme) bool {
	for len(lexemes) > 0 {
		end := 1
		for end < len(lexemes) && lexemes[end].gap < gapSentence {
			end++
		}
		r.sentence(lexemes[:end])
		lexemes = lexemes[end:]
	}
	return r.spoken
}

func (r *reading) sentence(lexemes []lexeme) {
	if r.prose {
		for i := range lexemes {
			if lexemes[i].disclaimer {
				return
			}
		}
	}
	r.object = false
	for len(lexemes) > 0 {
		end := 1
		for end < len(lexemes) && lexemes[end].gap < gapLoose {
			end++
		}
		r.segment(lexemes[:end])
		lexemes = lexemes[end:]
	}
}

// segment reads what stands between two commas.
func (r *reading) segment(lexemes []lexeme) {
	r.part, r.share, r.aside, r.owner = partSubject, 1, 1, none
	list := r.object && lexemes[0].gap == gapLoose
	switch {
	case lexemes[0].gap == gapOpen:
		r.aside = asideShare
	case list:
		r.aside = listShare // "for the hall, study and bedroom": the list may go on
	}
	before, begin := r.votes, 0
	for i := range lexemes {
		switch l := &lexemes[i]; {
		case r.parts(l) && !hyphened(lexemes, i):
			if l.role == roleFor {
				r.owner = foreignOwner(lexemes[i+1:])
			}
			r.boundary(lexemes[begin:i], l.role)
			r.owner = none
			begin = i + 1
		case i > begin && (l.gap == gapTight || l.gap == gapAnd || l.role == roleAnd) && named(lexemes[begin:i]):
			if !r.shared(lexemes[begin:i], lexemes[i:]) {
				r.close(lexemes[begin:i])
				r.share *= coordinateShare
			}
			begin = i
		}
	}
	r.close(lexemes[begin:])
	r.object = list || r.part != partSubject
	if r.votes > before {
		r.rank++
	}
}

// parts reports whether the word parts phrases.
func (r *reading) parts(l *lexeme) bool {
	return l.role >= roleWith && l.role <= roleWithout || l.role == roleVerb && r.prose
}

// hyphened reports whether the word is tied to the next or the one before, as in
// "built-in" or "by-pass".
func hyphened(lexemes []lexeme, i int) bool {
	return lexemes[i].gap == gapHyphen || i+1 < len(lexemes) && lexemes[i+1].gap == gapHyphen
}

// boundary ends a phrase at a preposition or verb, and says what comes next.
func (r *reading) boundary(phrase []lexeme, by role) {
	full := named(phrase)
	unit := false
	for i := range phrase {
		unit = unit || phrase[i].role == roleUnit
	}
	if by == roleOf && !full {
		return // "set of chairs"
	}
	r.close(phrase)
	r.share = 1
	switch {
	case by == roleWithout:
		r.part = partIgnored
	case r.part == partIgnored:
	case by == roleVerb:
		r.part = partPredicate
	case by == roleFor:
		r.part = partPurpose
	case r.part == partSubject && !full && unit:
		r.part = partMadeOf
	case r.part == partSubject && !full && len(phrase) == 0 && r.rank == 0:
		// "under-sink cabinet": nothing came before that could have something.
	case r.part != partPurpose:
		r.part = partObject
	}
}

// named reports whether the phrase names a product, or a part of one.
func named(phrase []lexeme) bool {
	for i := range phrase {
		if phrase[i].term != none || phrase[i].role >= rolePart && phrase[i].role <= roleCover {
			return true
		}
	}
	return false
}

// shared reports whether the phrase ends in a word that shares the head of the
// next: in "desk and table lamp" there is no desk, since a desk lamp is a thing.
func (r *reading) shared(phrase, rest []lexeme) bool {
	last := &phrase[len(phrase)-1]
	if last.term == none {
		return false
	}
	head := int32(none)
	for i := range rest {
		l := &rest[i]
		if i > 0 && l.gap > gapHyphen || l.role >= roleWith && l.role <= roleWithout {
			break
		}
		if l.term != none {
			head = l.last
		}
	}
	return head != none && head != last.last && r.v.compound(last.last, head)
}

// close ends a noun phrase: its head votes, and a little what stands before it.
func (r *reading) close(phrase []lexeme) {
	at, kind := head(phrase)
	weight := r.phraseWeight(phrase, kind)
	if kind == headNone || weight == 0 {
		return
	}
	if r.part == partSubject {
		r.spoken = true
	}
	r.voteHead(phrase, at, kind, weight)
	for i := range phrase {
		if i == at || phrase[i].term == none {
			continue
		}
		share := besideShare
		if i == at-1 || i > at {
			share = modifierShare
		}
		r.vote(phrase[i].term, weight*share, evidence{phrase: phrase[i].phrase, owner: none, foreign: none, field: r.field, kind: headModifier})
	}
}

func (r *reading) voteHead(phrase []lexeme, at int, kind headKind, weight float64) {
	l := &phrase[at]
	e := noEvidence
	e.phrase, e.field, e.kind = l.phrase, r.field, kind
	switch kind {
	case headHint:
		r.voteUnlessDoubtful(phrase, at, l.hint, weight*hintHeadWeight, e)
	case headAccessory:
		if at > 0 && phrase[at-1].term != none {
			e.owner = phrase[at-1].phrase
		}
		target := l.term
		if target == none {
			target = r.fallback
		}
		r.vote(target, weight, e)
	default:
		r.voteProduct(phrase, at, weight, e)
	}
}

func (r *reading) voteProduct(phrase []lexeme, at int, weight float64, e evidence) {
	term := phrase[at].term
	if e.foreign = r.estranged(phrase, at); e.foreign != none {
		r.vote(r.fallback, weight, e)
		return
	}
	r.voteUnlessDoubtful(phrase, at, term, weight, e)
}

// voteUnlessDoubtful votes for the category, or shares the vote with whatever an
// unknown word after the head may name.
func (r *reading) voteUnlessDoubtful(phrase []lexeme, at int, category int16, weight float64, e evidence) {
	if r.prose || category == r.fallback || !r.doubtful(phrase, at) {
		r.vote(category, weight, e)
		return
	}
	e.doubted = true
	r.vote(category, weight*doubtShare, e)
	r.doubt(r.fallback, weight*(1-doubtShare))
}

// phraseWeight is how much the phrase's head says.
func (r *reading) phraseWeight(phrase []lexeme, kind headKind) float64 {
	weight := r.weight * r.share * r.aside * rankWeights[min(r.rank, len(rankWeights)-1)]
	if !r.prose || r.part == partIgnored {
		return weight * partWeights[r.part]
	}
	return weight * r.toldWeight(phrase, kind)
}

// toldWeight is what a phrase of a description says beside one of a title. The
// first phrase, "this chair" and "the chair" tell what is described; the rest
// what else there is in the room. A part that is told of belongs to the product.
func (r *reading) toldWeight(phrase []lexeme, kind headKind) float64 {
	opening := r.part == partSubject && r.rank == 0
	pointer := roleNone
	for i := range phrase {
		if role := phrase[i].role; role == roleThis || role == roleThe {
			pointer = role
		}
	}
	switch {
	case kind == headAccessory || kind == headPart:
		if opening && pointer == roleNone {
			return openingWeight
		}
		return partToldWeight
	case pointer == roleThis:
		return thisWeight
	case opening:
		return openingWeight
	case pointer == roleThe && (r.part == partSubject || r.part == partPredicate):
		return theWeight
	}
	return proseWeight * partWeights[r.part]
}
