package llmsim

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// errSyntax is all that the scanner says of a text that is no JSON.
var errSyntax = errors.New("not valid JSON")

// scanner walks over JSON text without building values. It finds the borders of
// strings with bytes.IndexByte, so that a picture of a megabyte costs some
// microseconds. It follows the nesting and takes numbers and literals as they
// are: every valid text is accepted, and not every wrong one is refused.
type scanner struct {
	text []byte
	pos  int
}

// peek returns the next byte that is not white space, or 0 at the end.
func (s *scanner) peek() byte {
	for ; s.pos < len(s.text); s.pos++ {
		switch c := s.text[s.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) expect(c byte) error {
	if s.peek() != c {
		return errSyntax
	}
	s.pos++
	return nil
}

// str reads a string and returns what is between its quotes, escapes and all.
func (s *scanner) str() ([]byte, error) {
	if err := s.expect('"'); err != nil {
		return nil, err
	}
	start := s.pos
	for {
		i := bytes.IndexByte(s.text[s.pos:], '"')
		if i < 0 {
			return nil, errSyntax
		}
		end := s.pos + i
		s.pos = end + 1
		if !escaped(s.text[start:end]) {
			return s.text[start:end], nil
		}
	}
}

// escaped reports whether the byte after b is escaped: an odd number of
// backslashes goes before it.
func escaped(b []byte) bool {
	n := 0
	for n < len(b) && b[len(b)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// object calls field with each key, escapes and all; field must read the value.
// Members that are null are left out.
func (s *scanner) object(field func(key []byte) error) error {
	return s.list('{', '}', func() error {
		key, err := s.str()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		if s.peek() == 'n' {
			return s.word()
		}
		return field(key)
	})
}

// array calls element before each element; element must read it.
func (s *scanner) array(element func() error) error { return s.list('[', ']', element) }

func (s *scanner) list(first, last byte, member func() error) error {
	if err := s.expect(first); err != nil {
		return err
	}
	if s.peek() == last {
		s.pos++
		return nil
	}
	for {
		if err := member(); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.pos++
		case last:
			s.pos++
			return nil
		default:
			return errSyntax
		}
	}
}

// raw reads any value and returns its text.
func (s *scanner) raw() ([]byte, error) {
	c := s.peek()
	start := s.pos
	var err error
	switch c {
	case '"':
		_, err = s.str()
	case '{', '[':
		err = s.nested()
	default:
		err = s.word()
	}
	return s.text[start:s.pos], err
}

// nested reads an object or an array by counting brackets: no recursion, so that
// no request can exhaust the stack.
func (s *scanner) nested() error {
	for depth := 0; s.pos < len(s.text); {
		switch s.text[s.pos] {
		case '"':
			if _, err := s.str(); err != nil {
				return err
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		s.pos++
		if depth == 0 {
			return nil
		}
	}
	return errSyntax
}

// word reads a number or a literal.
func (s *scanner) word() error {
	start := s.pos
	for s.pos < len(s.text) && !bytes.ContainsRune([]byte(" \t\r\n,]}:\"[{"), rune(s.text[s.pos])) {
		s.pos++
	}
	if s.pos == start {
		return errSyntax
	}
	return nil
}

// end reports an error where more than white space is left.
func (s *scanner) end() error {
	if s.peek() != 0 || s.pos < len(s.text) {
		return errSyntax
	}
	return nil
}

// unescape appends the text of a JSON string, given without its quotes. Broken
// escapes become the replacement character, as in encoding/json.
func unescape(dst, raw []byte) []byte {
	for len(raw) > 0 {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 || i+1 == len(raw) {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:i]...)
		c := raw[i+1]
		if c != 'u' {
			dst = append(dst, unescapeByte(c))
			raw = raw[i+2:]
			continue
		}
		r, n := unescapeRune(raw[i:])
		dst = utf8.AppendRune(dst, r)
		raw = raw[i+n:]
	}
	return dst
}

func unescapeByte(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// unescapeRune reads \uXXXX, or two of them where they are a surrogate pair, and
// returns how many bytes that were.
func unescapeRune(b []byte) (rune, int) {
	first, n := hexRune(b)
	if !utf16.IsSurrogate(first) {
		return first, n
	}
	if second, m := hexRune(b[n:]); m > 0 {
		if r := utf16.DecodeRune(first, second); r != utf8.RuneError {
			return r, n + m
		}
	}
	return utf8.RuneError, n
}

// hexRune reads one \uXXXX. Where there is none it returns 0 bytes, or those of
// the broken escape.
func hexRune(b []byte) (rune, int) {
	if len(b) < 2 || b[0] != '\\' || b[1] != 'u' {
		return utf8.RuneError, 0
	}
	if len(b) < 6 {
		return utf8.RuneError, 2
	}
	v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return utf8.RuneError, 2
	}
	return rune(v), 6
}

// appendEscaped appends text as the inside of a JSON string.
func appendEscaped(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
