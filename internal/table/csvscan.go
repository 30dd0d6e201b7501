package table

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// csvScanner cuts CSV into rows of cells. It knows RFC 4180 and what people's files do
// to it: quotes within values that are not doubled, quotes that are never closed,
// backslashes before quotes, and lines that end with carriage returns alone.
//
// A quote that could be closed in a later line may also be an inch mark. The number of
// cells decides: want is how many a row should have.
type csvScanner struct {
	in    io.Reader
	at    position // of the file
	buf   []byte   // what has been read
	pos   int      // where the next row begins in buf
	err   error    // of in
	sep   byte     // 0: the rows have one cell
	cr    bool     // rows end with carriage returns, or line feeds
	want  int      // cells of a row, 0: not known
	limit int      // bytes of a row

	line        int       // of the next row, counted from 1
	consumed    int64     // bytes before buf
	unclosed    int64     // no quote that is opened before this byte is closed
	backslash   bool      // the file writes \" for a quote
	wrapped     bool      // every line stands in quotes as a whole
	columns     []int     // where the names begin, in characters, in a table that is aligned by blanks; else nil
	quotes      [2]string // marks that stand for quotes around cells, empty for none
	quotesKnown bool      // quotes has been found out
	skipFeed    bool      // a line feed that comes next belongs to the last line
}

// errRowTooLong is for a row over the limit.
var errRowTooLong = errors.New("row too long")

// row is part of cellRows.
func (s *csvScanner) row(want int) cellRow {
	s.want = want
	cells, line, err := s.next()
	if err != nil {
		err = s.failure(line, err)
	}
	return cellRow{cells: cells, line: line, err: err}
}

// failure returns what an error of next means.
func (s *csvScanner) failure(line int, err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.Is(err, errRowTooLong):
		at := s.at.at(line)
		f := at.fault("the row from here on has over %d bytes: shorten it, or look for a line end that is missing", s.limit)
		if s.skip() {
			return at.ofRow(f)
		}
		return f
	}
	return s.at.unreadable(err)
}

// next returns the cells of the next row, which has at least one, and its first line.
// The error is errRowTooLong, or that of the input; io.EOF after the last row.
func (s *csvScanner) next() (cells []string, line int, err error) {
	s.skipEmpty()
	end, err := s.lineEnd(0)
	if err != nil {
		return nil, s.line, err
	}
	line = s.line
	end = s.mixedEnd(end)
	if s.want > 0 && !s.quotesKnown {
		s.findQuotes()
	}
	text := s.requoted(trimEnd(s.buf[s.pos : s.pos+end]))
	switch {
	case s.columns != nil:
		cells = s.splitAligned(string(text))
	case bytes.IndexByte(text, '"') < 0:
		cells = s.split(string(text))
	case s.quotes[0] != "":
		cells = splitQuoted(string(text), s.sep)
	default:
		if cells, end, err = s.quotedRow(end); err != nil {
			return nil, line, err
		}
	}
	s.take(end)
	if s.sep != 0 && (s.want > 1 && len(cells) != s.want || s.wrapped && len(cells) == 1) {
		cells = s.mended(cells)
	}
	return cells, line, nil
}

// mixedEnd returns where the row ends whose line ends at end: at a carriage return that
// stands alone, in a file whose other lines end with line feeds, if there is a whole row
// in front of it and another one behind it.
func (s *csvScanner) mixedEnd(end int) int {
	text := trimEnd(s.buf[s.pos : s.pos+end])
	i := bytes.IndexByte(text, '\r')
	if i < 0 || s.cr || s.want < 2 || !s.wholeRow(text[:i]) {
		return end
	}
	next := text[i+1:]
	if j := bytes.IndexByte(next, '\r'); j >= 0 {
		next = next[:j]
	}
	if !s.wholeRow(next) {
		return end
	}
	return i
}

// wholeRow reports whether a text has the cells of one row.
func (s *csvScanner) wholeRow(text []byte) bool {
	line := csvLine{scanner: s, text: string(text)}
	line.parse()
	return !line.open && len(line.cells) == s.want
}

// skipEmpty takes the empty lines that come next, as far as they have been read.
func (s *csvScanner) skipEmpty() {
	for ; s.pos < len(s.buf) && s.buf[s.pos] == '\n'; s.pos++ {
		if !s.skipFeed {
			s.line++
		}
		s.skipFeed = false
	}
}

// trimEnd cuts the carriage return of a line that ends with both.
func trimEnd(text []byte) []byte { return bytes.TrimSuffix(text, []byte("\r")) }

// split cuts a line without quotes.
func (s *csvScanner) split(text string) []string {
	if s.sep == 0 {
		return []string{text}
	}
	cells := make([]string, 0, max(s.want, 1+strings.Count(text, string(rune(s.sep)))))
	for {
		i := strings.IndexByte(text, s.sep)
		if i < 0 {
			return append(cells, text)
		}
		cells = append(cells, text[:i])
		text = text[i+1:]
	}
}

