package table

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// jsonSource cuts the input into objects and reads them one by one. The objects
// stand one to a line, or one after the other, or in one array.
type jsonSource struct {
	in      *bufio.Reader
	at      position // of the next byte
	maxRow  int
	begun   bool
	array   bool
	buf     []byte
	scanner objectScanner
}

func newJSONSource(in *bufio.Reader, at position, maxRow int) *jsonSource {
	return &jsonSource{in: in, at: at.at(1, 1), maxRow: maxRow}
}

func (s *jsonSource) next() (record, error) {
	if err := s.seek(); err != nil {
		return record{}, err
	}
	start := s.at
	if err := s.collect(); err != nil {
		return record{}, err
	}
	row, err := decodeRow(ReplaceNaN(s.buf), start)
	return record{row: row, line: start.line}, err
}

// seek goes to the brace that begins the next row, or returns io.EOF.
func (s *jsonSource) seek() error {
	c, err := s.skipSpace()
	switch first := !s.begun; {
	case err != nil:
	case first && c == '[':
		s.array = true
		s.take()
		c, err = s.skipSpace()
	case s.array && !first && c == ',':
		s.take()
		if c, err = s.skipSpace(); c == ']' {
			return s.at.fault("expected an object after the comma")
		}
	case s.array && !first && c != ']':
		return s.at.fault("expected a comma or the array's end")
	}
	s.begun = true
	return s.begins(c, err)
}

// begins reports what c, or an error instead of it, means at the place of a row.
func (s *jsonSource) begins(c byte, err error) error {
	switch {
	case errors.Is(err, io.EOF) && s.array:
		return s.at.fault("the array is not closed: the file has been cut off")
	case errors.Is(err, io.EOF):
		return io.EOF
	case err != nil:
		return s.at.unreadable(err)
	case s.array && c == ']':
		s.take()
		return s.end()
	case c != '{':
		return s.at.fault("expected an object, such as {\"product_name\": \"Oak table\"}")
	}
	return nil
}

// end checks that nothing follows the array.
func (s *jsonSource) end() error {
	_, err := s.skipSpace()
	if err == nil {
		return s.at.fault("something follows the array")
	}
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return s.at.unreadable(err)
}

// skipSpace returns the next byte that is no white space, without taking it.
func (s *jsonSource) skipSpace() (byte, error) {
	for {
		next, err := s.in.Peek(1)
		if err != nil {
			return 0, err
		}
		switch next[0] {
		case ' ', '\t', '\r', '\n':
			s.take()
		default:
			return next[0], nil
		}
	}
}

// take consumes a byte that has been peeked.
func (s *jsonSource) take() {
	c, _ := s.in.ReadByte()
	s.at.column++
	if c == '\n' {
		s.at.line++
		s.at.column = 1
	}
}

// collect reads one object into buf.
func (s *jsonSource) collect() error {
	start := s.at
	s.buf = s.buf[:0]
	s.scanner = objectScanner{}
	for {
		next, err := s.in.Peek(1)
		if errors.Is(err, io.EOF) {
			return start.fault("the object that begins here is not closed")
		}
		if err != nil {
			return s.at.unreadable(err)
		}
		if s.scanner.inString && next[0] == '\n' {
			return s.at.fault("the line ends within a string: close it, or write \\n")
		}
		s.buf = append(s.buf, next[0])
		s.take()
		if s.scanner.step(next[0]) {
			return nil
		}
		if len(s.buf) > s.maxRow {
			return start.fault("the object from here on has over %d bytes: shorten it, or look for a brace that is not closed", s.maxRow)
		}
	}
}

// objectScanner finds the end of an object without parsing it.
type objectScanner struct {
	depth             int
	inString, escaped bool
}

// step reports whether c closes the object.
func (o *objectScanner) step(c byte) bool {
	switch {
	case o.escaped:
		o.escaped = false
	case o.inString:
		o.escaped = c == '\\'
		o.inString = c != '"'
	case c == '"':
		o.inString = true
	case c == '{' || c == '[':
		o.depth++
	case c == '}' || c == ']':
		o.depth--
		return o.depth <= 0
	}
	return false
}

func decodeRow(text []byte, start position) (Row, error) {
	if !utf8.Valid(text) {
		place := invalidUTF8(string(text))
		return nil, start.after(string(text[:place])).fault("is not in UTF-8: save the file in UTF-8")
	}
	var row Row
	err := json.Unmarshal(text, &row)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		place := max(0, min(int(syntax.Offset)-1, len(text)))
		return nil, start.after(string(text[:place])).fault("is no JSON: %v", syntax)
	}
	if err != nil {
		return nil, start.fault("%v", err)
	}
	return row, nil
}

// invalidUTF8 returns the place of the first byte that is not UTF-8, or -1.
func invalidUTF8(text string) int {
	if utf8.ValidString(text) {
		return -1
	}
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)) {
			return i
		}
	}
	return -1
}
