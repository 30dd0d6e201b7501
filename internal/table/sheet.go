package table

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/tidwall/gjson"
	"github.com/xuri/excelize/v2"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// SheetConfig describes a sheet.
type SheetConfig struct {
	// Columns are the names in the first row.
	Columns []string
	// Originals is how many of the columns hold texts of a file: those that are numbers
	// become numbers that look the same.
	Originals int
	// Rows is how many rows there are.
	Rows int
	// Mark returns how a row is shown.
	Mark func(values []Value) Mark
}

// Mark is how a row is shown.
type Mark uint8

// The marks.
const (
	NoMark Mark = iota
	Doubtful
	Failed
	numMarks
)

// SheetReport says what a sheet could not hold.
type SheetReport struct {
	// Cut is how many cells were longer than a sheet allows. The first is that of Row,
	// counted from 1 as the sheet does, in Column.
	Cut    int
	Row    int
	Column string
}

// String says it for people, in one line; empty if nothing was cut.
func (r SheetReport) String() string {
	if r.Cut == 0 {
		return ""
	}
	const shown = 200 // bytes
	cells := "1 cell was"
	if r.Cut > 1 {
		cells = fmt.Sprint(r.Cut, " cells were")
	}
	return fmt.Sprintf("%s cut to the 32,767 characters that a sheet's cell holds, the first in row %d, column %s",
		cells, r.Row, Printable(catalog.Clip(r.Column, shown)))
}

// What a sheet can hold.
const (
	maxSheetRows = excelize.TotalRows - 1 // below the header
	maxCell      = excelize.TotalCellChars
)

// Names of sheets. That of notes is there only if there is something to say.
const (
	sheetName  = "Results"
	notesSheet = "Notes"
)

// CheckSheetRows returns an error if a sheet has no room for so many rows.
func CheckSheetRows(rows int) error {
	if rows > maxSheetRows {
		return fault.New(fault.InvalidRequest, "a sheet has room for %d rows: write csv, or divide the file", maxSheetRows)
	}
	return nil
}

// WriteSheet makes an XLSX file of what a Writer of that format has written. What could not
// be written as it is, the file says in a second sheet. It holds few rows in memory; more wait
// in the system's temporary folder. It reads the part twice, from its beginning.
func WriteSheet(part io.ReadSeeker, out io.Writer, cfg SheetConfig) (report SheetReport, err error) {
	if err := CheckSheetRows(cfg.Rows); err != nil {
		return report, err
	}
	extent, err := extentOf(part, len(cfg.Columns))
	if err != nil {
		return report, err
	}
	file := excelize.NewFile()
	defer func() { err = errors.Join(err, file.Close()) }()
	w := &sheetWriter{cfg: cfg}
	if err := w.begin(file, extent); err != nil {
		return report, err
	}
	if err := eachLine(part, w.row); err != nil {
		return report, err
	}
	if err := w.end(file); err != nil {
		return report, err
	}
	return w.report, file.Write(out)
}

type sheetWriter struct {
	cfg    SheetConfig
	stream *excelize.StreamWriter
	styles map[styleKey]int
	file   *excelize.File
	next   int // the row's number in the sheet
	cells  []any
	report SheetReport
}

// styleKey is what a cell's look depends on. Decimals is -1 for a cell that is no number
// with a format of its own.
type styleKey struct {
	mark     Mark
	decimals int
}

func (w *sheetWriter) begin(file *excelize.File, extent string) (err error) {
	w.file, w.styles, w.next = file, map[styleKey]int{}, 2
	if err := file.SetSheetName("Sheet1", sheetName); err != nil {
		return err
	}
	// The stream begins with it. Readers that take a sheet's rows one at a time believe it.
	if err := file.SetSheetDimension(sheetName, extent); err != nil {
		return err
	}
	if w.stream, err = file.NewStreamWriter(sheetName); err != nil {
		return err
	}
	panes := &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}
	if err := w.stream.SetPanes(panes); err != nil {
		return err
	}
	if err := w.stream.SetColWidth(1, max(1, len(w.cfg.Columns)), 18); err != nil {
		return err
	}
	bold, err := file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	header := make([]any, len(w.cfg.Columns))
	for i, name := range w.cfg.Columns {
		header[i] = excelize.Cell{StyleID: bold, Value: w.fit(name, 1, i)}
	}
	return w.stream.SetRow("A1", header)
}

// end adds the filter, ends the sheet, and adds the one of notes.
func (w *sheetWriter) end(file *excelize.File) error {
	last, err := excelize.CoordinatesToCellName(max(1, len(w.cfg.Columns)), max(2, w.next-1))
	if err != nil {
		return err
	}
	if err := file.AutoFilter(sheetName, "A1:"+last, nil); err != nil {
		return err
	}
	if err := w.stream.Flush(); err != nil || w.report.Cut == 0 {
		return err
	}
	if _, err := file.NewSheet(notesSheet); err != nil {
		return err
	}
	return file.SetCellStr(notesSheet, "A1", w.report.String())
}

