package table

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
)

// sheetRows reads the rows of a sheet. It passes over rows without a value.
type sheetRows struct {
	book  *workbook
	xml   *xmlReader
	line  int // of the current row
	empty int // bytes since the last value
	buf   bytes.Buffer
}

const maxSheetColumns = 16_384 // as the format has it

// maxEmpty is how many bytes of a sheet may go by without a value. Programs write every
// cell that has a colour, so this is far more than a sheet without values has as a rule.
var maxEmpty = 192 << 20

var errEmptyCells = errors.New("too many empty cells come next, like in a file that is made to fill memory: delete the empty rows, or save the sheet as CSV")

func (s *sheetRows) row() ([]string, int, error) {
	for {
		tag, err := s.next()
		switch {
		case err != nil:
			return nil, s.line, s.failure(err)
		case tag.name != "row":
			continue
		}
		s.line++
		if n, err := strconv.Atoi(tag.attribute("r")); err == nil && n >= s.line {
			s.line = n
		}
		cells, err := s.cells()
		if err != nil {
			return nil, s.line, s.failure(err)
		}
		if !blankRow(cells) {
			s.empty = 0
			return cells, s.line, nil
		}
	}
}

// next returns the next start of an element, and io.EOF behind the rows.
func (s *sheetRows) next() (xmlToken, error) {
	for {
		t, err := s.token()
		if err != nil {
			return xmlToken{}, err
		}
		switch t.kind {
		case xmlStart:
			return t, nil
		case xmlEnd:
			if t.name == "sheetData" {
				return xmlToken{}, io.EOF
			}
		}
	}
}

func (s *sheetRows) token() (xmlToken, error) {
	before := s.xml.offset
	t, err := s.xml.token()
	if s.empty += int(s.xml.offset - before); s.empty > maxEmpty && err == nil {
		err = errEmptyCells
	}
	return t, err
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

// cells reads the cells of a row up to its end.
func (s *sheetRows) cells() ([]string, error) {
	var cells []string
	column := 0
	for {
		t, err := s.token()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		switch t.kind {
		case xmlEnd:
			if t.name == "row" {
				return cells, nil
			}
		case xmlStart:
			if t.name != "c" {
				continue
			}
			if n := columnOf(t.attribute("r")); n >= 0 {
				column = n
			}
			text, err := s.cell(t.attribute("t"), t.attribute("s"))
			if err != nil {
				return nil, err
			}
			if text != "" && column < maxSheetColumns {
				cells = put(cells, column, text)
			}
			column++
		}
	}
}

// put sets a cell, and fills up those before it.
func put(cells []string, column int, text string) []string {
	for len(cells) <= column {
		cells = append(cells, "")
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
func (s *sheetRows) cell(kind, style string) (string, error) {
	s.buf.Reset()
	var formula string
	text := visibleText{}
	within := ""
	for {
		t, err := s.token()
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return "", err
		}
		if kind == "inlineStr" {
			text.add(&s.buf, t)
		}
		switch t.kind {
		case xmlStart:
			within = t.name
		case xmlText:
			switch {
			case within == "v" && kind != "inlineStr":
				s.buf.Write(t.text)
			case within == "f":
				formula += string(t.text)
			}
		case xmlEnd:
			within = ""
			if t.name == "c" {
				return s.text(kind, style, formula)
			}
		}
	}
}

// text returns the text of a cell whose value is in buf.
func (s *sheetRows) text(kind, style, formula string) (string, error) {
	value := s.buf.String()
	if len(formula) > len("HYPERLINK(") && strings.EqualFold(formula[:len("HYPERLINK(")], "HYPERLINK(") {
		return "=" + formula, nil
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
	return format.text(value, s.book.epoch), nil
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
