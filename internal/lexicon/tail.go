package lexicon

import "bytes"

// letters is how a word is written. A larger value stands out from a smaller.
type letters uint8

const (
	lettersSmall   letters = iota
	lettersInitial         // "Table"
	lettersCapital         // "TABLE"
)

// lettersOf tells by the first two letters, which is enough for names.
func lettersOf(word string) letters {
	switch {
	case word == "" || lower[word[0]] == word[0]:
		return lettersSmall
	case len(word) > 1 && lower[word[1]] != word[1]:
		return lettersCapital
	}
	return lettersInitial
}

// descriptive are endings of adjectives and participles, which shops put behind a
// noun too: "bed upholstered", "table extendable".
var descriptive = [][]byte{
	[]byte("able"), []byte("ible"), []byte("ed"), []byte("ing"), []byte("less"), []byte("ful"), []byte("ous"), []byte("ish"), []byte("ic"),
}

// Words are no nouns if they are shorter than minNoun, nor adjectives if less than
// minStem is before the ending: "ring" is a thing.
const (
	minNoun = 3
	minStem = 4
)

// mayBeNoun reports whether the word, in lower case, has the form of a noun. Codes
// such as "x200" have not.
func mayBeNoun(word []byte) bool {
	if len(word) < minNoun {
		return false
	}
	for _, c := range word {
		if isDigit(c) {
			return false
		}
	}
	for _, ending := range descriptive {
		if len(word) >= minStem+len(ending) && bytes.HasSuffix(word, ending) {
			return false
		}
	}
	return true
}

// doubtful reports whether the phrase's real head may be an unknown word behind
// the one that was found: "table salt" is no table, nor is a "picture hanging wire"
// a picture. Behind a colour, a material or a number stands no head.
func (r *reading) doubtful(phrase []lexeme, at int) bool {
	for i := at + 1; i < len(phrase); i++ {
		l := &phrase[i]
		switch {
		case l.counted || l.gap > gapHyphen:
			return false
		case l.noun:
			return l.letters <= phrase[at].letters // else a collection's name: "bench TALUN"
		case l.role == roleNone && l.hint != none && l.hint == r.fallback:
			return true // "table wine"
		case l.phrase != none && l.role != roleUnit:
			return false
		}
	}
	return false
}