// eachLine calls each with the lines of a part.
func eachLine(part io.ReadSeeker, each func(line []byte) error) error {
	if _, err := part.Seek(0, io.SeekStart); err != nil {
		return err
	}
	lines := bufio.NewReaderSize(part, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = each(line)
		}
		if err != nil {
			return err
		}
	}
}

// extentOf returns the cells of the sheet, such as A1:C7, for a part and a header of so many
// columns. A row may have more cells than the header.
func extentOf(part io.ReadSeeker, columns int) (string, error) {
	rows, widest := 1, max(1, columns)
	err := eachLine(part, func(line []byte) error {
		rows++
		widest = max(widest, int(gjson.GetBytes(line, "#").Int()))
		return nil
	})
	if err != nil {
		return "", err
	}
	last, err := excelize.CoordinatesToCellName(widest, rows)
	return "A1:" + last, err
}

// row adds a line of a part.
func (w *sheetWriter) row(line []byte) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(line, &raw); err != nil {
		return fmt.Errorf("the half-done file is damaged at row %d: %w", w.next-1, err)
	}
	values := make([]Value, len(raw))
	for i, text := range raw {
		v, err := decodeValue(bytes.TrimSpace(text))
		if err != nil {
			return err
		}
		values[i] = v
	}
	mark := NoMark
	if w.cfg.Mark != nil {
		mark = w.cfg.Mark(values)
	}
	w.cells = w.cells[:0]
	for i, v := range values {
		cell, err := w.cell(v, mark, i)
		if err != nil {
			return err
		}
		w.cells = append(w.cells, cell)
	}
	at, err := excelize.CoordinatesToCellName(1, w.next)
	if err != nil {
		return err
	}
	w.next++
	return w.stream.SetRow(at, w.cells)
}

// cell returns a value as a cell.
func (w *sheetWriter) cell(v Value, mark Mark, column int) (excelize.Cell, error) {
	key := styleKey{mark, -1}
	var content any
	switch v.Kind {
	case Null:
	case Bool:
		content = v.Text == "true"
	case Number:
		content, key.decimals = numberCell(v.Text)
		if content == nil {
			content = v.Text
		}
	case List:
		content = w.fit(strings.Join(v.List, ", "), w.next, column)
	default:
		if column < w.cfg.Originals {
			content, key.decimals = numberCell(v.Text)
		}
		if content == nil {
			content = w.fit(v.Text, w.next, column)
		}
	}
	style, err := w.style(key)
	return excelize.Cell{StyleID: style, Value: content}, err
}

// fit cuts a text to what a cell holds, counted in units of UTF-16.
func (w *sheetWriter) fit(text string, row, column int) string {
	if len(text) <= maxCell {
		return text
	}
	units := 0
	for i, r := range text {
		units += utf16.RuneLen(r)
		if units > maxCell {
			if w.report.Cut++; w.report.Cut == 1 {
				w.report.Row = row
				if column < len(w.cfg.Columns) {
					w.report.Column = w.cfg.Columns[column]
				}
			}
			return text[:i]
		}
	}
	return text
}

// plainNumber is a number that a sheet shows as the file has it: without a leading zero
// or an exponent, and of no more digits than a float has.
var plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,8})?$`)

const (
	maxDigits   = 15
	longDigits  = 11 // from more digits on, a sheet shows an exponent unless told otherwise
	plainFormat = -1
)

// numberCell returns the number that text is and the decimals that it is shown with, or
// nil if it would not look the same.
func numberCell(text string) (number any, decimals int) {
	if !plainNumber.MatchString(text) || text == "-0" {
		return nil, plainFormat
	}
	whole, fraction, _ := strings.Cut(text, ".")
	digits := len(strings.TrimPrefix(whole, "-")) + len(fraction)
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || digits > maxDigits || math.Signbit(f) && f == 0 {
		return nil, plainFormat
	}
	if strings.HasSuffix(fraction, "0") || digits > longDigits {
		return f, len(fraction)
	}
	return f, plainFormat
}

// fills are the colours behind marked rows.
var fills = [numMarks]string{Doubtful: "FFF2CC", Failed: "F8CBAD"}

func (w *sheetWriter) style(key styleKey) (int, error) {
	if key == (styleKey{NoMark, plainFormat}) {
		return 0, nil
	}
	if id, ok := w.styles[key]; ok {
		return id, nil
	}
	style := &excelize.Style{}
	if key.decimals != plainFormat {
		format := "0"
		if key.decimals > 0 {
			format += "." + strings.Repeat("0", key.decimals)
		}
		style.CustomNumFmt = &format
	}
	if key.mark != NoMark {
		style.Fill = excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{fills[key.mark]}}
	}
	id, err := w.file.NewStyle(style)
	w.styles[key] = id
	return id, err
}
