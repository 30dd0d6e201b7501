package page

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep values may nest. What is deeper is passed over.
const maxDepth = 64

// parseLoosely reads all values in a text that is meant to be JSON. It knows
// objects, lists and strings; numbers, literals and bare words are strings too.
// It takes comments, missing and superfluous commas, single quotes, bare keys,
// control characters and unescaped quotes in strings, values that are not
// closed, and anything between them. Valid JSON it reads as it is meant.
//
// It never fails, and its time is in proportion to the text's length.
func parseLoosely(text string) []any {
	p := &looseParser{text: text}
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

type looseParser struct {
	text string
	at   int
}

// skip passes over blanks and comments.
func (p *looseParser) skip() {
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

// past goes behind the next mark, or to the end.
func (p *looseParser) past(mark string) {
	i := strings.Index(p.text[p.at+2:], mark)
	if i < 0 {
		p.at = len(p.text)
		return
	}
	p.at += 2 + i + len(mark)
}

func isBlank(c byte) bool { return c <= ' ' || c == 0x7f }

// value reads one value. It reports false, having passed over something, where
// there was none.
func (p *looseParser) value(depth int) (any, bool) {
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

func (p *looseParser) list(depth int) []any {
	all := []any{}
	for {
		p.skip()
		if p.at >= len(p.text) {
			return all
		}
		switch p.text[p.at] {
		case ']':
			p.at++
			return all
		case '}': // the list was not closed, the object around it is
			return all
		case ',', ':':
			p.at++
		default:
			if v, ok := p.value(depth); ok {
				all = append(all, v)
			}
		}
	}
}

func (p *looseParser) object(depth int) map[string]any {
	m := map[string]any{}
	for {
		p.skip()
		if p.at >= len(p.text) {
			return m
		}
		switch p.text[p.at] {
		case '}':
			p.at++
			return m
		case ']': // the object was not closed, the list around it is
			return m
		case '"', '\'':
			p.member(m, p.quoted(true), depth)
		default:
			word := p.bare()
			if word == "" {
				p.at++
				continue
			}
			p.member(m, word, depth)
		}
	}
}

// member reads what belongs to a key. A key without a colon is the rest of a
// broken string.
func (p *looseParser) member(m map[string]any, key string, depth int) {
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
func (p *looseParser) bare() string {
	start := p.at
	for p.at < len(p.text) && !isBlank(p.text[p.at]) && strings.IndexByte(`,:{}[]"'`, p.text[p.at]) < 0 {
		p.at++
	}
	return p.text[start:p.at]
}

// quoted reads a string from its quote on. Of a key that holds quotes, what is
// behind the last is the key: the rest is left over from a broken string.
func (p *looseParser) quoted(key bool) string {
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
			return unescaped(s, escaped)
		}
		p.at++
	}
	p.at = len(p.text)
	return unescaped(p.text[start:], escaped)
}

// closes reports whether the quote at the place ends its string: what follows
// must be able to follow a string.
func (p *looseParser) closes(key bool) bool {
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

// startsValue reports whether what follows a comma can be a value, a key or the
// end.
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

// startsKey reports whether a key with its colon is next, bare or quoted.
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

// unescaped replaces the escapes of JSON. Those that there are not stand for
// their letter.
func unescaped(s string, any bool) string {
	if !any {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 >= len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		if s[i] != 'u' {
			b = append(b, escape(s[i]))
			continue
		}
		r, n := codePoint(s[i+1:])
		b = utf8.AppendRune(b, r)
		i += n
	}
	return string(b)
}

func escape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	}
	return c
}

// codePoint reads the four digits behind \u, and a second half if there is one.
func codePoint(s string) (r rune, length int) {
	high, ok := hex4(s)
	if !ok {
		return utf8.RuneError, 0
	}
	if high < 0xd800 || high >= 0xe000 {
		return high, 4
	}
	if high < 0xdc00 && strings.HasPrefix(s[4:], `\u`) {
		if low, ok := hex4(s[6:]); ok && low >= 0xdc00 && low < 0xe000 {
			return (high-0xd800)<<10 | (low - 0xdc00) + 0x10000, 10
		}
	}
	return utf8.RuneError, 4
}

func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(s[:4], 16, 32)
	return rune(n), err == nil
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
