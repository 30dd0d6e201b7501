package table

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// jsonSource cuts the input into objects and reads them one by one. The objects stand
// one to a line, or one after the other, or in an array, which may be a member of
// another object; or they are the members of an object, by their keys. Lists below a list
// of names are rows too. An object that holds whole columns is turned round in memory.
type jsonSource struct {
	in     *bufio.Reader
	at     position // of the next byte
	maxRow int

	layout jsonLayout
	inside []byte   // the brackets that are open around the rows, outermost first
	names  []string // of the values in rows that are lists
	lists  bool     // the rows are lists, the first of which has the names
	// sisterKeys are the keys of a row if further lists of such rows may follow.
	sisterKeys []string
	ready      []record // rows that have been read already

	buf       []byte
	scanner   objectScanner
	open      []byte // the brackets that are open
	deepest   int    // the most that were open
	lineEnded bool   // since the last such byte a line has ended
	broken    error  // of the input
	rows      int
	after     bool // the rows of an array have ended
}

// jsonLayout is how the objects stand.
type jsonLayout uint8

const (
	unknownLayout jsonLayout = iota
	rowByRow                 // every object is a row
	wrapped                  // the objects have the rows in them
)

func newJSONSource(in *bufio.Reader, at position, maxRow int) *jsonSource {
	return &jsonSource{in: in, at: at.at(1), maxRow: maxRow}
}

func (s *jsonSource) next() (record, error) {
	for {
		if len(s.ready) > 0 {
			r := s.ready[0]
			s.ready = s.ready[1:]
			return r, nil
		}
		key, c, err := s.seek()
		if err != nil {
			return record{line: s.at.line}, err
		}
		r, found, err := s.read(key, c)
		if err != nil || found {
			s.rows++
			return r, err
		}
	}
}

// read reads the value that begins with c. It returns false if it is no row itself.
func (s *jsonSource) read(key string, c byte) (record, bool, error) {
	start := s.at
	r := record{line: start.line}
	if c == '[' && len(s.inside) == 0 {
		s.take()
		s.inside = append(s.inside, '[')
		return r, false, nil
	}
	if c != '{' && (c != '[' || len(s.inside) > 1 && s.names == nil && !s.lists) {
		err := s.skipValue(start)
		return r, false, err
	}
	err := s.collect()
	if s.deepest > maxNesting { // each level is read once more
		if err == nil {
			err = start.ofRow(start.fault("the object that begins here has over %d others within each other", maxNesting))
		} else {
			err = s.recover(start, err)
		}
		return r, true, err
	}
	if err == nil && s.rows == 0 {
		if bytes.Contains(s.buf, []byte("Export to JSON plugin for PHPMyAdmin")) {
			return r, false, start.fault("is an export of phpMyAdmin, whose tables are within other objects: export the table of products as CSV")
		}
		s.buf = strictIfNeeded(s.buf)
	}
	first := len(s.inside) == 0 && s.layout != rowByRow && c == '{'
	if first && (err == nil || errors.Is(err, errRowTooLong)) {
		return s.unwrap(start, err != nil)
	}
	if err != nil {
		return r, false, s.recover(start, err)
	}
	if c == '[' {
		return s.list(start)
	}
	return s.object(start, key)
}

// object reads the row that is in buf, or the products of the group that is there.
func (s *jsonSource) object(start position, key string) (record, bool, error) {
	r := record{line: start.line}
	if s.ready = groupRows(s.buf, start); s.ready != nil {
		return r, false, nil
	}
	row, err := decodeRow(s.buf, start)
	if err == nil && key != "" {
		row = withKey(row, key)
	}
	r.row = row
	return r, true, err
}

