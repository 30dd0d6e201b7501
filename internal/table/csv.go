package table

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// csvSource reads the rows below a header. Every row is kept: short ones are filled, and
// what is too much in long ones goes into the last cell. Blank rows, and rows that repeat
// the header, are none.
type csvSource struct {
	rows    *csvScanner
	at      position
	header  []string // as the file has it
	names   []string // the same without white space around them
	keys    []string // of the row's cells: the names, each once; empty for none
	pending []csvRow // rows that were read to find the header
}

// csvRow is a row as the scanner returns it.
type csvRow struct {
	cells []string
	line  int
	err   error
}

func newCSVSource(in io.Reader, at position, maxRow int) (*csvSource, error) {
	s := &csvSource{rows: &csvScanner{in: in, limit: maxRow, line: 1}, at: at}
	if err := s.rows.findDialect(); err != nil {
		return nil, s.failure(csvRow{line: 1, err: err})
	}
	header, err := s.findHeader()
	if err != nil {
		return nil, err
	}
	return s, s.setHeader(header)
}

func (s *csvSource) setHeader(header csvRow) error {
	names := header.cells
	for len(names) > MaxColumns && strings.TrimSpace(names[len(names)-1]) == "" {
		names = names[:len(names)-1]
	}
	if len(names) > MaxColumns {
		return s.at.at(header.line, 1).fault("the header names %d columns, at most %d are taken", len(names), MaxColumns)
	}
	s.header = names
	s.names = trimAll(names)
	s.keys = uniqueKeys(s.names)
	s.rows.want = len(names)
	return nil
}

func trimAll(cells []string) []string {
	trimmed := make([]string, len(cells))
	for i, cell := range cells {
		trimmed[i] = strings.TrimSpace(strings.TrimPrefix(unwrapFormula(cell), byteOrderMark))
	}
	return trimmed
}

// uniqueKeys returns a key for each column: its name, with a number from the second
// column of that name on. Columns without a name have their place as their name, but for
// the first, in which data frames write their index.
func uniqueKeys(names []string) []string {
	used := make(map[string]bool, len(names))
	for _, name := range names {
		used[name] = false
	}
	keys := make([]string, len(names))
	for i, name := range names {
		if name == "" {
			if i == 0 {
				continue
			}
			name = "column " + strconv.Itoa(i+1)
		}
		key := name
		for n := 2; used[key]; n++ {
			key = name + " (" + strconv.Itoa(n) + ")"
		}
		used[key] = true
		keys[i] = key
	}
	return keys
}

func (s *csvSource) next() (record, error) {
	for {
		row := s.read()
		if row.err != nil {
			return record{line: row.line}, s.failure(row)
		}
		if blankRow(row.cells) || s.repeatsHeader(row.cells) {
			continue
		}
		return record{s.row(row.cells), row.cells, row.line}, nil
	}
}

// read returns the next row, first those that were read in advance.
func (s *csvSource) read() csvRow {
	if len(s.pending) > 0 {
		row := s.pending[0]
		s.pending = s.pending[1:]
		return row
	}
	cells, line, err := s.rows.row()
	return csvRow{cells, line, err}
}

// row makes a row of cells.
func (s *csvSource) row(cells []string) Row {
	cells = s.fit(cells)
	row := make(Row, 0, len(cells))
	for i, key := range s.keys {
		text := ""
		if i < len(cells) {
			text = unwrapFormula(cells[i])
		}
		if key == "" || (text == "" && s.names[i] == "") {
			continue
		}
		row = append(row, Cell{key, TextValue(text)})
	}
	return row
}

// fit puts the cells behind the last column into that column's cell: a separator that
// should have been quoted is the most frequent cause.
func (s *csvSource) fit(cells []string) []string {
	most := len(s.keys)
	for len(cells) > most && strings.TrimSpace(cells[len(cells)-1]) == "" {
		cells = cells[:len(cells)-1]
	}
	if len(cells) <= most {
		return cells
	}
	fitted := append([]string{}, cells[:most]...)
	fitted[most-1] = strings.Join(cells[most-1:], string(rune(s.rows.sep)))
	return fitted
}

// unwrapFormula returns the text within ="00123", with which spreadsheets are kept from
// making a number of it.
func unwrapFormula(cell string) string {
	if len(cell) >= 3 && strings.HasPrefix(cell, `="`) && cell[len(cell)-1] == '"' {
		return cell[2 : len(cell)-1]
	}
	return cell
}

func blankRow(cells []string) bool {
	for _, cell := range cells {
		if strings.Trim(cell, " \t\r\n\x1a\u00a0"+byteOrderMark) != "" {
			return false
		}
	}
	return true
}

// repeatsHeader reports whether a row is the header once more, as where files have been
// put one behind the other.
func (s *csvSource) repeatsHeader(cells []string) bool {
	if len(cells) < 2 || len(cells) != len(s.names) || strings.TrimSpace(strings.TrimPrefix(cells[0], byteOrderMark)) != s.names[0] {
		return false
	}
	for i, cell := range cells[1:] {
		if strings.TrimSpace(cell) != s.names[i+1] {
			return false
		}
	}
	return true
}

// failure returns what an error of the scanner means.
func (s *csvSource) failure(row csvRow) error {
	switch {
	case errors.Is(row.err, io.EOF):
		return io.EOF
	case errors.Is(row.err, errRowTooLong):
		f := s.at.at(row.line, 1).fault("the row from here on has over %d bytes: shorten it, or look for a line end that is missing", s.rows.limit)
		if s.rows.skip() {
			return s.at.at(row.line, 1).ofRow(f)
		}
		return f
	}
	return s.at.unreadable(row.err)
}

// clip shortens names that come from a file, for messages.
func clip(s string) string {
	const most = 120
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "..."
}
