package table

import (
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// cellRows reads rows of cells. row returns the next one, and one with io.EOF after the last.
// want is how many cells it should have, 0 if that is not known yet.
type cellRows interface {
	row(want int) cellRow
}

// cellRow is a row of cells, or why it cannot be read.
type cellRow struct {
	cells  []string
	extras cellExtras
	line   int   // on which it begins
	err    error // if it is a RowError, the rows after this one can be read
}

// headedSource reads the rows below a header. Every row is kept: short ones are filled,
// and what is too much in long ones goes into the last cell. Blank rows, and rows that
// repeat the header, are none.
type headedSource struct {
	rows    cellRows
	at      position
	join    string    // put between cells of a row that is too long
	header  []string  // as the file has it
	names   []string  // the same without white space around them
	keys    []string  // of the row's cells: the names, each once; empty for none
	want    int       // cells of a row, 0: not known
	pending []cellRow // that were read to find the header

	headless bool // there are rows, and none that names columns
	comments bool // lines above the header are comments, and so may others be
}

// newHeadedSource reads up to the header.
func newHeadedSource(rows cellRows, at position, join string) (*headedSource, error) {
	s := &headedSource{rows: rows, at: at, join: join}
	return s, s.readHeader()
}

func (s *headedSource) readHeader() error {
	header, err := s.findHeader()
	if err != nil {
		return err
	}
	return s.setHeader(header)
}

func newCSVSource(in io.Reader, at position, maxRow int) (*headedSource, *csvScanner, error) {
	rows := &csvScanner{in: in, at: at, limit: maxRow, line: 1}
	if err := rows.findDialect(); err != nil {
		return nil, nil, rows.failure(1, err)
	}
	s, err := newHeadedSource(rows, at, string(rune(rows.sep)))
	if err != nil {
		return nil, nil, err
	}
	s.nameRowNumbers()
	return s, rows, nil
}

func (s *headedSource) setHeader(header cellRow) error {
	names := header.cells
	for len(names) > MaxColumns && strings.TrimSpace(names[len(names)-1]) == "" {
		names = names[:len(names)-1]
	}
	if len(names) > MaxColumns {
		return s.at.at(header.line).fault("the header names %d columns, at most %d are allowed: leave out those that say nothing about the products", len(names), MaxColumns)
	}
	s.setNames(names)
	return nil
}

func (s *headedSource) setNames(header []string) {
	s.header, s.names, s.want = header, trimAll(header), len(header)
	s.keys = uniqueKeys(s.names)
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

func (s *headedSource) next() (record, error) {
	for {
		row := s.read()
		if row.err != nil {
			return record{line: row.line}, row.err
		}
		if blankRow(row.cells) || ruledLine(row.cells) || s.repeatsHeader(row.cells) || s.isRemark(row.cells) {
			continue
		}
		return record{s.row(row), row.cells, row.line}, nil
	}
}

// read returns the next row, first those that were read in advance.
func (s *headedSource) read() cellRow {
	if len(s.pending) > 0 {
		row := s.pending[0]
		s.pending = s.pending[1:]
		return row
	}
	return s.rows.row(s.want)
}

// row makes a row of cells. The address behind a cell has a key of its own, see linkKey.
func (s *headedSource) row(found cellRow) Row {
	row := rowOf(s.names, s.keys, s.fit(found.extras.with(found.cells)))
	if len(found.extras.links) == 0 {
		return row
	}
	for column, key := range s.keys {
		if address, ok := found.extras.links[column]; ok && len(row) < MaxColumns {
			row = append(row, Cell{linkKey(key), TextValue(address)})
		}
	}
	return row
}

// fit puts the cells behind the last column into that column's cell: a separator that
// should have been quoted is the most frequent cause.
func (s *headedSource) fit(cells []string) []string {
	most := len(s.keys)
	for len(cells) > most && strings.TrimSpace(cells[len(cells)-1]) == "" {
		cells = cells[:len(cells)-1]
	}
	if len(cells) <= most {
		return cells
	}
	fitted := append([]string{}, cells[:most]...)
	fitted[most-1] = strings.Join(cells[most-1:], s.join)
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
		if cell != "" && strings.Trim(cell, " \t\r\n\x1a\u00a0\ufffd"+byteOrderMark) != "" {
			return false
		}
	}
	return true
}

// ruledLine reports whether a row is a line that is drawn with characters, as between the
// header and the rows of a table in Markdown or in a database's terminal.
func ruledLine(cells []string) bool {
	drawn := false
	for _, cell := range cells {
		if cell != "" && strings.Trim(cell, " \t-=+:_|") != "" {
			return false
		}
		drawn = drawn || strings.Contains(cell, "---") || strings.Contains(cell, "===") || strings.Contains(cell, "___")
	}
	return drawn
}

// repeatsHeader reports whether a row is the header once more, as where files have been
// put one behind the other.
func (s *headedSource) repeatsHeader(cells []string) bool {
	if len(cells) < 2 || len(cells) != len(s.names) || !strings.EqualFold(strings.TrimSpace(strings.TrimPrefix(cells[0], byteOrderMark)), s.names[0]) {
		return false
	}
	for i, cell := range cells[1:] {
		if !strings.EqualFold(strings.TrimSpace(cell), s.names[i+1]) {
			return false
		}
	}
	return true
}

// clip shortens names that come from a file, for messages.
func clip(s string) string {
	const most = 120
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "..."
}
