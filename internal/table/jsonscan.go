package table

import (
	"errors"
	"io"
	"strings"
)

var (
	errNotClosed   = errors.New("not closed")
	errLineEnds    = errors.New("the line ends within a string: close it, or write \\n")
	errNextBegins  = errors.New("the object that begins here is not closed in front of the next one")
	errInputBroken = errors.New("input broken")
)

// collect reads one object or list into buf. After errNextBegins, the next object comes
// next.
func (s *jsonSource) collect() error {
	s.buf = s.buf[:0]
	s.scanner, s.open, s.deepest = objectScanner{}, s.open[:0], 0
	return s.collectMore(s.maxRow)
}

func (s *jsonSource) collectMore(limit int) error {
	s.lineEnded = false
	for {
		_, err := s.in.Peek(1)
		if errors.Is(err, io.EOF) {
			return errNotClosed
		}
		if err != nil {
			s.broken = err
			return errInputBroken
		}
		chunk, _ := s.in.Peek(s.in.Buffered())
		n, closed, err := s.scan(chunk)
		s.buf = append(s.buf, chunk[:n]...)
		s.at = s.at.after(chunk[:n])
		_, _ = s.in.Discard(n) // it is buffered
		switch {
		case err != nil || closed:
			return err
		case len(s.buf) > limit:
			return errRowTooLong
		}
	}
}

// scan goes through a part of an object, and returns how far it came and whether the
// object ends there.
func (s *jsonSource) scan(chunk []byte) (n int, closed bool, err error) {
	for i, c := range chunk {
		if s.scanner.inString {
			if c == '\n' {
				return i, false, errLineEnds
			}
			s.scanner.step(c)
			continue
		}
		switch {
		case c == '\n':
			s.lineEnded = true
		case c == '{' && s.lineEnded && !s.fits():
			return i, false, errNextBegins
		case c == '{' || c == '[':
			s.open = append(s.open, c)
			s.deepest = max(s.deepest, len(s.open))
		case (c == '}' || c == ']') && len(s.open) > 0:
			s.open = s.open[:len(s.open)-1]
		}
		if c > ' ' {
			s.lineEnded = false
		}
		if s.scanner.step(c) {
			return i + 1, true, nil
		}
	}
	return len(chunk), false, nil
}

// fits reports whether an object may begin here: behind a colon in an object, or as an
// element of a list.
func (s *jsonSource) fits() bool {
	before := s.scanner.before
	if len(s.open) > 0 && s.open[len(s.open)-1] == '{' {
		return before == ':'
	}
	return before == '[' || before == ','
}

// objectScanner finds the end of an object without parsing it.
type objectScanner struct {
	depth             int
	inString, escaped bool
	quote             byte // that ends the string
	before            byte // the last byte outside of strings that is no white space
}

// step reports whether c closes the object.
func (o *objectScanner) step(c byte) bool {
	switch {
	case o.escaped:
		o.escaped = false
	case o.inString:
		o.escaped = c == '\\'
		o.inString = c != o.quote
	case c == '"', c == '\'' && strings.IndexByte("{[:,(", o.before) >= 0: // within a comment it is no quote
		o.inString, o.quote = true, c
	case c == '{' || c == '[':
		o.depth++
	case c == '}' || c == ']':
		o.depth--
		o.before = c
		return o.depth <= 0
	}
	if c > ' ' && !o.inString {
		o.before = c
	}
	return false
}
