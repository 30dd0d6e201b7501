package table

import (
	"bufio"
	"encoding/csv"
	"io"
	"regexp"
	"strings"
)

type csvEncoder struct {
	out     *bufio.Writer
	csv     *csv.Writer
	dialect Dialect
	cells   []string
}

func newCSVEncoder(out io.Writer, dialect Dialect) *csvEncoder {
	e := &csvEncoder{out: bufio.NewWriter(out), dialect: dialect}
	e.csv = csv.NewWriter(e.out)
	if dialect.Separator != 0 {
		e.csv.Comma = dialect.Separator
	}
	return e
}

func (e *csvEncoder) header(columns []string) error {
	if e.dialect.BOM {
		if _, err := e.out.WriteString(byteOrderMark); err != nil {
			return err
		}
	}
	e.cells = e.cells[:0]
	for _, name := range columns {
		e.cells = append(e.cells, Disarm(name))
	}
	return e.csv.Write(e.cells)
}

func (e *csvEncoder) row(values []Value) error {
	e.cells = e.cells[:0]
	for _, v := range values {
		text := v.Text
		if v.Kind == List {
			text = strings.Join(v.List, ", ")
		}
		if v.Kind == Text || v.Kind == List {
			text = Disarm(text)
		}
		e.cells = append(e.cells, text)
	}
	return e.csv.Write(e.cells)
}

func (e *csvEncoder) flush() error {
	e.csv.Flush()
	if err := e.csv.Error(); err != nil {
		return err
	}
	return e.out.Flush()
}

// harmless are texts that begin like a formula and are none: numbers as people write
// them, with a unit or a currency or without, dashes alone, and ="00123", by which a
// spreadsheet keeps the digits of a key: it can run nothing.
var harmless = regexp.MustCompile(`^[+-][ \x{a0}]?[0-9.,'\x{a0}\x{202f} ]*[0-9]([.,]|[eE][+-]?[0-9]+)?[ \x{a0}]?(%|[$€£¥]|[A-Za-z]{1,3})?$|^-+$|^="[^"]*"$`)

// Disarm returns a text that no spreadsheet runs as a formula: one that begins with =, +,
// -, @, a tab or a line end, and is no number, gets an apostrophe in front, as OWASP's
// page on CSV injection advises. Catalogues come from strangers, and a file of results is
// opened with a double click.
func Disarm(text string) string {
	if text == "" || !strings.ContainsRune("=+-@\t\r\n", rune(text[0])) || harmless.MatchString(text) {
		return text
	}
	return "'" + text
}
