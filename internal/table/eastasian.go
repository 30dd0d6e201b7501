package table

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// eastAsian are the encodings of several bytes to a character that are told apart by their
// characters. usual reports whether one is among those of its language that are in every
// text; lead is its first byte, since Chinese encodings begin with the frequent ones.
var eastAsian = []struct {
	name     string
	encoding encoding.Encoding
	usual    func(r rune, lead byte) bool
	// sure is which part of the characters, in percent, shows the language.
	sure func(r rune) bool
}{
	{"Shift-JIS", japanese.ShiftJIS, usualJapanese, isKana},
	{"EUC-JP", japanese.EUCJP, usualJapanese, isKana},
	{"EUC-KR", korean.EUCKR, func(r rune, lead byte) bool { return isHangul(r) && lead >= 0xb0 && lead <= 0xc8 }, isHangul},
	{"GBK", simplifiedchinese.GBK, func(r rune, lead byte) bool { return isHan(r) && lead >= 0xb0 && lead <= 0xd7 }, isHan},
	{"Big5", traditionalchinese.Big5, func(r rune, lead byte) bool { return isHan(r) && lead >= 0xa4 && lead <= 0xc6 }, isHan},
}

func isHan(r rune) bool    { return unicode.Is(unicode.Han, r) }
func isHangul(r rune) bool { return unicode.Is(unicode.Hangul, r) }
func isKana(r rune) bool {
	return unicode.In(r, unicode.Hiragana, unicode.Katakana) && r < 0xff00 || r == 'ー'
}
func usualJapanese(r rune, _ byte) bool { return isKana(r) || isHan(r) }

// leastEastAsian is of how many characters an encoding can be told.
const leastEastAsian = 4

// guessEastAsian returns the encoding of several bytes to a character that a text is in,
// false for none: all its bytes are characters there, and nine in ten are usual ones.
func guessEastAsian(text []byte) (guess charsetGuess, ok bool) {
	most := 0
	for _, c := range eastAsian {
		all, usual, sure := countEastAsian(text, c.encoding, c.usual, c.sure)
		if all < leastEastAsian || 10*usual < 9*all || 10*sure < all || usual <= most {
			continue
		}
		most = usual
		guess = charsetGuess{multibyte: c.encoding, note: fmt.Sprintf("its letters are read as %s: save it as UTF-8 if they are wrong", c.name)}
	}
	return guess, most > 0
}

// countEastAsian counts the letters beyond ASCII of a text in an encoding, 0 if a byte is
// none there.
func countEastAsian(text []byte, e encoding.Encoding, usual func(rune, byte) bool, sure func(rune) bool) (all, common, known int) {
	text = text[:lastWhole(text)]
	decoder := e.NewDecoder()
	var out [8]byte
	for len(text) > 0 {
		if text[0] < 0x80 {
			text = text[1:]
			continue
		}
		decoder.Reset()
		n, size, _ := decoder.Transform(out[:], text[:min(len(text), 4)], true)
		r := []rune(string(out[:n]))
		if size == 0 || len(r) == 0 || r[0] == unicode.ReplacementChar {
			return 0, 0, 0
		}
		lead := text[0]
		if width(e, lead) > len(text) {
			return 0, 0, 0
		}
		text = text[width(e, lead):]
		if !unicode.IsLetter(r[0]) {
			continue
		}
		all++
		if usual(r[0], lead) {
			common++
		}
		if sure(r[0]) {
			known++
		}
	}
	return all, common, known
}

// width returns how many bytes the character has that begins with a byte beyond ASCII.
func width(e encoding.Encoding, lead byte) int {
	switch {
	case e == japanese.ShiftJIS && (lead == 0x80 || lead >= 0xa0 && lead <= 0xdf):
		return 1
	case e == japanese.EUCJP && lead == 0x8f:
		return 3
	}
	return 2
}

// lastWhole returns where the last line ends that a sample has whole, or its end.
func lastWhole(text []byte) int {
	if i := strings.LastIndexByte(string(text), '\n'); i > 0 {
		return i
	}
	return len(text)
}

// inPairs reports whether most bytes beyond ASCII stand next to others, as hardly any do in
// languages of Latin letters.
func inPairs(text []byte) bool {
	all, alone := 0, 0
	for i, c := range text {
		if c < 0x80 {
			continue
		}
		all++
		if (i == 0 || text[i-1] < 0x80) && (i+1 == len(text) || text[i+1] < 0x80) {
			alone++
		}
	}
	return all > 0 && 10*alone < all
}
