package lexicon

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// gap is the separation of two words. The largest of several counts.
type gap uint8

const (
	gapBlank    gap = iota // the words may belong together
	gapHyphen              // the words belong together
	gapTight               // "/" or "," without a space: alternatives
	gapAnd                 // "&" or "+"
	gapLoose               // ", " or "|" or " - ": another phrase begins
	gapClose               // a bracket closes
	gapOpen                // a bracket opens
	gapSentence            // ". "
)

// maxWord is the longest word of the vocabulary, in bytes.
const maxWord = 40

// scanner splits text into words: lower case, without accents, in the singular. It
// skips numbers and their units, which would separate the words around them: "3-seat
// sofa", "200x90 cm".
type scanner struct {
	text string
	pos  int
	from int // offset of the last word; it ends at pos
	gap  gap // after the last word or number
	held gap // before the numbers that were skipped
	// afterNumber is set between a number and the next word, counted if a number was
	// before the last word that was returned.
	afterNumber, counted bool
	buf                  [maxWord]byte
}

// next returns the next word, which is valid until the next call, and the gap before
// it. A word longer than maxWord is cut off.
func (s *scanner) next() (word []byte, before gap, ok bool) {
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		if c < utf8.RuneSelf && !isWordByte[c] {
			s.gap = max(s.gap, s.gapAt(c))
			s.pos++
			continue
		}
		word, number := s.word()
		if number {
			s.skipNumber()
			continue
		}
		if len(word) == 0 {
			continue
		}
		s.counted, s.afterNumber = s.afterNumber, false
		if s.counted && s.gap <= gapHyphen && (len(word) == 1 || isUnit(word)) {
			s.skipNumber() // "24 in x 36 in"
			continue
		}
		if s.counted && s.gap == gapHyphen {
			s.gap = gapBlank // "3-seat": the hyphen belongs to the number
		}
		before = max(s.held, s.gap)
		s.held, s.gap = gapBlank, gapBlank
		return singular(word), before, true
	}
	return nil, s.gap, false
}

// skipNumber ignores the number or unit that was read, but keeps the gap before it.
func (s *scanner) skipNumber() {
	s.held, s.gap = max(s.held, s.gap), gapBlank
	s.afterNumber = true
}

// word reads to the end of the word. Runes that are not letters end it and count as a
// gap.
func (s *scanner) word() (word []byte, number bool) {
	n, first := 0, s.pos
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		if c < utf8.RuneSelf {
			if c == '\'' && n > 0 && s.possessive() {
				s.pos += 2
				break
			}
			if c != '\'' && !isWordByte[c] {
				break
			}
			if c != '\'' {
				n = s.put(n, lower[c])
			}
			s.pos++
			continue
		}
		r, size := utf8.DecodeRuneInString(s.text[s.pos:])
		if !unicode.IsLetter(r) && !unicode.IsMark(r) {
			if catalog.Hidden(r) || r == '\u200c' || r == '\u200d' {
				s.pos += size // "so<zero-width space>fa" is one word
				if n == 0 {
					first = s.pos
				}
				continue
			}
			if n > 0 && r != '’' {
				break
			}
			s.pos += size
			s.gap = max(s.gap, gapOf(r))
			first = s.pos
			continue
		}
		n = s.putRune(n, r)
		s.pos += size
	}
	s.from = first
	return s.buf[:n], first < len(s.text) && isDigit(s.text[first])
}

func (s *scanner) possessive() bool {
	rest := s.text[s.pos+1:]
	return len(rest) > 0 && lower[rest[0]] == 's' && (len(rest) == 1 || !isWordByte[rest[1]] && rest[1] < utf8.RuneSelf)
}

func (s *scanner) put(n int, c byte) int {
	if n < maxWord {
		s.buf[n] = c
		n++
	}
	return n
}

// putRune adds a letter outside ASCII: a Latin letter without its mark, any other in
// lower case.
func (s *scanner) putRune(n int, r rune) int {
	if unicode.IsMark(r) {
		return n
	}
	if int(r) < len(folded) {
		for i := range len(folded[r]) {
			n = s.put(n, folded[r][i])
		}
		return n
	}
	if isVariant(r) {
		for _, plain := range norm.NFKD.String(string(r)) {
			n = s.putLetter(n, plain)
		}
		return n
	}
	return s.putLetter(n, r)
}

