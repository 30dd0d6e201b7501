package lexicon

import "slices"

// foreignWord returns the word that moves the product at the phrase's head to the
// fallback, as "dog" does in "dog bed": a foreign word before it, unless it is part of a
// property ("dog-proof bed") or native to the category.
func (r *reading) foreignWord(phrase []lexeme, at int) (by int32) {
	if r.fallback == none || phrase[at].term == r.fallback {
		return none
	}
	for i := range at {
		if l := &phrase[i]; l.foreign && phrase[i+1].role != roleLike && !r.native(phrase[at].term, l.phrase) {
			return l.phrase
		}
	}
	if r.owner != none && !r.native(phrase[at].term, r.owner) {
		return r.owner
	}
	return none
}

func (r *reading) native(category int16, phrase int32) bool {
	return slices.Contains(r.v.natives[category], phrase)
}

// foreignOwner returns the foreign word that a phrase begins with, after fillers: the
// owner of the product before "for" in "bed for large dogs".
func foreignOwner(rest []lexeme) int32 {
	for i := range rest {
		l := &rest[i]
		switch {
		case l.foreign && (i+1 == len(rest) || rest[i+1].role != roleLike):
			return l.phrase
		case l.role != roleFiller && l.role != roleThe:
			return none
		}
	}
	return none
}