// quotedRow returns the cells of a row whose first line has quotes and ends at end, and
// the row's end.
func (s *csvScanner) quotedRow(end int) ([]string, int, error) {
	first := end
	alone := csvLine{scanner: s, text: string(trimEnd(s.buf[s.pos : s.pos+end]))}
	alone.parse()
	open := alone.open // a quote is open at the line's end, and is taken as a character
	if !open || s.consumed+int64(s.pos) < s.unclosed || (alone.stray && len(alone.cells) == s.want) {
		return alone.cells, end, nil
	}
	for parsed := 0; ; {
		next, err := s.lineEnd(end + 1)
		if errors.Is(err, errRowTooLong) || errors.Is(err, io.EOF) || parsed > maxParse*s.limit {
			s.unclosed = s.consumed + int64(s.pos+end)
			return alone.cells, first, nil
		}
		if err != nil {
			return nil, 0, err
		}
		if !s.mayClose(s.buf[s.pos+end : s.pos+next]) {
			end = next
			continue
		}
		parsed += next
		whole := csvLine{scanner: s, text: string(trimEnd(s.buf[s.pos : s.pos+next])), lines: true}
		whole.parse()
		switch likely := len(whole.cells) == s.want || len(alone.cells) != s.want; {
		case !whole.open && likely && !whole.nested:
			return whole.cells, next, nil
		case whole.nested:
			s.unclosed = s.consumed + int64(s.pos+whole.nestedLine)
			return alone.cells, first, nil
		case !whole.open:
			s.unclosed = s.consumed + int64(s.pos+end)
			return alone.cells, first, nil
		}
		end = next
	}
}

// maxParse is how many times the limit may be gone through for the end of a quote.
const maxParse = 16

// mayClose reports whether a line has a quote where a cell could end.
func (s *csvScanner) mayClose(text []byte) bool {
	text = trimEnd(text)
	for {
		i := bytes.IndexByte(text, '"')
		if i < 0 {
			return false
		}
		text = text[i+1:]
		rest := text[skipBlanks(text, 0, s.sep):]
		if len(rest) == 0 || rest[0] == s.sep {
			return true
		}
	}
}

// lineEnd returns where the line ends that begins or goes on at from, both counted from
// the row's beginning. At the end of the input it returns io.EOF only if there is no
// line.
func (s *csvScanner) lineEnd(from int) (int, error) {
	for at := from; ; {
		if from == 0 && s.skipFeed && len(s.buf) > s.pos {
			if s.buf[s.pos] == '\n' {
				s.pos++
			}
			s.skipFeed = false
		}
		rest := s.buf[min(s.pos+at, len(s.buf)):]
		if i := s.indexEnd(rest); i >= 0 && at+i <= s.limit {
			return at + i, nil
		}
		at = max(at, len(s.buf)-s.pos)
		if at > s.limit {
			return 0, errRowTooLong
		}
		if !s.more() {
			switch {
			case !errors.Is(s.err, io.EOF):
				return 0, s.err
			case from < len(s.buf)-s.pos:
				return len(s.buf) - s.pos, nil
			}
			return 0, io.EOF
		}
	}
}

// more reads more and reports whether there was more.
func (s *csvScanner) more() bool {
	if s.err != nil {
		return false
	}
	if len(s.buf) == cap(s.buf) {
		s.makeRoom()
	}
	for range 100 {
		n, err := s.in.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf = s.buf[:len(s.buf)+n]
		s.err = err
		if n > 0 || err != nil {
			return n > 0
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// makeRoom drops the rows that have been taken, or grows the buffer.
func (s *csvScanner) makeRoom() {
	kept := s.buf[s.pos:]
	target := s.buf[:0]
	if len(kept) > cap(s.buf)/2 || cap(s.buf) == 0 {
		target = make([]byte, 0, max(headBytes, 2*cap(s.buf)))
	}
	s.buf = append(target, kept...)
	s.consumed += int64(s.pos)
	s.pos = 0
}

// take consumes a row that ends at end, and the line end after it.
func (s *csvScanner) take(end int) {
	text := s.buf[s.pos : s.pos+end]
	s.line += 1 + countLines(text, s.cr)
	s.pos += end
	if s.pos < len(s.buf) {
		s.skipFeed = s.buf[s.pos] == '\r'
		s.pos++
	}
}

func countLines(text []byte, cr bool) int {
	n := bytes.Count(text, []byte("\n"))
	if cr {
		n += bytes.Count(text, []byte("\r")) - bytes.Count(text, []byte("\r\n"))
	}
	return n
}

// maxSkip is how many times the limit a row may be long for the rows after it to be
// read.
const maxSkip = 8

// skip consumes a row that is too long, and reports whether it found its end.
func (s *csvScanner) skip() bool {
	for skipped := 0; skipped <= maxSkip*s.limit; {
		rest := s.buf[s.pos:]
		if i := s.indexEnd(rest); i >= 0 {
			s.take(i)
			return true
		}
		skipped += len(rest)
		s.consumed += int64(len(s.buf))
		s.buf, s.pos = s.buf[:0], 0
		if !s.more() {
			return errors.Is(s.err, io.EOF)
		}
	}
	return false
}

// indexEnd returns the place of the first line end, or -1.
func (s *csvScanner) indexEnd(text []byte) int {
	if s.cr {
		return bytes.IndexAny(text, "\r\n")
	}
	return bytes.IndexByte(text, '\n')
}
