package page

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// maxDepth is the deepest nesting of values. Deeper values are ignored.
const maxDepth = 64

// parseLenient returns all values in a text that resembles JSON: objects, lists, and
// strings, which also stand for numbers, literals and bare words. It accepts comments,
// missing and superfluous commas, single quotes, bare keys, control characters and
// unescaped quotes in strings, values that are not closed, and anything between
// values. Valid JSON is read as the standard says.
//
// It never fails, and its time is proportional to the length of the text.
func parseLenient(text string) []any {
	p := &lenientParser{text: text}
	var all []any
	for p.skip(); p.at < len(p.text); p.skip() {
		if c := p.text[p.at]; c != '{' && c != '[' {
			p.at++
			continue
		}
		if v, ok := p.value(0); ok {
			all = append(all, v)
		}
	}
	return all
}

type lenientParser struct {
	text string
	at   int
}

// skip moves past spaces and comments.
func (p *lenientParser) skip() {
	for p.at < len(p.text) {
		switch rest := p.text[p.at:]; {
		case isBlank(rest[0]):
			p.at++
		case strings.HasPrefix(rest, "/*"):
			p.past("*/")
		case strings.HasPrefix(rest, "//"):
			p.past("\n")
		default:
			return
		}
	}
}

// past moves past the next mark, or to the end.
func (p *lenientParser) past(mark string) {
	i := strings.Index(p.text[p.at+2:], mark)
	if i < 0 {
		p.at = len(p.text)
		return
	}
	p.at += 2 + i + len(mark)
}

func isBlank(c byte) bool { return c <= ' ' || c == 0x7f }

// value reads one value. If there is none, it moves forward and reports false.
func (p *lenientParser) value(depth int) (any, bool) {
	p.skip()
	if p.at >= len(p.text) {
		return nil, false
	}
	switch c := p.text[p.at]; {
	case depth > maxDepth:
		p.at++
		return nil, false
	case c == '{':
		p.at++
		return p.object(depth + 1), true
	case c == '[':
		p.at++
		return p.list(depth + 1), true
	case c == '"' || c == '\'':
		return p.quoted(false), true
	default:
		word := p.bare()
		if word == "" {
			p.at++
		}
		return word, word != ""
	}
}

// more reports whether a list or an object goes on. It moves past its closing mark, but
// not past that of the value around it, which means that this one is not closed.
func (p *lenientParser) more(closing, outer byte) bool {
	p.skip()
	if p.at >= len(p.text) || p.text[p.at] == outer {
		return false
	}
	if p.text[p.at] == closing {
		p.at++
		return false
	}
	return true
}

func (p *lenientParser) list(depth int) []any {
	all := []any{}
	for p.more(']', '}') {
		if c := p.text[p.at]; c == ',' || c == ':' {
			p.at++
		} else if v, ok := p.value(depth); ok {
			all = append(all, v)
		}
	}
	return all
}

func (p *lenientParser) object(depth int) map[string]any {
	m := map[string]any{}
	for p.more('}', ']') {
		if c := p.text[p.at]; c == '"' || c == '\'' {
			p.member(m, p.quoted(true), depth)
		} else if word := p.bare(); word != "" {
			p.member(m, word, depth)
		} else {
			p.at++
		}
	}
	return m
}

// member reads the value of a key. A key without a colon is the rest of a broken
// string.
func (p *lenientParser) member(m map[string]any, key string, depth int) {
	p.skip()
	if p.at >= len(p.text) || p.text[p.at] != ':' {
		return
	}
	p.at++
	p.skip()
	if p.at < len(p.text) && strings.IndexByte(",}]", p.text[p.at]) >= 0 {
		return
	}
	if v, ok := p.value(depth); ok {
		m[key] = v
	}
}

// bare reads a number, a literal or an unquoted word.
func (p *lenientParser) bare() string {
	start := p.at
	for p.at < len(p.text) && !isBlank(p.text[p.at]) && strings.IndexByte(`,:{}[]"'`, p.text[p.at]) < 0 {
		p.at++
	}
	return p.text[start:p.at]
}

// quoted reads a string from its quote on. In a key that contains quotes, the key is
// the text after the last one: the rest is left over from a broken string.
func (p *lenientParser) quoted(key bool) string {
	quote := p.text[p.at]
	p.at++
	start, escaped := p.at, false
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '\\' && p.at+1 < len(p.text):
			escaped = true
			p.at++
		case c == quote && p.closes(key):
			s := p.text[start:p.at]
			p.at++
			if i := strings.LastIndexByte(s, quote); key && i >= 0 && !escaped {
				s = s[i+1:]
			}
			return unescaped(s)
		}
		p.at++
	}
	p.at = len(p.text)
	return unescaped(p.text[start:])
}

// closes reports whether the quote at p.at ends its string: the text after it must be
// able to follow a string.
func (p *lenientParser) closes(key bool) bool {
	rest := strings.TrimLeftFunc(p.text[p.at+1:], func(r rune) bool { return r <= ' ' })
	if rest == "" {
		return true
	}
	switch rest[0] {
	case ':':
		return key
	case '}', ']':
		return true
	case '"':
		return !key && startsKey(rest) // a comma is missing
	case '/':
		return strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "/*")
	case ',':
		return !key && startsValue(strings.TrimLeftFunc(rest[1:], func(r rune) bool { return r <= ' ' }))
	}
	return false
}

// startsValue reports whether the text after a comma can be a value, a key or the end.
func startsValue(s string) bool {
	if s == "" || strings.IndexByte("\"'{[}]-/", s[0]) >= 0 || (s[0] >= '0' && s[0] <= '9') {
		return true
	}
	for _, literal := range []string{"true", "false", "null"} {
		if strings.HasPrefix(s, literal) {
			return true
		}
	}
	return startsKey(s)
}

// startsKey reports whether the text begins with a key and a colon, bare or quoted.
func startsKey(s string) bool {
	const longest = 64
	for i := range min(len(s), longest) {
		switch c := s[i]; {
		case c == ':':
			return i > 0
		case c == '"' || c == '@' || c == '_' || c == '-' || c == ' ' || c == '$':
		case (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9'):
			return false
		}
	}
	return false
}

var escapes = regexp.MustCompile(`(?s)(?:\\u[0-9a-fA-F]{4})+|\\.`)

// unescaped replaces the escapes of JSON. An unknown escape stands for its letter.
func unescaped(s string) string {
	return escapes.ReplaceAllStringFunc(s, func(escape string) string {
		var text string
		switch err := json.Unmarshal([]byte(`"`+escape+`"`), &text); {
		case err == nil:
			return text
		case escape == `\u`:
			return "\ufffd"
		}
		return escape[1:]
	})
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
