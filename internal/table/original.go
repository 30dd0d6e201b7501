package table

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

const byteOrderMark = "\xef\xbb\xbf"
