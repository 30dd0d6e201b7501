package table

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// invisible characters get into cells by copying.
var invisible = strings.NewReplacer(
	"\u200b", "", "\u200c", "", "\u200d", "", "\u2060", "", "\ufeff", "", "\u00ad", "", "\u200e", "", "\u200f", "", "\u00a0", " ", `\nhttp`, "\nhttp", `\/`, "/", `\u002F`, "/", `\u002f`, "/", `\u0026`, "&",
)

// visible returns text without invisible characters.
func visible(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return r == '\\' || r >= utf8.RuneSelf }) {
		return text // which takes a tenth of the time
	}
	return invisible.Replace(text)
}

// nextAddress returns where the first address begins that does not begin before from, and
// the character before it; -1 if there is none. One within another's path or query follows
// a slash or an equals sign.
func nextAddress(text string, from int) (begin int, before string) {
	for at := from; ; at++ {
		colon := strings.IndexByte(text[at:], ':')
		if colon < 0 {
			return -1, ""
		}
		at += colon
		begin = at - schemeLength(text[:at], text[at+1:])
		if begin < from || begin == at {
			continue
		}
		last, size := utf8.DecodeLastRuneInString(text[:begin])
		within := strings.ContainsRune("/=%.&?-_", last) || last < utf8.RuneSelf && (unicode.IsLetter(last) || unicode.IsDigit(last))
		if size == 0 || !within || endsPicture(text[from:begin]) {
			return begin, text[begin-size : begin]
		}
	}
}

// endsPicture reports whether a text ends as the name of a picture does.
func endsPicture(text string) bool {
	tail := text[max(0, len(text)-maxEnding):]
	return pictureEndings[strings.ToLower(tail[strings.LastIndexByte(tail, '.')+1:])] && strings.Contains(tail, ".")
}

// schemeLength returns the length of the scheme of an address at the end of what is before
// a colon, 0 if there is none.
func schemeLength(head, rest string) int {
	for _, scheme := range []string{"https", "http", "ftp"} {
		n := len(scheme)
		if len(head) >= n && strings.EqualFold(head[len(head)-n:], scheme) && (strings.HasPrefix(rest, "//") ||
			scheme != "ftp" && (strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, `\/`))) {
			return n
		}
	}
	return 0
}

// firstAddress returns the first address in a cell, empty if there is none with a scheme.
// A cell may have several, separated by commas, semicolons, bars, spaces or line ends; a
// list that JSON or Python has printed; "name (address)"; or =HYPERLINK(address).
func firstAddress(text string) string {
	if !strings.Contains(text, ":") {
		return ""
	}
	text = strings.TrimSpace(visible(text))
	begin, before := nextAddress(text, 0)
	for begin >= 0 {
		next, beforeNext := nextAddress(text, begin+1)
		end := next
		if next < 0 {
			end = len(text)
		}
		if address := trimAddress(text[begin:end], before, next >= 0); address != "" {
			return address
		}
		begin, before = next, beforeNext
	}
	return ""
}

// closing are the characters that end an address after the one that is before it.
var closing = map[string]string{`"`: `"`, "'": "'", "“": "”", "`": "`", "]": "["}

// brackets are those that may be part of an address too.
var brackets = map[string]string{"(": ")", "[": "]"}

// trimAddress returns the address at the beginning of text, without what separates it
// from the next one, if there is one.
func trimAddress(text, before string, followed bool) string {
	if end, ok := closing[before]; ok {
		text, _, _ = strings.Cut(text, end)
	}
	if end, ok := brackets[before]; ok {
		text = beforeClosing(text, before, end)
	}
	if i := strings.IndexAny(text, "\r\n\t\"<>"); i >= 0 {
		text = text[:i]
	}
	separators := ` ,;|'\.`
	if followed {
		separators += "~^:@#+*&!("
	}
	text = beforeCaption(strings.TrimRightFunc(text, func(r rune) bool {
		return strings.ContainsRune(separators, r) || r >= utf8.RuneSelf && unicode.IsPunct(r)
	}))
	return ampersands.Replace(text)
}

// ampersands are written so within HTML. Other references may be parts of an address: "&copy=1".
var ampersands = strings.NewReplacer("&amp;", "&", "&#38;", "&", "&#038;", "&")

// beforeClosing returns a text up to the bracket that closes the one before it.
func beforeClosing(text, opening, end string) string {
	open := 1
	for i := range text {
		switch text[i : i+1] {
		case opening:
			open++
		case end:
			if open--; open == 0 {
				return text[:i]
			}
		}
	}
	return text
}

