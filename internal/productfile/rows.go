package productfile

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/table"
)

// readRow is a row, or why it cannot be read, and its cells as they stand in the file.
type readRow struct {
	row   table.Row
	cells []string
	err   error
}

// Rows reads the rows of a file. It is not safe for concurrent use.
type Rows struct {
	*table.Reader
	// First is the first row that can be read.
	First table.Row
	names []string
	ahead []readRow // rows that were read already
	last  readRow
}

// maxUnreadable is how many rows at the beginning of a file may be unreadable before the
// file is refused.
const maxUnreadable = 100

// OpenRows reads up to the first row that can be read. The caller calls Close.
func OpenRows(in io.Reader, config table.ReaderConfig) (*Rows, error) {
	reader, err := table.NewReader(in, config)
	if err != nil {
		return nil, err
	}
	r := &Rows{Reader: reader}
	if err := r.begin(config.Name); err != nil {
		reader.Close()
		return nil, err
	}
	return r, nil
}

func (r *Rows) begin(name string) error {
	for {
		read := r.read()
		_, ofRow := errors.AsType[*table.RowError](read.err)
		switch {
		case errors.Is(read.err, io.EOF) && len(r.ahead) == 0:
			return fault.New(fault.InvalidRequest, "%s has no rows: give a file with items", name)
		case read.err != nil && (!ofRow || len(r.ahead) == maxUnreadable):
			if len(r.ahead) > 0 {
				return r.ahead[0].err
			}
			return read.err
		}
		if r.ahead = append(r.ahead, read); read.err == nil {
			break
		}
	}
	r.First = r.ahead[len(r.ahead)-1].row
	if r.names = r.Columns(); r.names == nil {
		r.names = r.First.Keys()
	}
	return nil
}

func (r *Rows) read() readRow {
	row, err := r.Read()
	return readRow{row, r.Original(), err}
}

// Names returns the names of the columns, in a file without a header those of the first row.
func (r *Rows) Names() []string { return r.names }

// Next returns the next row, or why this one cannot be read. After an error there are no more
// rows; after the last one it is io.EOF.
func (r *Rows) Next() (row table.Row, unreadable *table.RowError, err error) {
	if len(r.ahead) > 0 {
		r.last, r.ahead = r.ahead[0], r.ahead[1:]
	} else {
		r.last = r.read()
	}
	if unreadable, ofRow := errors.AsType[*table.RowError](r.last.err); ofRow {
		return r.last.row, unreadable, nil
	}
	return r.last.row, nil, r.last.err
}

// Cells returns the cells of the last row that Next has returned, as they stand in the file.
func (r *Rows) Cells() []string { return r.last.cells }

// Unreadable is the rows of a file that cannot be read. Its zero value is none.
type Unreadable struct {
	Count int
	first *table.RowError
	lines []string // of the first
}

// MaxLines is how many lines are known at most.
const MaxLines = 20

// Note adds a row.
func (u *Unreadable) Note(err *table.RowError) {
	if u.Count++; u.first == nil {
		u.first = err
	}
	if len(u.lines) < MaxLines {
		u.lines = append(u.lines, fmt.Sprint(err.Line))
	}
}

// Text says how many rows cannot be read, what becomes of them, and where the first of them
// are, so many at most.
func (u *Unreadable) Text(fate string, most int) string {
	named := u.lines[:min(most, len(u.lines))]
	lines := strings.Join(named, ", ")
	if u.Count > len(named) {
		lines += " and others"
	}
	return fmt.Sprintf("%s cannot be read%s: line %s (the first: %s)", catalog.Count(u.Count, "row"), fate, lines, u.first.Fault.Message)
}
