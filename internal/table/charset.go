package table

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// errCharset is for text that would come out as other letters than it was written in.
var errCharset = errors.New("its letters are in an encoding that cannot be told for sure, such as Shift-JIS, GBK or one of DOS: " +
	"save it as UTF-8")

// The letters beyond ASCII of languages that share encodings, a language each.
const (
	western = "äöüß àâçéèêëîïôùûüÿœæ áéíóúüñ áâãàçéêíóõôúü àèéìíòóùú åäöšž æøåé ëïéèöü àçèéíïòóúü"
	central = "ąćęłńóśźż áčďéěíňóřšťúůýž áäčďéíľĺňóôŕšťúýž áéíóöőúüű ăâîşţ čćđšž ß" // ß is for German names among them
	baltic  = "āčēģīķļņšūž ąčęėįšųūž äõöüšž"
	russian = "абвгдеёжзийклмнопрстуфхцчшщъыьэюяєіїґ абвгдђежзијклљмнњопрстћуфхцчџш"
)

// charsets are the encodings of one byte to a character that are told apart by the letters
// of their languages. Of several that fit, the first counts. Those of no use to people
// today are known by their names only.
var charsets = []struct {
	name      string
	charmap   *charmap.Charmap
	languages string
	refused   bool
}{
	{"Windows-1252", charmap.Windows1252, western, false},
	{"Windows-1250", charmap.Windows1250, central, false},
	{"Windows-1251", charmap.Windows1251, russian, false},
	{"Windows-1253", charmap.Windows1253, "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ", false},
	{"Windows-1254", charmap.Windows1254, "çğıİöşüâîû", false},
	{"Windows-1257", charmap.Windows1257, baltic, false},
	{"Windows-1252", charmap.Windows1252, "áæðéíóöúýþ", false}, // Icelandic, which Turkish may look like
	{"ISO-8859-2", charmap.ISO8859_2, central, false},
	{"ISO-8859-15", charmap.ISO8859_15, western, false},
	{"Mac Roman", charmap.Macintosh, western, false},
	{"KOI8-R", charmap.KOI8R, russian, true},
	{"ISO-8859-5", charmap.ISO8859_5, russian, true},
	{"Mac Cyrillic", charmap.MacintoshCyrillic, russian, true},
	{"DOS code page 850", charmap.CodePage850, western, true},
	{"DOS code page 852", charmap.CodePage852, central, true},
	{"DOS code page 866", charmap.CodePage866, russian, true},
}

// charsetGuess is an encoding in which a text seems to be.
type charsetGuess struct {
	charmap *charmap.Charmap
	// multibyte takes the place of charmap if it is one of eastAsian.
	multibyte encoding.Encoding
	// note is for the caller if it is another one than Windows-1252, or may be.
	note string
}

// fewLetters is among how many letters one may be foreign.
const fewLetters = 20

// guessCharset returns the encoding of one byte to a character that a text is in which is
// not in UTF-8: the one in which its letters are those of one language, or of few, and
// stand as letters do. It returns errCharset for text that none fits.
func guessCharset(text []byte) (charsetGuess, error) {
	counts := make([]*letterCounts, len(charsets))
	for i, c := range charsets {
		counts[i] = countLetters(text, c.charmap)
	}
	best, fewest, others := bestCharset(counts, strings.Fields)
	if fewLetters*fewest > counts[best].all {
		among, fewer, too := bestCharset(counts, func(languages string) []string { return []string{languages} })
		if fewer < fewest {
			best, fewest, others = among, fewer, too
		}
	}
	if charsets[best].refused { // a sign within a word may be a letter there
		if wrong := counts[0].wrong(charsets[0].languages); fewLetters*wrong <= counts[0].all {
			best, fewest, others = 0, wrong, charsets[best].name
		}
	}
	if guess, ok := guessEastAsian(text); ok && (fewest > 0 || charsets[best].refused || charsets[best].languages == western && inPairs(text)) {
		guess.charmap = charmap.Windows1252
		return guess, nil
	}
	found := charsets[best]
	switch guess := (charsetGuess{charmap: found.charmap}); {
	case fewest > 1+counts[best].all/fewLetters:
		return charsetGuess{charmap: charmap.Windows1252}, errCharset
	case found.refused:
		return charsetGuess{charmap: charmap.Windows1252}, fmt.Errorf("its letters seem to be in %s: save it as UTF-8", found.name)
	case others != "":
		guess.note = fmt.Sprintf("its letters are read as %s, and may be %s: save it as UTF-8 if they are wrong", found.name, others)
		return guess, nil
	case found.charmap != charmap.Windows1252:
		guess.note = fmt.Sprintf("its letters are read as %s: save it as UTF-8 if they are wrong", found.name)
		return guess, nil
	default:
		return guess, nil
	}
}

