package lexicon

// relation is the relation of a noun phrase to the product.
type relation uint8

const (
	relSubject   relation = iota // the product itself
	relContents                  // after a bare unit: "combination with drawers"
	relFeature                   // "with drawers"
	relPurpose                   // "for the hall"
	relPredicate                 // after a verb
	relAbsent                    // "without drawers"
)

// reading votes for the products that the lexemes of one field name.
type reading struct {
	*scratch
	v        *vocabulary
	fallback int16
	field    field
	weight   float64
	prose    bool

	rank         int      // number of phrases that have named something
	relation     relation // of the phrase that is being read
	share        float64  // of the phrase among those joined by "and"
	segmentShare float64
	owner        int32 // a foreign word that owns the phrase's product; none
	afterFeature bool  // the last segment ended in a feature or purpose
	named        bool  // a subject has been found
}

// read votes, and reports whether the field has a subject.
func (r *reading) read(lexemes []lexeme) bool {
	for len(lexemes) > 0 {
		end := 1
		for end < len(lexemes) && lexemes[end].gap < gapSentence {
			end++
		}
		r.sentence(lexemes[:end])
		lexemes = lexemes[end:]
	}
	return r.named
}

func (r *reading) sentence(lexemes []lexeme) {
	if r.prose {
		for i := range lexemes {
			if lexemes[i].disclaimer {
				return
			}
		}
	}
	r.afterFeature = false
	for len(lexemes) > 0 {
		end := 1
		for end < len(lexemes) && lexemes[end].gap < gapLoose {
			end++
		}
		r.segment(lexemes[:end])
		lexemes = lexemes[end:]
	}
}

// segment reads the text between two commas.
func (r *reading) segment(lexemes []lexeme) {
	r.relation, r.share, r.segmentShare, r.owner = relSubject, 1, 1, none
	list := r.afterFeature && lexemes[0].gap == gapLoose
	switch {
	case lexemes[0].gap == gapOpen:
		r.segmentShare = bracketShare
	case list:
		r.segmentShare = listShare // "for the hall, study and bedroom": the list may continue
	}
	before, begin := r.votes, 0
	for i := range lexemes {
		switch l := &lexemes[i]; {
		case r.separates(l) && !hyphenated(lexemes, i):
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
	r.afterFeature = list || r.relation != relSubject
	if r.votes > before {
		r.rank++
	}
}

// separates reports whether the word separates phrases.
func (r *reading) separates(l *lexeme) bool {
	return l.role >= roleWith && l.role <= roleWithout || l.role == roleVerb && r.prose
}

// hyphenated reports whether a hyphen joins the word to the next or the last one:
// "built-in", "by-pass".
func hyphenated(lexemes []lexeme, i int) bool {
	return lexemes[i].gap == gapHyphen || i+1 < len(lexemes) && lexemes[i+1].gap == gapHyphen
}

// boundary ends a phrase at a preposition or verb, and sets the relation of the next.
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
		r.relation = relAbsent
	case r.relation == relAbsent:
	case by == roleVerb:
		r.relation = relPredicate
	case by == roleFor:
		r.relation = relPurpose
	case r.relation == relSubject && !full && unit:
		r.relation = relContents
	case r.relation == relSubject && !full && len(phrase) == 0 && r.rank == 0:
		// "under-sink cabinet": no product precedes the preposition.
	case r.relation != relPurpose:
		r.relation = relFeature
	}
}

// named reports whether the phrase names a product or a part of one.
func named(phrase []lexeme) bool {
	for i := range phrase {
		if phrase[i].term != none || phrase[i].role >= rolePart && phrase[i].role <= roleCover {
			return true
		}
	}
	return false
}

// shared reports whether the last word of the phrase shares the head of the next
// phrase: "desk and table lamp" has no desk, because "desk lamp" is a term.
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

// close ends a noun phrase. Its head votes, and other products in it vote a little.
func (r *reading) close(phrase []lexeme) {
	at, kind := head(phrase)
	weight := r.phraseWeight(phrase, kind)
	if kind == headNone || weight == 0 {
		return
	}
	if r.relation == relSubject {
		r.named = true
	}
	r.voteHead(phrase, at, kind, weight)
	for i := range phrase {
		if i == at || phrase[i].term == none {
			continue
		}
		share := otherShare
		if i == at-1 || i > at {
			share = modifierShare
		}
		e := noEvidence
		e.phrase, e.field, e.kind = phrase[i].phrase, r.field, headModifier
		r.vote(phrase[i].term, weight*share, e)
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
	if e.foreign = r.foreignWord(phrase, at); e.foreign != none {
		r.vote(r.fallback, weight, e)
		return
	}
	r.voteUnlessDoubtful(phrase, at, term, weight, e)
}

// voteUnlessDoubtful votes for the category. If an unknown word after the head may be
// the real head, the vote is shared with the fallback.
func (r *reading) voteUnlessDoubtful(phrase []lexeme, at int, category int16, weight float64, e evidence) {
	if r.prose || category == r.fallback || !r.doubtful(phrase, at) {
		r.vote(category, weight, e)
		return
	}
	e.doubted = true
	r.vote(category, weight*doubtShare, e)
	r.doubt(r.fallback, weight*(1-doubtShare))
}

// phraseWeight returns the weight of the phrase's head.
func (r *reading) phraseWeight(phrase []lexeme, kind headKind) float64 {
	weight := r.weight * r.share * r.segmentShare * rankWeights[min(r.rank, len(rankWeights)-1)]
	if !r.prose || r.relation == relAbsent {
		if kind == headPart && r.field == fieldName {
			weight *= partShare
		}
		return weight * relationWeights[r.relation]
	}
	return weight * r.inProse(phrase, kind)
}

// inProse returns the weight of a phrase in a description, relative to one in a title.
// The first phrase, "this chair" and "the chair" name the product; other phrases name
// other furniture of the room, and parts belong to the product.
func (r *reading) inProse(phrase []lexeme, kind headKind) float64 {
	opening := r.relation == relSubject && r.rank == 0
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
		return prosePartWeight
	case pointer == roleThis:
		return thisWeight
	case opening:
		return openingWeight
	case pointer == roleThe && (r.relation == relSubject || r.relation == relPredicate):
		return theWeight
	}
	return proseWeight * relationWeights[r.relation]
}
