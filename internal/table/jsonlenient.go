package table

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"unicode/utf8"
)

// strictIfNeeded returns an object that is written as Python, JavaScript or a database's
// shell does as JSON, and text itself if it is JSON or cannot be made so.
func strictIfNeeded(text []byte) []byte {
	if json.Valid(ReplaceNaN(text)) {
		return text
	}
	if strict := strictJSON(text); json.Valid(strict) {
		return strict
	}
	return text
}

// words are what other languages write for JSON's words, by their names.
var words = map[string]string{
	"True": "true", "False": "false", "None": "null", "undefined": "null", "nil": "null", "nan": "null", "NaN": "null",
	"Infinity": "null", "true": "true", "false": "false", "null": "null",
}

// word is a name that is no string: a word, a key, or a function around a value.
var word = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$.]*`)

// strictJSON returns JSON of an object as Python prints it, as JavaScript has it, or as the
// shell of MongoDB shows it: with apostrophes for quotes, keys without quotes, words for
// true, false and null, calls such as ObjectId("...") around a value, line ends and tabs
// within strings, and escapes that JSON does not have. What else is wrong stays wrong.
func strictJSON(text []byte) []byte {
	text = withoutExtras(text)
	out := make([]byte, 0, len(text)+16)
	calls := 0 // that are open
	for i := 0; i < len(text); {
		c := text[i]
		name := word.Find(text[i:])
		switch {
		case c == '"' || c == '\'':
			out, i = appendString(out, text, i)
			continue
		case name == nil && c == ')' && calls > 0:
			calls--
		case name == nil:
			out = append(out, c)
		default:
			i += len(name)
			switch rest := bytes.TrimLeft(text[i:], " "); {
			case bytes.HasPrefix(rest, []byte("(")):
				i += len(text[i:]) - len(rest) + 1
				calls++
			case bytes.HasPrefix(rest, []byte(":")):
				out = strconv.AppendQuote(out, string(name))
			case words[string(name)] != "":
				out = append(out, words[string(name)]...)
			case string(name) != "new":
				out = append(out, name...)
			}
			continue
		}
		i++
	}
	return out
}

// appendString appends the string that begins at a place as JSON, and returns the place
// behind it.
func appendString(out, text []byte, at int) ([]byte, int) {
	quote := text[at]
	out = append(out, '"')
	for i := at + 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == quote:
			return append(out, '"'), i + 1
		case c == '\\' && i+1 < len(text):
			i++
			var skipped int
			out, skipped = appendEscape(out, text[i:])
			i += skipped
		case c == '"':
			out = append(out, '\\', '"')
		case c < ' ':
			out = append(out, `\u00`...)
			out = append(out, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			out = append(out, c)
		}
	}
	return out, len(text)
}

// appendEscape appends the escape whose letter text begins with, and returns how many bytes
// it has behind that.
func appendEscape(out, text []byte) ([]byte, int) {
	const hex = len("x41")
	switch c := text[0]; {
	case bytes.IndexByte([]byte(`"\/bfnrtu`), c) >= 0:
		return append(out, '\\', c), 0
	case c == 'x' && len(text) >= hex:
		if n, err := strconv.ParseUint(string(text[1:hex]), 16, 8); err == nil && n >= ' ' && n != '"' && n != '\\' {
			return utf8.AppendRune(out, rune(n)), hex - 1
		}
	case c == '\'':
		return append(out, c), 0
	case c == '\n': // the string goes on in the next line
		return out, 0
	}
	return append(out, `\\`...), -1 // the backslash is a character, and the next one stands for itself
}
