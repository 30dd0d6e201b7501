package table

import (
	"strings"
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

// mendText returns the text that was encoded twice, or text itself: all its letters have to
// be bytes of Windows-1252 that are UTF-8 together, which no text in a language is.
func mendText(text string) string {
	if !mayBeMojibake(text) {
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
	if !utf8.Valid(raw) {
		return text
	}
	return string(raw)
}
