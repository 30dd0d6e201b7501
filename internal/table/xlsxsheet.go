package table

import (
	"errors"
	"io"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// sheetRows reads the rows of a sheet. It passes over rows without a value.
type sheetRows struct {
	book  *workbook
	tags  *tagReader
	begun bool  // the rows have begun
	ended bool  // and ended
	line  int   // of the current row
	value int64 // where the last value ended

	tail   sheetTail
	merged map[int]mergedCell // that reach down from rows above, the last one of each column
}

const maxSheetColumns = 16_384 // as the format has it

// maxEmpty is how many bytes of a sheet may go by without a value. Programs write every
// cell that has a colour, so this is far more than a sheet without values has as a rule.
var maxEmpty = 192 << 20

var errEmptyCells = errors.New("too many empty cells come next, like in a file that is made to fill memory: delete the empty rows, or save the sheet as CSV")

// row is part of cellRows.
func (s *sheetRows) row(int) cellRow {
	cells, err := s.cells()
	if err != nil {
		return cellRow{line: s.line, err: s.failure(err)}
	}
	return cellRow{cells: cells, extras: s.extrasOf(cells), line: s.line}
}

// cells returns those of the next row that has some.
func (s *sheetRows) cells() ([]string, error) {
	var cells []string
	column, size, inRow := 0, 0, false
	if s.ended {
		return nil, io.EOF
	}
	for {
		kind, err := s.next()
		if err != nil {
			return nil, err
		}
		switch {
		case kind == html.StartTagToken && s.tags.name == "row":
			s.line++
			if n, err := strconv.Atoi(s.tags.attribute("r")); err == nil && n >= s.line {
				s.line = n
			}
			cells, column, size, inRow = nil, 0, 0, true
		case kind == html.StartTagToken && s.tags.name == "c":
			if n := columnOf(s.tags.attribute("r")); n >= 0 {
				column = n
			}
			text, err := s.cell()
			if size += len(text); err == nil && size > s.tags.limit {
				err = errLargePart
			}
			if err != nil {
				return nil, err
			}
			if text != "" && column < maxSheetColumns {
				cells = put(cells, placeOf(column, len(cells)), text)
			}
			column++
		case kind == html.EndTagToken && s.tags.name == "row" && !blankRow(cells):
			s.value = s.tags.offset
			return cells, nil
		case kind == html.EndTagToken && s.tags.name == "row":
			inRow = false
		case kind == html.EndTagToken && s.tags.name == "sheetData" && inRow:
			return nil, io.ErrUnexpectedEOF
		case kind == html.EndTagToken && s.tags.name == "sheetData":
			s.ended = true
			return nil, io.EOF
		}
	}
}

// next goes to the next start, end or text.
func (s *sheetRows) next() (html.TokenType, error) {
	kind, err := s.tags.next()
	s.begun = s.begun || s.tags.name == "sheetData"
	switch {
	case err == nil && s.tags.offset-s.value > int64(maxEmpty):
		err = errEmptyCells
	case errors.Is(err, io.EOF) && s.begun:
		err = io.ErrUnexpectedEOF
	}
	return kind, err
}

func (s *sheetRows) failure(err error) error {
	at := s.book.opener.at
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.Is(err, errEmptyCells):
		return at.fault("cannot be read beyond row %d: %v", s.line, err)
	}
	return at.fault("is a spreadsheet that is damaged or cut off at row %d: %v", s.line, err)
}

// placeOf returns where a row that has so many cells has the cell of a column. Cells behind the
// columns that may have a name stand side by side, so that a row costs what its cells cost.
func placeOf(column, cells int) int {
	if column < MaxColumns {
		return column
	}
	return max(MaxColumns, cells)
}

// put sets a cell, and fills up those before it.
func put(cells []string, column int, text string) []string {
	if missing := column + 1 - len(cells); missing > 0 {
		cells = append(cells, make([]string, missing)...)
	}
	cells[column] = text
	return cells
}

// columnOf returns the number of the column in a reference such as AB12, from 0, or -1.
func columnOf(reference string) int {
	n := 0
	for _, c := range []byte(reference) {
		if c < 'A' || c > 'Z' || n > maxSheetColumns {
			break
		}
		n = n*26 + int(c-'A') + 1
	}
	return n - 1
}

// cell reads a cell up to its end and returns its text.
func (s *sheetRows) cell() (string, error) {
	kind, style := s.tags.attribute("t"), s.tags.attribute("s")
	value, formula, err := s.tags.content("c")
	if err != nil || value == "" && formula == "" {
		return "", err
	}
	if plain := strings.TrimPrefix(formula, "_xlfn."); beginsFold(plain, "HYPERLINK(") || beginsFold(plain, "IMAGE(") {
		return "=" + plain, nil
	}
	if value == "" && kind == "" {
		s.book.uncomputed = true
	}
	switch kind {
	case "s":
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil {
			return "", err
		}
		value, err = s.book.texts.text(n)
		return unescapeText(value), err
	case "b":
		return map[string]string{"1": "TRUE", "0": "FALSE"}[strings.TrimSpace(value)], nil
	case "str", "inlineStr":
		return unescapeText(value), nil
	case "e", "d":
		return value, nil
	}
	var format numberFormat
	if n, err := strconv.Atoi(style); err == nil && n >= 0 && n < len(s.book.formats) {
		format = s.book.formats[n]
	}
	return format.text(value, s.book.from1904), nil
}

func beginsFold(text, prefix string) bool {
	return len(text) > len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

// unescapeText replaces what the format writes for control characters, such as _x000D_.
func unescapeText(text string) string {
	if !strings.Contains(text, "_x") {
		return text
	}
	var b strings.Builder
	for {
		i := strings.Index(text, "_x")
		if i < 0 || len(text) < i+7 {
			return b.String() + text
		}
		code, err := strconv.ParseUint(text[i+2:i+6], 16, 16)
		if err != nil || text[i+6] != '_' || (code >= ' ' && code != '_') {
			b.WriteString(text[:i+2])
			text = text[i+2:]
			continue
		}
		b.WriteString(text[:i])
		if code != 0 && code != '\r' {
			b.WriteRune(rune(code))
		}
		text = text[i+7:]
	}
}
