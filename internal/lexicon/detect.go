package lexicon

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// tongue is the language of an item's text.
type tongue struct {
	*language // nil: English, or unknown
	unknown   bool
	// tied is another language that is as likely as English, nil for none.
	tied *language
}

// most returns the highest confidence of an answer about a text in the language, in which
// a noun was found or not.
func (t tongue) most(found bool) float64 {
	switch {
	case t.unknown, t.language != nil && !found:
		return mostUnknown
	case t.language != nil:
		return mostTranslated
	}
	return 1
}

// maxDetected is how much of a description is read for its language, in bytes.
const maxDetected = 200

// detection collects what the words of a text say about its language.
type detection struct {
	c              *Classifier
	english        float64
	scores         [maxLanguages]float64
	latin, strange int // letters
}

// tongueOf returns the language of the item's text: English if no other language is more
// likely. Each language's common words and nouns count for it. A text is of an unknown
// language if most of its letters are of another script, or if the common words of
// languages without terms prevail.
func (c *Classifier) tongueOf(it *catalog.Item) tongue {
	if len(c.languages.list) == 0 {
		return tongue{}
	}
	d := detection{c: c}
	d.read(clip(it.Type, maxNameBytes))
	d.read(clip(catalog.VisibleText(it.Name), maxNameBytes))
	d.read(clip(it.Category, maxTagBytes))
	d.read(clip(catalog.VisibleText(it.Description), maxDetected))
	return d.result()
}

func (d *detection) result() tongue {
	if d.strange*2 > d.latin {
		return tongue{unknown: true}
	}
	best := 0
	for i := range d.scores {
		if d.scores[i] > d.scores[best] {
			best = i
		}
	}
	switch {
	case best != stranger && d.scores[best] == d.english && d.english > 0:
		return tongue{tied: d.c.languages.list[best]}
	case d.scores[best] <= d.english:
		return tongue{}
	case best == stranger || d.scores[stranger] == d.scores[best]:
		return tongue{unknown: true}
	}
	return tongue{language: d.c.languages.list[best]}
}

func (d *detection) read(text string) {
	if text == "" {
		return
	}
	d.letters(text)
	s := scanner{text: withoutApostrophes(text)}
	for {
		word, _, ok := s.next()
		if !ok {
			return
		}
		d.word(word, s.text[s.from:s.pos])
	}
}

// extended adds what letters beyond Latin-1 in an unknown word say: they point to the
// languages that have all of them, such as ą to Polish, else to one without terms, as č, ř
// and ğ do.
func (d *detection) extended(word string) {
	found := false
	of := func(letters string) bool {
		for _, r := range word {
			if isExtended(r) {
				found = true
				if !strings.ContainsRune(letters, r) {
					return false
				}
			}
		}
		return true
	}
	if of(""); !found {
		return
	}
	at := stranger
	for i, l := range d.c.languages.list {
		if l.letters != "" && of(l.letters) {
			at = i
		}
	}
	d.scores[at] += extendedWeight
}

// isExtended reports whether a letter is beyond Latin-1.
func isExtended(r rune) bool {
	return r >= 0x100 && unicode.Is(unicode.Latin, r) && !isVariant(r) || r >= 0x1EA0 && r <= 0x1EF9
}

// extendedWeight is how much an unknown word with such a letter says for the language.
const extendedWeight = 1.5

// letters counts the letters of the Latin script, and those of others.
func (d *detection) letters(text string) {
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			if 'a' <= lower[c] && lower[c] <= 'z' {
				d.latin++
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		switch {
		case !unicode.IsLetter(r):
		case unicode.Is(unicode.Latin, r) || isVariant(r):
			d.latin++
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul):
			d.strange += 3 // a character is a syllable or a word
		default:
			d.strange++
		}
	}
}

// word counts a word, which is written so in the text.
func (d *detection) word(word []byte, written string) {
	v := d.c.vocabulary
	known, foreign := d.c.languages.words[string(word)]
	if foreign {
		for i, score := range known {
			d.scores[i] += float64(score)
		}
	}
	if id, ok := v.words[string(word)]; ok && id > 0 {
		d.english += v.englishness(id)
		return
	}
	if foreign {
		return
	}
	d.extended(written)
	d.compound(word)
}

// compound counts the longest part of an unknown word that ends compounds of a language,
// as a share of the word.
func (d *detection) compound(word []byte) {
	for at, l := range d.c.languages.list {
		if l.compounds {
			_, length := l.part(string(word))
			d.scores[at] += float64(length) / float64(len(word))
		}
	}
}

// englishness returns how much a known word says for English: function words say most.
func (v *vocabulary) englishness(id int32) float64 {
	node := v.roots[id]
	if node == 0 {
		return 1 // within a phrase only
	}
	if r := v.entries[node].role; r >= roleWith && r <= roleVerb {
		return functionWeight
	}
	return 1
}
