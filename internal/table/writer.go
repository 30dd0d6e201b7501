package table

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// WriterConfig describes the output.
type WriterConfig struct {
	Format Format
	// Columns are the names, in order. CSV and aligned tables begin with them,
	// JSON has them as keys.
	Columns []string
	// Width is how many characters a line of an aligned table may take. 0: as
	// many as it needs.
	Width int
	// Whole is how many columns at the beginning of an aligned table are never cut, such
	// as keys that people copy.
	Whole int
	// Dialect is for CSV. A Separator of 0 is a comma.
	Dialect Dialect
}

// encoder writes rows in one format.
type encoder interface {
	header(columns []string) error
	row(values []Value) error
	flush() error
}

// Writer writes rows of the same columns. It is not safe for concurrent use.
//
// In CSV, a text that a spreadsheet would take for a formula gets an apostrophe in
// front, see Disarm. JSON lines give every value as it is. For XLSX, the writer writes
// lines of JSON, of which WriteSheet makes the sheet.
type Writer struct {
	enc     encoder
	columns []string
	exact   bool // a row has a value for each column and no more
	begun   bool
}

// NewWriter returns a writer to out, which it does not close. Call Flush at the
// end.
func NewWriter(out io.Writer, cfg WriterConfig) (*Writer, error) {
	if len(cfg.Columns) == 0 {
		return nil, fault.New(fault.Internal, "a table needs columns")
	}
	w := &Writer{columns: cfg.Columns}
	switch cfg.Format {
	case CSV:
		w.enc = newCSVEncoder(out, cfg.Dialect)
	case JSON:
		w.enc, w.exact = newJSONEncoder(out, "{}", cfg.Columns), true
	case Aligned:
		w.enc, w.exact = &alignedEncoder{out: bufio.NewWriter(out), width: cfg.Width, whole: cfg.Whole}, true
	case XLSX:
		w.enc = newJSONEncoder(out, "[]", nil) // WriteSheet makes the sheet of it
	default:
		return nil, fault.Invalid("output", "give one of csv, jsonl, table and xlsx")
	}
	return w, nil
}

// Continue says that the header is there already, from an earlier writer to the same
// file. Call it before Write.
func (w *Writer) Continue() { w.begun = true }

// Write adds a row of one value for each column. What is written may be held
// back until Flush.
func (w *Writer) Write(values []Value) error { return w.WriteLong(values, nil) }

// WriteLong is Write with further values behind the last column, for rows that are longer
// than the header. Formats without such a place, such as JSON lines, leave them out.
func (w *Writer) WriteLong(values []Value, extra []string) error {
	if len(values) != len(w.columns) {
		return fault.New(fault.Internal, "a row has %s for %s", catalog.Count(len(values), "value"), catalog.Count(len(w.columns), "column"))
	}
	if err := w.begin(); err != nil {
		return err
	}
	if !w.exact {
		for _, text := range extra {
			values = append(values, TextValue(text))
		}
	}
	return w.enc.row(values)
}

// Flush writes all rows, and the header even if there are no rows. An aligned table
// takes its columns' widths from the rows before the first Flush; later values that
// are wider are cut.
func (w *Writer) Flush() error {
	if err := w.begin(); err != nil {
		return err
	}
	return w.enc.flush()
}

func (w *Writer) begin() error {
	if w.begun {
		return nil
	}
	w.begun = true
	return w.enc.header(w.columns)
}

// jsonEncoder writes a row as a line of JSON: an object, or a list of the values.
type jsonEncoder struct {
	out      *bufio.Writer
	brackets string
	keys     [][]byte // with a colon; none in lists
	buf      bytes.Buffer
	enc      *json.Encoder
}

func newJSONEncoder(out io.Writer, brackets string, keys []string) *jsonEncoder {
	e := &jsonEncoder{out: bufio.NewWriter(out), brackets: brackets, keys: make([][]byte, len(keys))}
	e.enc = json.NewEncoder(&e.buf)
	e.enc.SetEscapeHTML(false)
	for i, name := range keys {
		e.buf.Reset()
		e.text(name)
		e.keys[i] = append(bytes.Clone(e.buf.Bytes()), ':')
	}
	return e
}

// header writes nothing: each object has its keys.
func (e *jsonEncoder) header([]string) error { return nil }

func (e *jsonEncoder) row(values []Value) error {
	e.buf.Reset()
	e.buf.WriteByte(e.brackets[0])
	for i, v := range values {
		if i > 0 {
			e.buf.WriteByte(',')
		}
		if i < len(e.keys) {
			e.buf.Write(e.keys[i])
		}
		e.value(v)
	}
	e.buf.WriteString(e.brackets[1:] + "\n")
	_, err := e.out.Write(e.buf.Bytes())
	return err
}

func (e *jsonEncoder) value(v Value) {
	switch v.Kind {
	case Text:
		e.text(v.Text)
	case Number, Bool, rowJSON:
		e.buf.WriteString(v.Text)
	case List:
		e.list(v.List)
	default:
		e.buf.WriteString("null")
	}
}

func (e *jsonEncoder) list(list []string) {
	e.buf.WriteByte('[')
	for i, s := range list {
		if i > 0 {
			e.buf.WriteByte(',')
		}
		e.text(s)
	}
	e.buf.WriteByte(']')
}

// text appends a string as JSON, without the line end that json.Encoder adds.
func (e *jsonEncoder) text(s string) {
	_ = e.enc.Encode(s) // every string has a JSON form, and the buffer takes it
	e.buf.Truncate(e.buf.Len() - 1)
}

func (e *jsonEncoder) flush() error { return e.out.Flush() }

// rowJSON is the kind of a value that is JSON already.
const rowJSON Kind = 100

// JSONValue returns a value that is JSON already, and its text elsewhere.
func JSONValue(text []byte) Value { return Value{Kind: rowJSON, Text: string(text)} }

// RowValue returns a row as one value: an object in JSON, its JSON as text elsewhere.
func RowValue(row Row) Value {
	values := make([]Value, len(row))
	for i, cell := range row {
		values[i] = cell.Value
	}
	e := newJSONEncoder(io.Discard, "{}", row.Keys())
	_ = e.row(values) // nothing is written
	return Value{Kind: rowJSON, Text: strings.TrimSuffix(e.buf.String(), "\n")}
}
