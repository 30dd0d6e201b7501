package prompt

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLenientBytes bounds an object that is nearly JSON. It is more than the longest
// answer that is asked for: a reasoning of 1000 bytes in \u escapes has 6 KiB at most.
const maxLenientBytes = 8 << 10

// lenient reads objects that are nearly JSON, as Python, JavaScript and the flow style of
// YAML have them, and writes them as JSON. Names may be without quotes, and so may values
// of one word or several on a line; quotes may be single ones; a comma may stand after the
// last member or element; the last brace may be missing at the end of the text.
//
// Nothing is expanded, and members of the same name are all written, so that time and memory
// are proportional to the text. A YAML parser's are not: duplicate keys and aliases cost it
// seconds and gigabytes.
type lenient struct {
	text string
	at   int    // offset of what is read next
	cut  bool   // the text goes on after maxLenientBytes
	out  []byte // what was read, as JSON
}

// object returns the object at the beginning of a text as JSON, and its length in the text;
// nil if there is none. Decoding it fails only if an escape of the text is broken. It is valid
// until the next call, since a text may begin with many objects that cannot be read.
func (r *lenient) object(text string) (json.RawMessage, int) {
	*r = lenient{text: text, out: r.out[:0]}
	if len(text) > maxLenientBytes {
		r.text, r.cut = text[:maxLenientBytes], true
	}
	if r.next() != '{' || !r.items('}', 0) {
		return nil, 0
	}
	return r.out, r.at
}

// end is what next returns at the end of the text.
const end = -1

// next returns the byte after white space, without passing it.
func (r *lenient) next() rune {
	for r.at < len(r.text) && strings.IndexByte(" \t\r\n", r.text[r.at]) >= 0 {
		r.at++
	}
	if r.at == len(r.text) {
		return end
	}
	return rune(r.text[r.at])
}

// items reads a bracket, members or values with commas between them, and the closing bracket.
func (r *lenient) items(closing rune, depth int) bool {
	r.out = append(r.out, r.text[r.at])
	r.at++
	for n := 0; r.next() != closing; n++ {
		if r.next() == end {
			r.out = append(r.out, '}')
			return depth == 0 && !r.cut
		}
		if n > 0 {
			r.out = append(r.out, ',')
		}
		if closing == '}' && !r.member(depth) || closing == ']' && !r.value(depth) {
			return false
		}
		switch r.next() {
		case ',':
			r.at++
		case closing, end:
		default:
			return false
		}
	}
	r.out = append(r.out, byte(closing))
	r.at++
	return true
}

func (r *lenient) member(depth int) bool {
	if c := r.next(); c == '"' || c == '\'' {
		if !r.quoted() {
			return false
		}
	} else {
		name := r.bare(":,{}[]\n")
		if name == "" {
			return false
		}
		r.out = appendString(r.out, name)
	}
	if r.next() != ':' {
		return false
	}
	r.at++
	r.out = append(r.out, ':')
	return r.value(depth)
}

func (r *lenient) value(depth int) bool {
	switch r.next() {
	case '{':
		return r.items('}', depth+1)
	case '[':
		return r.items(']', depth+1)
	case '"', '\'':
		return r.quoted()
	}
	switch word := r.bare(",{}[]\n"); {
	case word == "":
		return false
	case word == "None":
		r.out = append(r.out, "null"...)
	case json.Valid([]byte(word)): // a number, true, false or null
		r.out = append(r.out, word...)
	default:
		r.out = appendString(r.out, word)
	}
	return true
}

// bare reads text without quotes up to one of the stops. It returns "" for what no name or
// value begins with, such as YAML's anchors and aliases.
func (r *lenient) bare(stops string) string {
	rest := r.text[r.at:]
	if n := strings.IndexAny(rest, stops); n >= 0 {
		rest = rest[:n]
	}
	word := strings.TrimSpace(rest)
	first, _ := utf8.DecodeRuneInString(word)
	if !unicode.IsLetter(first) && !unicode.IsDigit(first) && !strings.ContainsRune("_+-.", first) {
		return ""
	}
	r.at += len(rest)
	return word
}

// quoted reads a string in single or double quotes.
func (r *lenient) quoted() bool {
	quote := r.text[r.at]
	r.out = append(r.out, '"')
	for r.at++; r.at < len(r.text); r.at++ {
		switch c := r.text[r.at]; {
		case c == '\'' && c == quote && strings.HasPrefix(r.text[r.at:], "''"): // as in YAML
			r.at++
			r.out = append(r.out, c)
		case c == quote:
			r.at++
			r.out = append(r.out, '"')
			return true
		case c == '\\' && r.at+1 < len(r.text):
			r.at++
			r.escape(r.text[r.at])
		case c == '"':
			r.out = append(r.out, `\"`...)
		case c < ' ':
			r.out = append(r.out, ' ')
		default:
			r.out = append(r.out, c)
		}
	}
	return false
}

// escape writes what stands after a backslash, which itself stays if JSON has no such escape.
func (r *lenient) escape(c byte) {
	switch {
	case strings.IndexByte(`"\/bfnrtu`, c) >= 0:
		r.out = append(r.out, '\\', c)
	case c < ' ':
		r.out = append(r.out, ' ')
	case c == '\'':
		r.out = append(r.out, c)
	default:
		r.out = append(r.out, '\\', '\\', c)
	}
}

// appendString appends a text as JSON. A hostile reply has thousands of names in it, of which
// few need escapes.
func appendString(out []byte, s string) []byte {
	if strings.IndexFunc(s, needsEscape) < 0 {
		return append(append(append(out, '"'), s...), '"')
	}
	quoted, _ := json.Marshal(s) // strings cannot fail
	return append(out, quoted...)
}

// needsEscape reports whether json.Marshal may write a character in another way.
func needsEscape(c rune) bool { return c < ' ' || c > '~' || strings.ContainsRune(`"\<>&`, c) }
