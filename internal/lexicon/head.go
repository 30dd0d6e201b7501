package lexicon

// headKind is the kind of the head of a phrase.
type headKind uint8

const (
	headNone headKind = iota
	headProduct
	// headPart is a product that is sold as a part too, such as a drawer.
	headPart
	headAccessory
	headHint
	headModifier
)

// head returns the word that decides what a noun phrase names: in English, the last
// noun.
func head(phrase []lexeme) (at int, kind headKind) {
	for i := range phrase {
		if phrase[i].role == roleCover {
			return i, headAccessory
		}
	}
	for i := len(phrase) - 1; i >= 0; i-- {
		l := &phrase[i]
		before := i > 0 && phrase[i-1].term != none
		switch {
		case l.role == roleUnit && before && l.term != none:
			// "sofa section": the unit takes its kind from the word before it.
		case l.counted && l.role >= rolePart && named(phrase[:i]):
			// "corner sofa 4 seat", "wardrobe 2 door": a number of parts.
		case l.term != none && l.role >= rolePart && l.role <= roleAccessory:
			return i, headPart
		case l.term != none:
			return i, headProduct
		case l.role == roleAttribute && i > 0 && (before || phrase[i-1].role == rolePart):
			i-- // "bed size"
		case l.role == roleAccessory:
			return i, headAccessory
		case l.role == rolePart && before:
			if named(phrase[:i-1]) {
				i-- // "table round mirror top": the mirror belongs to the top
				continue
			}
			return i, headAccessory
		}
	}
	for i := len(phrase) - 1; i >= 0; i-- {
		if phrase[i].hint != none {
			return i, headHint
		}
	}
	return 0, headNone
}
