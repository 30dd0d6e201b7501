package productfile

import (
	"errors"
	"io"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/table"
)

// Row is a row, or why it cannot be read, and its cells as they stand in the file.
type Row struct {
	Row   table.Row
	Cells []string
	Err   error
}

// Rows reads the rows of a file. It is not safe for concurrent use.
type Rows struct {
	*table.Reader
	// First is the first row that can be read.
	First table.Row
	names []string
	ahead []Row // rows that were read already
	last  Row
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
		_, ofRow := errors.AsType[*table.RowError](read.Err)
		switch {
		case errors.Is(read.Err, io.EOF) && len(r.ahead) == 0:
			return fault.New(fault.InvalidRequest, "%s has no rows: give a file with items", name)
		case read.Err != nil && (!ofRow || len(r.ahead) == maxUnreadable):
			if len(r.ahead) > 0 {
				return r.ahead[0].Err
			}
			return read.Err
		}
		if r.ahead = append(r.ahead, read); read.Err == nil {
			break
		}
	}
	r.First = r.ahead[len(r.ahead)-1].Row
	if r.names = r.Columns(); r.names == nil {
		r.names = r.First.Keys()
	}
	return nil
}

func (r *Rows) read() Row {
	row, err := r.Read()
	return Row{row, r.Original(), err}
}

// Names returns the names of the columns, in a file without a header those of the first row.
func (r *Rows) Names() []string { return r.names }

// Next returns the next row. An error that is a table.RowError is about this row only.
func (r *Rows) Next() (table.Row, error) {
	if len(r.ahead) > 0 {
		r.last, r.ahead = r.ahead[0], r.ahead[1:]
	} else {
		r.last = r.read()
	}
	return r.last.Row, r.last.Err
}

// Last returns what Next has returned last.
func (r *Rows) Last() Row { return r.last }
