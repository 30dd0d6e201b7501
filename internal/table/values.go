package table

import (
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// valueStats counts what the sampled values of a column look like.
type valueStats struct {
	values    int // that are not blank
	distinct  int
	addresses int
	pictures  int // addresses and file names of pictures
	numbers   int
	digits    int // with a digit
	money     int // with a sign or a code of a currency
	shopTypes int
	paths     int // "Home > Sofas"
	slugs     int // one word
	words     int // of all values
	bytes     int
	flags     int // "0", "yes"
	zeros     int // "0", "false"
	codes     int // numbers and random keys alone, one or several
}

func statsOf(values []Value) valueStats {
	var s valueStats
	seen := map[string]bool{}
	for _, v := range values {
		if blankInFile(v) {
			continue
		}
		text := catalog.Clip(v.String(), 4<<10)
		s.values++
		if !seen[text] {
			seen[text] = true
			s.distinct++
		}
		s.add(text)
	}
	return s
}

func (s *valueStats) add(text string) {
	s.words += len(strings.Fields(text))
	s.bytes += len(text)
	text = withoutTags(TextValue(text)).Text
	if address := firstAddress(text); address != "" && isAddress(address) || looksLikeData(text) {
		s.addresses++
	}
	if isPictureName(text) {
		s.pictures++
	}
	if number.MatchString(text) {
		s.numbers++
	}
	if money.MatchString(text) {
		s.money++
	}
	if strings.ContainsAny(text, "0123456789") {
		s.digits++
	}
	if everyPart(text, func(part string) bool { return shopTypes[foldName(part)] }) {
		s.shopTypes++
	}
	if strings.Contains(text, " > ") || strings.Contains(text, ">>") {
		s.paths++
	}
	if !strings.ContainsFunc(text, unicode.IsSpace) {
		s.slugs++
	}
	if flagValues[foldName(text)] {
		s.flags++
	}
	if text == "0" || strings.EqualFold(text, "false") {
		s.zeros++
	}
	if isCode(text) {
		s.codes++
	}
}

var (
	number = regexp.MustCompile(`^[-+]?[0-9][0-9.,' ]*%?$`)
	money  = regexp.MustCompile(`^[^0-9\pL]*(\p{Sc}|USD|EUR|GBP|CHF|SEK|PLN|kr|zł|Rs)[^0-9\pL]*[0-9][0-9.,' ]*|^[0-9][0-9.,' ]*(\p{Sc}|USD|EUR|GBP|CHF|SEK|PLN|kr|zł|Rs)\.?$`)
)

func everyPart(text string, is func(string) bool) bool {
	for part := range strings.SplitSeq(text, ",") {
		if !is(part) {
			return false
		}
	}
	return true
}

// pictureEndings are the endings of files of pictures.
var pictureEndings = wordSet("jpg jpeg png webp gif avif bmp tif tiff heic jfif svg")

// isPictureName reports whether the text is an address or a file name of a picture.
func isPictureName(text string) bool {
	if strings.HasPrefix(text, "data:image/") {
		return true
	}
	if address := firstAddress(text); address != "" {
		text = address
	}
	text, _, _ = strings.Cut(text, "?")
	text, _, _ = strings.Cut(text, "#")
	return pictureEndings[strings.ToLower(strings.TrimPrefix(path.Ext(text), "."))]
}

// most reports whether n is most of the values.
func (s *valueStats) most(n int) bool { return s.values > 0 && 4*n >= 3*s.values }

// all reports whether n is all of the values.
func (s *valueStats) all(n int) bool { return s.values > 0 && n == s.values }

// maxBlankWord is the longest word for a missing value, in bytes.
const maxBlankWord = 24

// nullOfDumps is what databases write for a missing value.
const nullOfDumps = `\N`

// blankStart are the first bytes of such words.
var blankStart [utf8.RuneSelf]bool

func init() {
	for word := range blankWords {
		for _, first := range []byte{word[0], strings.ToUpper(word)[0]} {
			if first < utf8.RuneSelf {
				blankStart[first] = true
			}
		}
	}
	for _, c := range []byte(`#'\`) {
		blankStart[c] = true // signs before a word
	}
}

// blankInFile reports whether a cell of a file has no value: it is blank, or has a word
// such as "n/a", "-" or "No image".
func blankInFile(v Value) bool {
	if v.Blank() {
		return true
	}
	if v.Kind != Text || len(v.Text) > maxBlankWord {
		return false
	}
	text := strings.TrimSpace(v.Text)
	if first := text[0]; first < utf8.RuneSelf && !blankStart[first] {
		return false
	}
	if text == nullOfDumps {
		return true
	}
	if utf8.RuneCountInString(text) <= 2 && blankWords[strings.ToLower(text)] {
		return true
	}
	var buf [maxBlankWord]byte
	if folded, ok := foldASCII(buf[:0], text); ok && len(folded) > 0 {
		return blankWords[string(folded)]
	}
	folded := foldName(text)
	return folded != "" && blankWords[folded] || folded == "" && blankWords[text]
}
