package table

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// mended returns a row whose texts were in UTF-8, were read as Windows-1252 and saved as
// UTF-8 once more: "grÃ¶ÃŸe" is "größe". It is the row itself if no text is so.
func mended(row Row) Row {
	for i, cell := range row {
		if cell.Value.Kind != Text || !mayBeMojibake(cell.Value.Text) {
			continue
		}
		if text := mendText(cell.Value.Text); text != cell.Value.Text {
			row = append(make(Row, 0, len(row)), row...)
			row[i].Value.Text = text
		}
	}
	return row
}

// mayBeMojibake reports whether a text has a letter that begins one of two or three bytes
// in UTF-8, as Windows-1252 shows it.
func mayBeMojibake(text string) bool {
	return strings.Contains(text, "Ã") || strings.Contains(text, "Â") || strings.Contains(text, "â€")
}

// mendText returns the text that was encoded twice, or text itself. All its letters have to
// be bytes of Windows-1252 that are UTF-8 together, and not only because a sign stands
// behind a word in capitals: the Portuguese "LÃ…" is right, though it could be "LÅ".
func mendText(text string) string {
	for range maxEncodings {
		mended := mendOnce(text)
		if mended == text {
			break
		}
		text = mended
	}
	return text
}

// maxEncodings is how many times too often a text may have been encoded.
const maxEncodings = 3

func mendOnce(text string) string {
	if !mayBeMojibake(text) || !encodedTwice(text) {
		return text
	}
	raw := make([]byte, 0, len(text))
	for _, r := range text {
		b, ok := charmap.Windows1252.EncodeRune(r)
		switch {
		case ok:
			raw = append(raw, b)
		case r < 0xa0: // bytes that Windows-1252 leaves undefined
			raw = append(raw, byte(r))
		default:
			return text
		}
	}
	mended := string(raw)
	if !utf8.Valid(raw) || strings.ContainsFunc(mended, isC1) && mendOnce(mended) == mended {
		return text
	}
	return mended
}

// isC1 reports whether a character controls a device, as no text does: it is a sign of
// Windows-1252 behind a right "Â".
func isC1(r rune) bool { return 0x80 <= r && r < 0xa0 }

// The characters of Windows-1252 that may stand behind a word without a space, and are bytes
// within a character in UTF-8. Behind punctuation, the next word may follow at once.
const (
	punctuation = "…„”“‚‘’‹›–—\u00a0"
	marks       = "«»•·™®©°†‡¹²³"
)

// encodedTwice reports whether a text has a sequence of characters that makes sense as one
// character in UTF-8 only, or two different ones within words that hardly make another.
func encodedTwice(text string) bool {
	unclear := ""
	runes := append([]rune(text), 0)
	for i, r := range runes[:len(runes)-2] {
		sign, next := runes[i+1], runes[i+2]
		if r < 'À' || r > 'ÿ' || sign < 0x80 || 'À' <= sign && sign <= 'ÿ' {
			continue // no first byte, or no second one
		}
		sequence := string(runes[i : i+2])
		switch {
		case i == 0 || !unicode.IsUpper(runes[i-1]) || !endsWord(sign, next):
			return true
		case !unicode.IsLetter(next):
		case unclear == "":
			unclear = sequence
		case unclear != sequence:
			return true
		}
	}
	return false
}

func endsWord(sign, next rune) bool {
	return strings.ContainsRune(punctuation, sign) || strings.ContainsRune(marks, sign) && !unicode.IsLower(next)
}
