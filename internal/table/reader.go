package table

import (
	"errors"
	"io"
	"iter"
	"strings"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Format is the format of rows.
type Format uint8

// The formats. Auto is for reading only, Aligned and XLSX for writing only.
const (
	Auto Format = iota
	CSV
	JSON // one object a line; read: also objects one after the other, or one array of them
	Aligned
	XLSX
)

// ParseFormat returns the format of that name: auto, csv, json, jsonl, table or xlsx.
func ParseFormat(name string) (Format, error) {
	switch strings.ToLower(name) {
	case "", "auto":
		return Auto, nil
	case "csv", "tsv":
		return CSV, nil
	case "json", "jsonl", "ndjson":
		return JSON, nil
	case "table":
		return Aligned, nil
	case "xlsx":
		return XLSX, nil
	}
	return Auto, fault.Invalid("format", "%q is not one of auto, csv, jsonl and table", name)
}

// DefaultMaxRowBytes is room for far more text than an item may have: a description that
// is too long is cut later on.
const DefaultMaxRowBytes = 16 << 20

// headBytes is how many bytes of a file are read to detect its format.
const headBytes = 64 << 10

// ReaderConfig describes the input.
type ReaderConfig struct {
	// Name is the file's name for messages. Empty: "input".
	Name string
	// Format is CSV or JSON, or Auto to go by the content.
	Format Format
	// Sheet is the name of the sheet to read. Empty: the first one with data. Any other
	// kind of file has none.
	Sheet string
	// MaxRowBytes is about how long one row may be. 0: DefaultMaxRowBytes.
	MaxRowBytes int
	// File is the input once more, for reading it at any place, if it is a file. nil: it
	// is read from the beginning to the end only, unless in has ReadAt and Size itself.
	File *io.SectionReader
}

// source reads one format. next returns the next row, and io.EOF after the last one. An
// error that is a RowError is that row's alone.
type source interface {
	next() (record, error)
}

// record is a row as it was found.
type record struct {
	row   Row
	cells []string // of formats with a header: the cells as they stand in the file
	line  int      // the first line, counted from 1
}

// Reader reads rows, one at a time. It is not safe for concurrent use.
type Reader struct {
	source  source
	kind    string
	sheets  []string
	columns []string
	header  []string
	dialect Dialect
	fit     func(cells []string) []string // nil: no row has more cells than the header
	notes   []note
	last    record
	err     error
	close   func()
}

// note returns what the caller should know, empty for nothing so far: reading may bring it.
type note func() string

// NewReader reads the beginning of in and returns a reader of its rows. It goes by the
// content: what in is called does not matter. If in is a file, its end may be read first.
// The error is for input that is empty, of which nothing can be read, or that has an
// unusable header. It does not close in. The caller calls Close.
func NewReader(in io.Reader, cfg ReaderConfig) (*Reader, error) {
	if cfg.Name == "" {
		cfg.Name = "input"
	}
	if cfg.MaxRowBytes == 0 {
		cfg.MaxRowBytes = DefaultMaxRowBytes
	}
	if cfg.MaxRowBytes < 0 {
		return nil, fault.Invalid("max_row_bytes", "%d is negative: give 0 for the default, or a size", cfg.MaxRowBytes)
	}
	switch cfg.Format {
	case Auto, CSV, JSON:
	default:
		return nil, fault.Invalid("format", "an aligned table cannot be read: give csv, jsonl or auto")
	}
	o := &opener{cfg: cfg, at: position{file: cfg.Name}}
	r, err := o.open(in)
	if err != nil {
		o.close()
		return nil, err
	}
	r.close, r.notes = o.close, o.notes
	return r, nil
}

// Close releases what reading takes, such as temporary files. It does not close the
// input.
func (r *Reader) Close() { r.close() }

// Read returns the next row, and io.EOF after the last one. A RowError is about one row,
// and the rows after it can be read; the row has what is known of it, if anything. Any
// other error is final and names the file, the line and the column.
func (r *Reader) Read() (Row, error) {
	if r.err != nil {
		return nil, r.err
	}
	next, err := r.source.next()
	if _, ofRow := errors.AsType[*RowError](err); err != nil && !ofRow {
		r.err = err
		return nil, err
	}
	r.last = next
	return next.row, err
}

// Rows returns the remaining rows. Any error ends them.
func (r *Reader) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for {
			row, err := r.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// Notes returns what the caller should know about how the file is read, such as the names of
// the sheets that are left out: a sentence each, without the name of the file. More may
// come until the end of a stream, or of a Parquet file.
func (r *Reader) Notes() []string {
	var texts []string
	for _, note := range r.notes {
		if text := note(); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// Kind returns the kind of file: "csv", "xlsx", "json", "parquet", "xml" or "html".
func (r *Reader) Kind() string { return r.kind }

// Sheets returns the names of a workbook's sheets, in order, without hidden ones.
func (r *Reader) Sheets() []string { return r.sheets }

// Line returns the first line of the last row, counted from 1.
func (r *Reader) Line() int { return r.last.line }

// Columns returns the names in the header, nil for files without one, such as JSON
// lines. Columns without a name have an empty one.
func (r *Reader) Columns() []string { return r.columns }

// Dialect is how a file of separated values is written.
type Dialect struct {
	Separator rune // 0 in files of another format, and in those of one column
	BOM       bool // it begins with a byte order mark
}

// Dialect returns how the file is written.
func (r *Reader) Dialect() Dialect { return r.dialect }

// Header returns the names of the columns as the file has them, nil for files without a
// header, such as JSON lines.
func (r *Reader) Header() []string { return r.header }

// Original returns the cells of the last row as the file has them, in the order of
// Header, those without a name included. A row may have fewer cells than the header or
// more. It returns nil for files without a header. The caller may keep it.
func (r *Reader) Original() []string { return r.last.cells }

// Fit returns the cells of a row, which Original has returned, without more of them than the
// header has: what is too much is in the last one, as in the row.
func (r *Reader) Fit(cells []string) []string {
	if r.fit == nil {
		return cells
	}
	return r.fit(cells)
}

const byteOrderMark = "\xef\xbb\xbf"
