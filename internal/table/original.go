package table

import "bufio"

// Dialect is how a file of separated values is written.
type Dialect struct {
	Separator rune // 0 in files of another format
	BOM       bool // it begins with a byte order mark
}

// original is what a source knows of the last row as it is in the file.
type original interface {
	header() []string
	cells() []string
}

// Dialect returns how the file is written.
func (r *Reader) Dialect() Dialect { return r.dialect }

// Header returns the names of the columns as the file has them, nil for JSON.
func (r *Reader) Header() []string {
	if o, ok := r.source.(original); ok {
		return o.header()
	}
	return nil
}

// Original returns the cells of the last row as the file has them, in the order of
// Header, those without a name included. It returns nil for JSON. The caller may keep it.
func (r *Reader) Original() []string {
	if o, ok := r.source.(original); ok {
		return o.cells()
	}
	return nil
}

const byteOrderMark = "\xef\xbb\xbf"

func beginsWithMark(in *bufio.Reader) bool {
	head, err := in.Peek(len(byteOrderMark))
	return err == nil && string(head) == byteOrderMark
}

func (s *csvSource) header() []string { return s.original }
func (s *csvSource) cells() []string  { return s.current }