// beforeCaption cuts off what follows the name of a picture: "x.jpg ! alt : a sofa". A
// space alone may be part of the name.
func beforeCaption(text string) string {
	ending := "" // of the name, from its last dot on
	for i, r := range text {
		switch r {
		case '.':
			ending = text[i+1:]
		case ' ', '|', ';', ',':
			if n := len(ending) - (len(text) - i); ending != "" && n <= maxEnding && pictureEndings[strings.ToLower(ending[:n])] {
				return text[:i]
			}
		}
	}
	return text
}

// maxEnding is more than the length of every name's ending in pictureEndings, in bytes.
const maxEnding = 8

// addressOf returns the first address of a cell that can be used, else its first text that
// is not blank.
func addressOf(v Value) string {
	texts := v.List
	if v.Kind != List {
		texts = []string{v.Text}
	}
	for _, find := range []func(string) string{firstAddress, withoutScheme} {
		for _, text := range texts {
			if address := find(catalog.Clip(text, maxCellBytes)); address != "" {
				return catalog.Clip(address, maxAddress)
			}
		}
	}
	return ""
}

// maxAddress is more than an address may have, in bytes: it is refused as that of a
// picture, and the item is classified by its text.
const maxAddress = 16 << 10

// withoutScheme returns the first part of a text that may be an address or a path.
func withoutScheme(text string) string {
	text = strings.TrimSpace(visible(text))
	if _, quoted, ok := strings.Cut(text, `("`); ok && text[0] == '=' { // =HYPERLINK("images/1.jpg")
		text, _, _ = strings.Cut(quoted, `"`)
	}
	for _, part := range splitText(text) {
		part = strings.Trim(strings.TrimSpace(part), `"'<>()`)
		if !blankInFile(TextValue(part)) && !flagValues[foldName(part)] {
			return part
		}
	}
	return ""
}

// maxDataURI bounds a picture within a cell, in bytes of its text.
const maxDataURI = 14 << 20

// looksLikeData reports whether a cell has a picture itself, in a data URI or in Base64 alone.
func looksLikeData(text string) bool {
	text = unwrappedData(text)
	if beginsFold(text, "data:") {
		head, data, _ := strings.Cut(text, ",")
		head = strings.ToLower(strings.ReplaceAll(head, " ", ""))
		return strings.HasPrefix(head, "data:image/") || strings.HasSuffix(head, ";base64") && beginsPicture(strings.TrimSpace(data))
	}
	const least = 100 // bytes, of Base64 that is no word
	return len(text) > least && beginsPicture(text)
}

// unwrappedData returns the data URI that stands in a tag or in a style, or text itself.
func unwrappedData(text string) string {
	const most = 300 // bytes in front of it
	i := strings.Index(text[:min(len(text), most)], "data:image/")
	if i <= 0 {
		return text
	}
	end := strings.IndexAny(text[i:], `"')>`)
	if !strings.ContainsRune(`"'(`, rune(text[i-1])) || end < 0 {
		return text
	}
	return text[i : i+end]
}

// lineBreaks are what mail programs and people put into Base64, with the blanks around them.
var lineBreaks = regexp.MustCompile(`[ \t]*[\r\n]+[ \t]*`)

// beginsPicture reports whether Base64 begins as JPEG, PNG, GIF or WebP does.
func beginsPicture(text string) bool {
	return strings.HasPrefix(text, "/9j/") || strings.HasPrefix(text, "iVBORw0KGg") || strings.HasPrefix(text, "R0lGOD") || strings.HasPrefix(text, "UklGR")
}

// dataURI returns the picture in a cell that is a data URI (RFC 2397), and false if the
// cell is none.
func dataURI(v Value) ([]byte, bool) {
	text := strings.Trim(strings.TrimSpace(v.first()), `"'`)
	if len(text) > maxDataURI || !looksLikeData(text) {
		return nil, false
	}
	text = unwrappedData(text)
	head, data, ok := strings.Cut(text, ",")
	if !ok {
		head, data = "data:;base64", text
	}
	if plain, err := url.PathUnescape(data); err == nil {
		data = plain
	}
	data = strings.TrimSpace(lineBreaks.ReplaceAllString(data, ""))
	if !strings.HasSuffix(strings.ToLower(strings.ReplaceAll(head, " ", "")), ";base64") {
		return []byte(data), true
	}
	data = strings.TrimRight(strings.NewReplacer(" ", "+", "-", "+", "_", "/").Replace(data), "=")
	if len(data)%4 == 1 { // a spreadsheet has cut it, as JPEG allows
		data = data[:len(data)-1]
	}
	picture, err := base64.RawStdEncoding.DecodeString(data)
	return picture, err == nil && len(picture) > 0
}
