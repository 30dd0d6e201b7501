package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"

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
}

// encoder writes rows in one format.
type encoder interface {
	header(columns []string) error
	row(values []Value) error
	flush() error
}

// Writer writes rows of the same columns. It is not safe for concurrent use.
//
// In CSV, a text that a spreadsheet would take for a formula (it begins with =,
// +, -, @, a tab or a carriage return, and is no number) gets an apostrophe in
// front: catalogues come from strangers, and a result file is opened with a
// double click. JSON lines give every value as it is.
type Writer struct {
	enc     encoder
	columns []string
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
		w.enc = &csvEncoder{csv: csv.NewWriter(out)}
	case JSON:
		w.enc = newJSONEncoder(out)
	case Aligned:
		w.enc = &alignedEncoder{out: bufio.NewWriter(out), width: cfg.Width}
	default:
		return nil, fault.Invalid("output", "give one of csv, jsonl and table")
	}
	return w, nil
}

// Write adds a row of one value for each column. What is written may be held
// back until Flush.
func (w *Writer) Write(values []Value) error {
	if len(values) != len(w.columns) {
		return fault.New(fault.Internal, "a row has %d values for %d columns", len(values), len(w.columns))
	}
	if err := w.begin(); err != nil {
		return err
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

type csvEncoder struct {
	csv   *csv.Writer
	cells []string
}

func (e *csvEncoder) header(columns []string) error { return e.csv.Write(columns) }

func (e *csvEncoder) row(values []Value) error {
	e.cells = e.cells[:0]
	for _, v := range values {
		text := v.Text
		if v.Kind == List {
			text = strings.Join(v.List, ", ")
		}
		if v.Kind == Text || v.Kind == List {
			text = escapeFormula(text)
		}
		e.cells = append(e.cells, text)
	}
	return e.csv.Write(e.cells)
}

func (e *csvEncoder) flush() error {
	e.csv.Flush()
	return e.csv.Error()
}

// escapeFormula keeps spreadsheets from running text as a formula, as OWASP's page on CSV
// injection advises.
func escapeFormula(text string) string {
	if text == "" || !strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return text
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return text
	}
	return "'" + text
}

type jsonEncoder struct {
	out  *bufio.Writer
	keys [][]byte
	buf  bytes.Buffer
	enc  *json.Encoder
}

func newJSONEncoder(out io.Writer) *jsonEncoder {
	e := &jsonEncoder{out: bufio.NewWriter(out)}
	e.enc = json.NewEncoder(&e.buf)
	e.enc.SetEscapeHTML(false)
	return e
}

func (e *jsonEncoder) header(columns []string) error {
	for _, name := range columns {
		e.buf.Reset()
		if err := e.text(name); err != nil {
			return err
		}
		e.keys = append(e.keys, bytes.Clone(e.buf.Bytes()))
	}
	return nil
}

func (e *jsonEncoder) row(values []Value) error {
	e.buf.Reset()
	for i, v := range values {
		e.buf.WriteByte("{,"[min(i, 1)])
		e.buf.Write(e.keys[i])
		e.buf.WriteByte(':')
		if err := e.value(v); err != nil {
			return err
		}
	}
	e.buf.WriteString("}\n")
	_, err := e.out.Write(e.buf.Bytes())
	return err
}

func (e *jsonEncoder) value(v Value) error {
	switch v.Kind {
	case Text:
		return e.text(v.Text)
	case Number, Bool:
		e.buf.WriteString(v.Text)
	case List:
		return e.list(v.List)
	default:
		e.buf.WriteString("null")
	}
	return nil
}

func (e *jsonEncoder) list(list []string) error {
	e.buf.WriteByte('[')
	for i, s := range list {
		if i > 0 {
			e.buf.WriteByte(',')
		}
		if err := e.text(s); err != nil {
			return err
		}
	}
	e.buf.WriteByte(']')
	return nil
}

// text appends a string as JSON, without the line end that json.Encoder adds.
func (e *jsonEncoder) text(s string) error {
	err := e.enc.Encode(s)
	e.buf.Truncate(max(0, e.buf.Len()-1))
	return err
}

func (e *jsonEncoder) flush() error { return e.out.Flush() }
