package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/credenza-dev/credenza/internal/fault"
)

// position is a place in a file. Lines count from 1, columns are bytes from 1,
// as editors and encoding/csv count them; 0 stands for the file as a whole.
type position struct {
	file         string
	line, column int
}

// at returns the beginning of a line.
func (p position) at(line int) position {
	return position{file: p.file, line: line, column: 1}
}

// after returns the place that is reached from p by reading text.
func (p position) after(text []byte) position {
	if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
		p.line += bytes.Count(text, []byte("\n"))
		p.column = len(text) - i
		return p
	}
	p.column += len(text)
	return p
}

func (p position) String() string {
	if p.line == 0 {
		return p.file
	}
	return fmt.Sprintf("%s: line %d, column %d", p.file, p.line, p.column)
}

// fault returns an InvalidRequest that begins with the place.
func (p position) fault(format string, args ...any) *fault.Fault {
	separator := ": "
	if p.line == 0 {
		separator = " "
	}
	return fault.New(fault.InvalidRequest, "%s%s%s", p, separator, fmt.Sprintf(format, args...))
}

func (p position) unreadable(cause error) *fault.Fault {
	if errors.Is(cause, io.ErrUnexpectedEOF) {
		return fault.Wrap(cause, fault.InvalidRequest, "%s cannot be read to its end, which is missing: it has been cut off, so copy it once more", p.file)
	}
	return fault.Wrap(cause, fault.InvalidRequest, "%s cannot be read: %v", p.file, cause)
}

// RowError is why one row cannot be read. The rows after it can.
type RowError struct {
	Line  int          // the row's first line, counted from 1
	Fault *fault.Fault // names the file and the line
}

// Error returns the fault's text.
func (e *RowError) Error() string { return e.Fault.Error() }

// Unwrap returns the fault.
func (e *RowError) Unwrap() error { return e.Fault }

// ofRow returns the RowError of the row that begins at p.
func (p position) ofRow(f *fault.Fault) *RowError { return &RowError{p.line, f} }