// seek goes to the value that comes next, or returns io.EOF. In an object of rows, key is
// the row's.
func (s *jsonSource) seek() (key string, c byte, err error) {
	for {
		c, err := s.skipSpace()
		switch {
		case errors.Is(err, io.EOF) && len(s.inside) > 0:
			return "", 0, s.at.fault("the %s is not closed: the file has been cut off", s.container())
		case errors.Is(err, io.EOF):
			return "", 0, io.EOF
		case err != nil:
			return "", 0, s.at.unreadable(err)
		case c == ',', (c == ';' || c == ')') && len(s.inside) == 0 && s.rows > 0: // of a script
			s.take()
		case c == '/' || c == '#':
			s.skipComment()
		case c == ']' || c == '}':
			s.take()
			s.leave()
		case c == '"' && len(s.inside) > 0 && s.inside[len(s.inside)-1] == '{':
			if key, err = s.key(); err != nil {
				return "", 0, err
			}
		case c == ':':
			s.take()
		default:
			return key, c, nil
		}
	}
}

func (s *jsonSource) container() string {
	if s.inside[len(s.inside)-1] == '{' {
		return "object"
	}
	return "array"
}

// leave leaves what is around the rows, unless another list of such rows follows. The rest
// of the objects around that is skipped.
func (s *jsonSource) leave() {
	if len(s.inside) == 0 {
		return
	}
	if s.sisterKeys != nil && s.toSister() {
		return
	}
	s.after = true
	depth := len(s.inside) - 1
	s.inside, s.names = s.inside[:0], nil
	scanner := objectScanner{depth: depth}
	for depth > 0 {
		next, err := s.in.Peek(1)
		if err != nil {
			return // seek finds it too
		}
		s.take()
		if scanner.step(next[0]) {
			return
		}
	}
}

// key reads the key of a row.
func (s *jsonSource) key() (string, error) {
	start := s.at
	s.buf = s.buf[:0]
	escaped := false
	for len(s.buf) < s.maxRow {
		next, err := s.in.Peek(1)
		if err != nil {
			return "", start.fault("the object is not closed: the file has been cut off")
		}
		s.buf = append(s.buf, next[0])
		s.take()
		if c := s.buf[len(s.buf)-1]; c == '"' && !escaped && len(s.buf) > 1 {
			return decodeString(s.buf)
		}
		escaped = !escaped && s.buf[len(s.buf)-1] == '\\'
	}
	return "", start.fault("the key has over %d bytes", s.maxRow)
}

// skipSpace returns the next byte that is no white space, without taking it.
func (s *jsonSource) skipSpace() (byte, error) {
	for {
		next, err := s.in.Peek(1)
		if err != nil {
			return 0, err
		}
		switch next[0] {
		case ' ', '\t', '\r', '\n', '\x1a', '\x1e':
			s.take()
		case byteOrderMark[0]:
			if mark, _ := s.in.Peek(len(byteOrderMark)); string(mark) != byteOrderMark {
				return next[0], nil
			}
			_, _ = s.in.Discard(len(byteOrderMark)) // it is buffered
		default:
			return next[0], nil
		}
	}
}

// skipComment takes a comment: up to its end mark, or the rest of the line but for its end.
func (s *jsonSource) skipComment() {
	if begin, _ := s.in.Peek(len("/*")); string(begin) == "/*" {
		s.take()
		for before := byte(0); ; {
			next, err := s.in.Peek(1)
			if err != nil {
				return
			}
			s.take()
			if before == '*' && next[0] == '/' {
				return
			}
			before = next[0]
		}
	}
	for {
		next, err := s.in.Peek(1)
		if err != nil || next[0] == '\n' {
			return
		}
		s.take()
	}
}

// skipValue skips what is no row, and returns the error of that.
func (s *jsonSource) skipValue(start position) error {
	if next, err := s.in.Peek(1); err == nil && next[0] == '"' && len(s.inside) > 0 {
		if _, err := s.key(); err != nil {
			return err
		}
	} else {
		for err == nil && !bytes.ContainsAny(next, ",]}\n") {
			s.take()
			next, err = s.in.Peek(1)
		}
	}
	if s.after {
		return start.ofRow(start.fault("something follows the array"))
	}
	return start.ofRow(start.fault(adviceObject))
}