func (s *scanner) putLetter(n int, r rune) int {
	if n+utf8.UTFMax > maxWord || unicode.IsMark(r) {
		return n
	}
	return n + utf8.EncodeRune(s.buf[n:], unicode.ToLower(r))
}

// isVariant reports whether r is a Latin letter in another form: full-width, or one of
// the mathematical alphabets that titles are decorated with.
func isVariant(r rune) bool {
	return r >= 0xFB00 && r <= 0xFB06 || r >= 0xFF21 && r <= 0xFF5A || r >= 0x1D400 && r <= 0x1D7FF ||
		r >= 0x2100 && r <= 0x214F || r >= 0x1E00 && r <= 0x1EFF
}

func (s *scanner) gapAt(c byte) gap {
	var next byte = ' '
	if s.pos+1 < len(s.text) {
		next = s.text[s.pos+1]
	}
	switch c {
	case '/', ',':
		if c == '/' && s.pos > 0 && lower[s.text[s.pos-1]] == 'w' && (s.pos == 1 || s.text[s.pos-2] == ' ') {
			return gapBlank // "w/ drawers"
		}
		if next == ' ' || (c == ',' && s.pos > 0 && s.text[s.pos-1] == ' ') {
			return gapLoose
		}
		return gapTight
	case '&', '+':
		return gapAnd
	case '-':
		if next == ' ' {
			return gapLoose
		}
		return gapHyphen
	case '"':
		if lower[next] != next || 'a' <= next && next <= 'z' {
			return gapLoose // a quote begins: 'Sofa "Nora"'
		}
	case '(', '[', '{':
		return gapOpen
	case ')', ']', '}':
		return gapClose
	case '|', ';', ':', '\n', '\t', '>', '<', '*', '~', '=', '_':
		return gapLoose
	case '.', '!', '?':
		if next == ' ' || next == '\n' || c != '.' {
			return gapSentence
		}
	}
	return gapBlank
}

func gapOf(r rune) gap {
	switch {
	case unicode.Is(unicode.Ps, r):
		return gapOpen
	case unicode.Is(unicode.Pe, r):
		return gapClose
	case r == '。' || r == '！' || r == '？':
		return gapSentence
	case unicode.In(r, unicode.Pd, unicode.Po, unicode.So, unicode.Sm):
		return gapLoose
	}
	return gapBlank
}

var (
	lower      [256]byte
	isWordByte [256]bool
	// folded is the ASCII form of each letter up to the end of Latin Extended-A.
	folded [0x180]string
)

func init() {
	for c := range 256 {
		lower[c] = byte(c)
		if 'A' <= c && c <= 'Z' {
			lower[c] = byte(c) + 'a' - 'A'
		}
		isWordByte[c] = 'a' <= lower[c] && lower[c] <= 'z' || isDigit(byte(c))
	}
	special := map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ı': "i"}
	for r := rune(utf8.RuneSelf); int(r) < len(folded); r++ {
		small := unicode.ToLower(r)
		folded[r] = string(small)
		if s, ok := special[small]; ok {
			folded[r] = s
		} else if base := norm.NFD.String(string(small)); base[0] < utf8.RuneSelf {
			folded[r] = base[:1]
		}
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isUnit(word []byte) bool {
	switch string(word) {
	case "mm", "cm", "in", "inch", "inches", "ft", "feet", "foot", "lb", "lbs", "kg", "oz", "gal", "pc", "pcs", "pk", "ct", "yd":
		return true
	}
	return false
}

// singular removes the ending of an English plural. Its result for other words does not
// matter, as long as it is always the same.
func singular(word []byte) []byte {
	n := len(word)
	if n < 4 || word[n-1] != 's' {
		return word
	}
	switch {
	case has(word, "ies") && n > 4:
		return append(word[:n-3], 'y')
	case has(word, "lves"):
		return append(word[:n-3], 'f') // shelves
	case has(word, "sses"), has(word, "shes"), has(word, "ches"), has(word, "xes"), has(word, "zzes"):
		return word[:n-2]
	case has(word, "ss"), has(word, "us"), has(word, "is"):
		return word
	}
	return word[:n-1]
}

func has(word []byte, suffix string) bool { return strings.HasSuffix(string(word), suffix) }
