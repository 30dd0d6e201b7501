package llm

import (
	"strings"

	"github.com/tidwall/gjson"
)

// cursor goes over JSON once, from the front, without looking for the end of a value
// before it reads what is within: nine tenths of a completion are log-probabilities, of
// which the first ten tokens count. Of invalid JSON it reads what it can.
type cursor struct {
	text string
	at   int
}

// members calls f for each member of the object at the cursor, with the name as it is
// written. f must read the value or skip it, and returns false to stop.
func (c *cursor) members(f func(name string) bool) {
	for more := c.opens('{'); more; more = c.next('}') {
		name := c.raw()
		if len(name) < len(`""`) || name[0] != '"' || c.peek() != ':' {
			c.at = len(c.text)
			return
		}
		c.at++
		if !f(name[1 : len(name)-1]) {
			return
		}
	}
}

// elements is members for a list.
func (c *cursor) elements(f func() bool) {
	for more := c.opens('['); more; more = c.next(']') {
		if !f() {
			return
		}
	}
}

// opens enters a value that begins with a bracket, and reports whether there is anything
// in it. It skips other values.
func (c *cursor) opens(bracket byte) bool {
	if c.peek() != bracket {
		c.skip()
		return false
	}
	c.at++
	if end := c.peek(); end == '}' || end == ']' {
		c.at++
		return false
	}
	return c.at < len(c.text)
}

// next goes on to the next member or element, or behind the closing bracket.
func (c *cursor) next(bracket byte) bool {
	switch c.peek() {
	case ',':
		c.at++
		return true
	case bracket:
		c.at++
	default:
		c.at = len(c.text)
	}
	return false
}

// peek returns the next byte that is no space, 0 at the end.
func (c *cursor) peek() byte {
	for c.at < len(c.text) {
		switch b := c.text[c.at]; b {
		case ' ', '\n', '\t', '\r':
			c.at++
		default:
			return b
		}
	}
	return 0
}

// jump goes to before the next member of that name on any level, without reading what is
// in between, and reports whether there is one. In a string, the quotes of what looks like
// a member are escaped.
func (c *cursor) jump(name string) bool {
	name = `"` + name + `"`
	between, rest, found := strings.Cut(c.text[c.at:], name)
	between = strings.TrimRight(between, " \n\t\r")
	if !found || !strings.HasSuffix(between, ",") || !strings.HasPrefix(strings.TrimLeft(rest, " \n\t\r"), ":") {
		return false
	}
	c.at += len(between) - 1
	return true
}

// value reads a whole value.
func (c *cursor) value() gjson.Result { return gjson.Parse(c.raw()) }

// raw returns the text of a value.
func (c *cursor) raw() string {
	c.peek()
	start := c.at
	c.skip()
	return c.text[start:c.at]
}

// structural marks the bytes that can begin or end a value.
var structural = [256]bool{'"': true, '{': true, '}': true, '[': true, ']': true, ',': true, ':': true}

// skip goes behind a value.
func (c *cursor) skip() {
	depth := 0
	for c.at < len(c.text) {
		b := c.text[c.at]
		if !structural[b] {
			c.at++
			continue
		}
		switch b {
		case '"':
			c.skipString()
			if depth == 0 {
				return
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return
			}
			if depth--; depth == 0 {
				c.at++
				return
			}
		default:
			if depth == 0 {
				return
			}
		}
		c.at++
	}
}

// skipString goes behind the string at the cursor.
func (c *cursor) skipString() {
	for c.at++; ; {
		n := strings.IndexByte(c.text[c.at:], '"')
		if n < 0 {
			c.at = len(c.text)
			return
		}
		c.at += n + 1
		escapes := 0
		for c.text[c.at-2-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return
		}
	}
}
