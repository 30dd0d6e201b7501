package table

import (
	"bufio"
	"bytes"
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
	return Auto, fault.Invalid("format", "%q is none of auto, csv, jsonl and table", name)
}

// DefaultMaxRowBytes is room for every text that an item may have, escaped.
const DefaultMaxRowBytes = 1 << 20

// headBytes is how many bytes of a file are read to detect its format.
const headBytes = 64 << 10

// ReaderConfig describes the input.
type ReaderConfig struct {
	// Name is the file's name for messages. Empty: "input".
	Name string
	// Format is CSV or JSON, or Auto to go by the content.
	Format Format
	// MaxRowBytes is about how long one row may be. 0: DefaultMaxRowBytes.
	MaxRowBytes int
}

// source reads one format. next returns the next row and its first line, counted from 1,
// and io.EOF after the last row.
type source interface {
	next() (row Row, line int, err error)
}

// Reader reads rows, one at a time. It is not safe for concurrent use.
type Reader struct {
	source  source
	columns []string
	dialect Dialect
	line    int
	err     error
}

// NewReader reads the beginning of in and returns a reader of its rows. The error is
// for input that is empty, is not UTF-8 text, or has an unusable header. It does not
// close in.
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
	buffered := bufio.NewReaderSize(in, headBytes)
	at := position{file: cfg.Name}
	mark := beginsWithMark(buffered)
	head, err := readHead(buffered, at)
	if err != nil {
		return nil, err
	}
	switch cfg.Format {
	case Auto, CSV, JSON:
	default:
		return nil, fault.Invalid("format", "an aligned table cannot be read: give csv, jsonl or auto")
	}
	if cfg.Format == JSON || (cfg.Format == Auto && looksLikeJSON(head)) {
		return &Reader{source: newJSONSource(buffered, at, cfg.MaxRowBytes)}, nil
	}
	dialect := Dialect{Separator: separatorOf(head), BOM: mark}
	csv, err := newCSVSource(buffered, at, dialect.Separator, cfg.MaxRowBytes)
	if err != nil {
		return nil, err
	}
	return &Reader{source: csv, columns: csv.names, dialect: dialect}, nil
}

// Read returns the next row, and io.EOF after the last one. Any other error is
// final and names the file, the line and the column.
func (r *Reader) Read() (Row, error) {
	if r.err != nil {
		return nil, r.err
	}
	row, line, err := r.source.next()
	if err != nil {
		r.err = err
		return nil, err
	}
	r.line = line
	return row, nil
}

// Rows returns the remaining rows. An error ends them.
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

// Line returns the first line of the last row, counted from 1.
func (r *Reader) Line() int { return r.line }

// Columns returns the names in the header of a CSV file, nil for JSON. Columns
// without a name have an empty one.
func (r *Reader) Columns() []string { return r.columns }

// readHead returns the first line, or enough of it to detect the format, without
// consuming it. It refuses input that is not UTF-8 text. It waits only for the first
// line, so that rows can come from a live pipe.
func readHead(in *bufio.Reader, at position) ([]byte, error) {
	head, err := peekLine(in)
	if err != nil {
		return nil, at.unreadable(err)
	}
	for _, s := range signatures {
		if bytes.HasPrefix(head, s.prefix) {
			return nil, at.fault("%s", s.advice)
		}
	}
	if mark := []byte("\xef\xbb\xbf"); bytes.HasPrefix(head, mark) {
		if _, err := in.Discard(len(mark)); err != nil {
			return nil, at.unreadable(err)
		}
		head = head[len(mark):]
	}
	if looksLikeUTF16(head) {
		return nil, at.fault("%s", adviceUTF16)
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return nil, at.fault("is not a text file, or not in UTF-8: save it as CSV or JSON in UTF-8")
	}
	if len(bytes.TrimSpace(head)) == 0 && len(head) < headBytes {
		if _, err := in.Peek(len(head) + 1); err != nil {
			return nil, at.fault("is empty: it needs a header and a row, or JSON objects")
		}
	}
	return head, nil
}

const adviceUTF16 = "is in UTF-16: save it in UTF-8 (in a spreadsheet: \"CSV UTF-8\")"

// looksLikeUTF16 reports whether most bytes in every other place are NUL, as in Latin
// text of two bytes a letter. It is for input without the byte order mark, which
// signatures has.
func looksLikeUTF16(head []byte) bool {
	var nuls [2]int
	for i, c := range head {
		if c == 0 {
			nuls[i%2]++
		}
	}
	return max(nuls[0], nuls[1]) > len(head)/4 && min(nuls[0], nuls[1]) <= len(head)/64
}

// signatures are the first bytes of files that are often mistaken for CSV.
var signatures = []struct {
	prefix []byte
	advice string
}{
	{[]byte("\xff\xfe"), adviceUTF16},
	{[]byte("\xfe\xff"), adviceUTF16},
	{[]byte("PK\x03\x04"), "is a spreadsheet or a zip archive: save the sheet as \"CSV UTF-8\""},
	{[]byte("\xd0\xcf\x11\xe0"), "is an old spreadsheet: save the sheet as \"CSV UTF-8\""},
	{[]byte("\x1f\x8b"), "is compressed: unpack it first (gunzip)"},
	{[]byte("PAR1"), "is a Parquet file: convert it to CSV or JSON lines"},
}

// peekLine returns the input up to its first line end behind something visible,
// at most headBytes of it.
func peekLine(in *bufio.Reader) ([]byte, error) {
	for want := 1; ; {
		_, err := in.Peek(want)
		head, _ := in.Peek(in.Buffered())
		text := bytes.TrimLeft(head, " \t\r\n")
		if bytes.IndexByte(text, '\n') >= 0 || len(head) == in.Size() || errors.Is(err, io.EOF) {
			return head, nil
		}
		if err != nil {
			return nil, err
		}
		want = len(head) + 1
	}
}

func looksLikeJSON(head []byte) bool {
	text := bytes.TrimLeft(head, " \t\r\n")
	if len(text) == 0 || (text[0] != '{' && text[0] != '[') {
		return false
	}
	// A CSV header may begin with a bracket, but hardly goes on like JSON.
	rest := bytes.TrimLeft(text[1:], " \t\r\n")
	return len(rest) == 0 || bytes.IndexByte([]byte(`{}[]"`), rest[0]) >= 0
}

// separatorOf returns the most frequent separator in the header, without quoted parts.
// A comma wins a tie.
func separatorOf(head []byte) rune {
	counts := map[byte]int{}
	quoted := false
	for _, c := range bytes.TrimLeft(head, " \r\n") {
		if c == '"' {
			quoted = !quoted
		}
		if c == '\n' && !quoted {
			break
		}
		if !quoted {
			counts[c]++
		}
	}
	best := byte(',')
	for _, c := range []byte{';', '\t', '|'} {
		if counts[c] > counts[best] {
			best = c
		}
	}
	return rune(best)
}
