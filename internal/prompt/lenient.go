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
// of one word or several on a line; quotes may be single ones, and may stand in a text
// without an escape (a 72" table); a comma may stand after the last member or element, and
// be missing at the end of a line; there may be comments; the last brace may be missing at
// the end of the text.
//
// Nothing is expanded, and members of the same name are all written, so that time and memory
// are proportional to the text. A YAML parser's are not: duplicate keys and aliases cost it
// seconds and gigabytes.
type lenient struct {
	text string
	at   int    // offset of what is read next
	cut  bool   // the text goes on after maxLenientBytes
	out  []byte // what was read, as JSON
	// mayBreakOff lets the object end in the middle of a member, which is left out then.
	mayBreakOff bool
	atItem      bool // the text ended in an item
}

// object returns the object at the beginning of a text as JSON, and its length in the text;
// nil if there is none. If it may break off, the text may end in the middle of it. Decoding it
// fails only if an escape of the text is broken. It is valid until the next call, since a text
// may begin with many objects that cannot be read.
func (r *lenient) object(text string) (json.RawMessage, int) {
	*r = lenient{text: text, out: r.out[:0], mayBreakOff: r.mayBreakOff}
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

// next returns the byte after white space and comments, without passing it.
func (r *lenient) next() rune {
	for r.at < len(r.text) {
		rest := r.text[r.at:]
		n := 0
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			n = 1
		case strings.HasPrefix(rest, "//"), rest[0] == '#':
			n = strings.IndexByte(rest, '\n')
		case strings.HasPrefix(rest, "/*"):
			if n = strings.Index(rest, "*/"); n > 0 {
				n += len("*/")
			}
		default:
			return rune(rest[0])
		}
		if n < 0 { // a comment up to the end
			n = len(rest)
		}
		r.at += n
	}
	return end
}

// items reads a bracket, members or values with commas between them, and the closing bracket.
func (r *lenient) items(closing rune, depth int) bool {
	r.out = append(r.out, r.text[r.at])
	r.at++
	last := len(r.out) // where the last item begins
	for n := 0; r.next() != closing; n++ {
		if r.next() == end {
			return r.endsEarly(depth, last)
		}
		last = len(r.out)
		if n > 0 {
			r.out = append(r.out, ',')
		}
		if closing == '}' && !r.member(depth) || closing == ']' && !r.value(depth) {
			r.atItem = true
			return r.mayBreakOff && r.next() == end && r.endsEarly(depth, last)
		}
		after := r.at
		switch r.next() {
		case ',':
			r.at++
		case closing, end:
		default:
			if !strings.Contains(r.text[after:r.at], "\n") { // which stands for a comma
				return false
			}
		}
	}
	r.out = append(r.out, byte(closing))
	r.at++
	return true
}

// endsEarly closes an object of which the last brace is missing at the end of the text. If it
// may break off, its last item, which begins at the given offset, is left out if it may have
// gone on.
func (r *lenient) endsEarly(depth, last int) bool {
	if r.mayBreakOff && (r.atItem || !strings.ContainsAny(r.text[len(r.text)-1:], "\"'}],")) {
		r.out = r.out[:last]
	}
	r.out = append(r.out, '}')
	return depth == 0 && !r.cut
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
		case c == quote && r.closes():
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

// maxAfterQuote is how many bytes after a quote decide whether it ends a text.
const maxAfterQuote = 100

// closes reports whether the quote at hand ends a name or a value, and does not stand in it:
// by what follows, which after a comma is the next value or name, and not more of a sentence.
func (r *lenient) closes() bool {
	begin := r.at + 1
	after := lenient{text: r.text[:min(len(r.text), begin+maxAfterQuote)], at: begin}
	switch c := after.next(); c {
	case end, ':', '}', ']':
		return true
	case ',':
		after.at++
		return after.beginsItem()
	default: // the comma may be missing at the end of a line
		return strings.Contains(after.text[begin:after.at], "\n") && (c == '"' || c == '\'' || after.bare(":,{}[]\n") != "" && after.next() == ':')
	}
}

// beginsItem reports whether a value or a name with its colon comes next.
func (r *lenient) beginsItem() bool {
	switch r.next() {
	case end, '"', '\'', '{', '}', '[', ']':
		return true
	}
	word := r.bare(":,{}[]\n")
	next := r.next()
	return next == ':' && !strings.Contains(word, " ") || json.Valid([]byte(word)) && (next == ',' || next == ']' || next == end)
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
