package lexicon

import "bytes"

// letterCase is the case of a word. A larger value stands out from a smaller one.
type letterCase uint8

const (
	lowerCase   letterCase = iota
	initialCase            // "Table"
	upperCase              // "TABLE"
)

// caseOf decides by the first two letters, which is enough for names.
func caseOf(word string) letterCase {
	switch {
	case word == "" || lower[word[0]] == word[0]:
		return lowerCase
	case len(word) > 1 && lower[word[1]] != word[1]:
		return upperCase
	}
	return initialCase
}

// descriptive are endings of adjectives and participles, which shops also write after a
// noun: "bed upholstered", "table extendable".
var descriptive = [][]byte{
	[]byte("able"), []byte("ible"), []byte("ed"), []byte("ing"), []byte("less"), []byte("ful"), []byte("ous"), []byte("ish"), []byte("ic"),
}

// A word shorter than minNoun is not a noun. A word with less than minStem before its
// ending is not an adjective: "ring" is a noun.
const (
	minNoun = 3
	minStem = 4
)

// mayBeNoun reports whether the form of the word, in lower case, is possible for a noun,
// unlike that of codes such as "x200".
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

// doubtful reports whether the phrase's real head may be an unknown word after the head
// that was found: "table salt" is not a table, nor is a "picture hanging wire" a picture.
// No head follows a colour, a material or a number.
func (r *reading) doubtful(phrase []lexeme, at int) bool {
	for i := at + 1; i < len(phrase); i++ {
		l := &phrase[i]
		switch {
		case l.counted || l.gap > gapHyphen:
			return false
		case l.noun:
			return l.letters <= phrase[at].letters // else it is a series: "bench TALUN"
		case l.role == roleNone && l.hint != none && l.hint == r.fallback:
			return true // "table wine"
		case l.phrase != none && l.role != roleUnit:
			return false
		}
	}
	return false
}
