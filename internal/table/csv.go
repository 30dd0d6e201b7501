package table

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/credenza-dev/credenza/internal/fault"
)

// csvSource reads CSV as in RFC 4180. It is strict about quotes and the number of
// values, because a row that is misread is worse than an error.
type csvSource struct {
	csv        *csv.Reader
	rowLimiter *rowLimiter
	at         position
	names      []string // trimmed; empty for a column without a name
	original   []string // names as the file has them
	current    []string // the last row as the file has it
	last       int      // the line of the last record's end
}

func newCSVSource(in io.Reader, at position, separator rune, maxRow int) (*csvSource, error) {
	m := &rowLimiter{in: in, limit: maxRow}
	r := csv.NewReader(m)
	r.Comma = separator
	r.FieldsPerRecord = -1
	r.ReuseRecord = true
	// encoding/csv would trim a leading tab even if tabs separate the values.
	r.TrimLeadingSpace = separator != '\t'
	s := &csvSource{csv: r, rowLimiter: m, at: at}
	header, err := s.record()
	s.original = slices.Clone(header)
	if err != nil {
		if errors.Is(err, io.EOF) {
			return nil, at.fault("is empty: it needs a header and a row, or JSON objects")
		}
		return nil, err
	}
	return s, s.setHeader(header)
}

func (s *csvSource) setHeader(header []string) error {
	line, _ := s.csv.FieldPos(0)
	if len(header) > MaxColumns {
		return s.fieldPosition(MaxColumns).fault("the header names %d columns, at most %d are taken", len(header), MaxColumns)
	}
	seen := map[string]int{}
	for i, name := range header {
		name = strings.TrimSpace(name)
		if strings.ContainsRune(name, '\r') {
			return s.fieldPosition(i).fault("lines end with carriage returns alone: save the file with line feeds")
		}
		if first, twice := seen[name]; twice && name != "" {
			return s.fieldPosition(i).fault("%q names column %d and column %d: give one of them another name",
				clip(name), first+1, i+1)
		}
		seen[name] = i
		s.names = append(s.names, name)
	}
	if !slices.ContainsFunc(s.names, describesProduct) {
		return s.at.at(line, 1).fault("the first line must name the columns, and none of %s is known: "+
			"name at least one of product_name, description, type, image_url, product_url",
			clip(strings.Join(s.names, ", ")))
	}
	return nil
}

// describesProduct reports whether the name is that of a known column that helps to
// classify.
func describesProduct(name string) bool {
	c, known := columns[string(fold(nil, name))]
	return known && c.field != fieldID && c.field != fieldPrice
}

func (s *csvSource) next() (Row, int, error) {
	record, err := s.record()
	if err != nil {
		return nil, 0, err
	}
	if err := s.checkShape(record); err != nil {
		return nil, 0, err
	}
	line, _ := s.csv.FieldPos(0)
	s.current = slices.Clone(record)
	row := make(Row, 0, len(record))
	for i, text := range record {
		if s.names[i] != "" {
			row = append(row, Cell{s.names[i], TextValue(text)})
		}
	}
	return row, line, nil
}

// record returns the next record, its fields known to be UTF-8.
func (s *csvSource) record() ([]string, error) {
	s.rowLimiter.used = 0
	record, err := s.csv.Read()
	if err != nil {
		return nil, s.failure(err)
	}
	for i, text := range record {
		if place := invalidUTF8(text); place >= 0 {
			return nil, s.fieldPosition(i).after(text[:place]).
				fault("is not in UTF-8: save the file in UTF-8 (in a spreadsheet: \"CSV UTF-8\")")
		}
	}
	end := len(record) - 1
	line, _ := s.csv.FieldPos(end)
	s.last = line + strings.Count(record[end], "\n")
	return record, nil
}

func (s *csvSource) checkShape(record []string) error {
	names := s.names
	switch {
	case len(record) > len(names):
		return s.fieldPosition(len(names)).fault("the row has %d values and the header %d columns: "+
			"put values that contain a separator in double quotes", len(record), len(names))
	case len(record) < len(names):
		return s.fieldPosition(len(record)-1).fault("the row has %d values and the header %d columns: %s is missing",
			len(record), len(names), clip(strings.Join(names[len(record):], ", ")))
	}
	for i, name := range names {
		// Data frames write their index as a first column without a name.
		if name == "" && i > 0 && record[i] != "" {
			return s.fieldPosition(i).fault("column %d has a value and no name in the header: name it", i+1)
		}
	}
	return nil
}

func (s *csvSource) fieldPosition(i int) position { return s.at.at(s.csv.FieldPos(i)) }

// failure returns a fault for an error of encoding/csv.
func (s *csvSource) failure(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	if errors.Is(err, errRowTooLong) {
		return s.at.at(s.last+1, 1).fault("the row from here on has over %d bytes: shorten it, or look for a quote that is not closed", s.rowLimiter.limit)
	}
	parse, ok := errors.AsType[*csv.ParseError](err)
	if !ok {
		return s.at.unreadable(err)
	}
	at := s.at.at(parse.Line, parse.Column)
	switch {
	case errors.Is(err, csv.ErrBareQuote):
		return at.fault("a double quote within a value: put the value in double quotes and double those in it")
	case errors.Is(err, csv.ErrQuote):
		return at.fault("the quote that begins in line %d is not closed properly: double the quotes within a value", parse.StartLine)
	}
	return fault.Wrap(err, fault.InvalidRequest, "%s: %v", at, parse.Err)
}

// errRowTooLong stops encoding/csv, which has no limit of its own: after a quote that
// is never closed it would read the rest of the file into memory.
var errRowTooLong = errors.New("row too long")

// rowLimiter is a reader that returns at most limit bytes between two resets of used, in
// addition to those that encoding/csv has buffered.
type rowLimiter struct {
	in          io.Reader
	limit, used int
}

func (m *rowLimiter) Read(p []byte) (int, error) {
	if m.used >= m.limit {
		return 0, errRowTooLong
	}
	n, err := m.in.Read(p[:min(len(p), m.limit-m.used)])
	m.used += n
	return n, err
}

// clip shortens names that come from a file, for messages.
func clip(s string) string {
	const most = 120
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "..."
}