// bestCharset returns the first of charsets with the fewest wrong bytes, by the languages
// that split makes of each one's, and the name of another one that fits as well.
func bestCharset(counts []*letterCounts, split func(languages string) []string) (best, fewest int, others string) {
	best = -1
	for i, c := range charsets {
		for _, language := range split(c.languages) {
			switch wrong := counts[i].wrong(language); {
			case best < 0 || wrong < fewest:
				best, fewest, others = i, wrong, ""
			case wrong == fewest && others == "" && !c.refused && counts[best].differs(counts[i]):
				others = c.name
			}
		}
	}
	return best, fewest, others
}

// letterCounts says how the bytes beyond ASCII of a text stand in an encoding.
type letterCounts struct {
	runes    [256]rune // what each byte stands for
	letters  [256]int  // how often it stands where a letter may
	all, bad int       // bytes, and those that stand where neither a letter nor a sign may
}

// signs are the characters beyond ASCII that are in the text of every language. Some stand
// between letters.
const (
	signs   = "€£¥©®™°²³¹½¼¾×÷±µ§¶†‡…‰«»‹›“”„‚¿¡ªº´" + joining
	joining = "‘’–—•·\u00a0\u00ad"
)

func countLetters(text []byte, encoding *charmap.Charmap) *letterCounts {
	c := &letterCounts{}
	for b := range c.runes {
		c.runes[b] = encoding.DecodeByte(byte(b))
	}
	before := ' '
	for i, b := range text {
		r := c.runes[b]
		if b >= 0x80 {
			after := ' '
			if i+1 < len(text) {
				after = c.runes[text[i+1]]
			}
			c.all++
			switch sign := strings.ContainsRune(signs, r); {
			case sign && (strings.ContainsRune(joining, r) || !unicode.IsLetter(before) || !unicode.IsLetter(after)):
			case sign, !unicode.IsLetter(r), unicode.IsUpper(r) && unicode.IsLower(before), mixed(r, before), mixed(r, after):
				c.bad++
			default:
				c.letters[b]++
			}
		}
		before = r
	}
	return c
}

// mixed reports whether a letter is next to a letter of another script.
func mixed(r, neighbour rune) bool {
	return unicode.IsLetter(neighbour) && unicode.Is(unicode.Latin, r) != unicode.Is(unicode.Latin, neighbour)
}

// wrong returns how many bytes are neither signs nor letters of some languages.
func (c *letterCounts) wrong(languages string) int {
	wrong := c.bad
	for b, n := range c.letters {
		if n > 0 && !strings.ContainsRune(languages, c.runes[b]) && !strings.ContainsRune(languages, unicode.ToLower(c.runes[b])) {
			wrong += n
		}
	}
	return wrong
}

// differs reports whether a letter of the text is another character in another encoding.
func (c *letterCounts) differs(other *letterCounts) bool {
	for b, n := range c.letters {
		if n > 0 && c.runes[b] != other.runes[b] {
			return true
		}
	}
	return false
}

var charsetNote = regexp.MustCompile(`(?i)(?:encoding|charset)\s*=\s*["']?([a-z0-9_:.-]+)`)

// declaredCharset returns the encoding that the beginning of XML or HTML names, nil for
// none and for those that are found out by the bytes.
func declaredCharset(head []byte) encoding.Encoding {
	if !looksLikeXML(head) {
		return nil
	}
	note := charsetNote.FindSubmatch(head[:min(len(head), 4096)])
	if note == nil {
		return nil
	}
	declared, err := htmlindex.Get(string(bytes.ToLower(note[1])))
	if err != nil {
		return nil
	}
	switch name, _ := htmlindex.Name(declared); name {
	case "utf-8", "utf-16be", "utf-16le", "windows-1252", "replacement", "":
		return nil
	}
	return declared
}