const adviceObject = "expected an object, such as {\"product_name\": \"Oak table\"}"

// take consumes a byte that has been peeked.
func (s *jsonSource) take() {
	c, _ := s.in.ReadByte()
	s.at.column++
	if c == '\n' {
		s.at.line++
		s.at.column = 1
	}
}

// recover returns what an error of collect means, and goes on to the next row if it can.
func (s *jsonSource) recover(start position, err error) error {
	switch {
	case errors.Is(err, errInputBroken):
		return s.at.unreadable(s.broken)
	case errors.Is(err, errNotClosed) && s.buf[0] == '[':
		return start.ofRow(start.fault(adviceObject))
	case errors.Is(err, errNotClosed):
		return start.ofRow(start.fault("the object that begins here is not closed"))
	case errors.Is(err, errLineEnds):
		return start.ofRow(s.at.fault("%v", err))
	case errors.Is(err, errNextBegins):
		return start.ofRow(start.fault("%v", err))
	}
	f := start.fault("the object from here on has over %d bytes: shorten it, or look for a brace that is not closed", s.maxRow)
	for range maxSkip {
		s.buf = s.buf[:0]
		switch err := s.collectMore(s.maxRow); {
		case err == nil, errors.Is(err, errNextBegins), errors.Is(err, errLineEnds):
			return start.ofRow(f)
		case !errors.Is(err, errRowTooLong):
			return f
		}
	}
	return f
}

// list reads a row that is a list. The first one is the names.
func (s *jsonSource) list(start position) (record, bool, error) {
	r := record{line: start.line}
	if !json.Valid(ReplaceNaN(s.buf)) {
		return r, true, start.ofRow(start.fault("the list that begins here is not JSON"))
	}
	values, err := decodeList(s.buf)
	switch {
	case err != nil:
		return r, true, start.ofRow(start.fault("%v", err))
	case s.names != nil:
		r.row, err = listRow(s.names, values.List, start)
		return r, true, err
	case s.rows > 0:
		return r, true, start.ofRow(start.fault(adviceObject))
	case knownNames(values.List) == 0:
		return r, true, start.fault(adviceObject + ", or a list of the columns' names above the other lists")
	}
	s.names = uniqueKeys(trimAll(values.List))
	return r, false, nil
}

func listRow(names, values []string, start position) (Row, error) {
	if len(values) > len(names) {
		return nil, start.ofRow(start.fault("the row has %s for %s", catalog.Count(len(values), "value"), catalog.Count(len(names), "name")))
	}
	row := make(Row, 0, len(names))
	for i, text := range values {
		if names[i] != "" {
			row = append(row, Cell{names[i], TextValue(text)})
		}
	}
	return row, nil
}

// withKey gives a row its key in the object around it, if it has none itself.
func withKey(row Row, key string) Row {
	for _, cell := range row {
		if isKeyName(cell.Key) {
			return row
		}
	}
	return append(Row{{Key: "id", Value: TextValue(key)}}, row...)
}

// decodeRow decodes an object, also one that is no JSON, see ReplaceNaN and strictJSON.
func decodeRow(text []byte, start position) (Row, error) {
	var row Row
	err := json.Unmarshal(ReplaceNaN(text), &row)
	if err != nil && json.Unmarshal(strictJSON(text), &row) == nil {
		err = nil
	}
	if err == nil {
		return plainRow(row), nil
	}
	var f *fault.Fault
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		place := max(0, min(int(syntax.Offset)-1, len(text)))
		f = start.after(text[:place]).fault("is not JSON: %v", syntax)
	} else {
		f = start.fault("%s", strings.TrimSpace(err.Error()))
	}
	return nil, start.ofRow(f)
}
