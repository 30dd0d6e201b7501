package resultfile

import (
	"fmt"
	"io"
	"slices"

	"github.com/credenza-dev/credenza/internal/table"
)

// Layout is which columns a file of results has.
type Layout struct {
	Format    table.Format
	Dialect   table.Dialect
	Inputs    []string // the input's columns, in CSV and sheets
	ByKey     bool     // rows of the input have no header: their cells are found by their keys
	Prefix    string
	Trace     bool
	WithInput bool // JSON lines have the input's row
	OfJob     bool // there is no input
	Hashed    bool // JSON lines have the hash of the input's row
	Reviewed  bool // what people made of the results has columns too
}

// ours returns the columns of results.
func (l *Layout) ours() []column {
	if l.Reviewed {
		return slices.Concat(l.machines(), reviewColumns)
	}
	return l.machines()
}

// Ours returns the names of the columns of results, without a prefix.
func (l *Layout) Ours() []string {
	var names []string
	for _, c := range l.ours() {
		names = append(names, c.name)
	}
	return names
}

// machines returns the columns of what the machine has answered.
func (l *Layout) machines() []column {
	switch {
	case l.Format == table.Aligned:
		return briefColumns
	case l.Format == table.JSON:
		return fullColumns
	case l.OfJob:
		return jobColumns
	case l.Trace:
		return slices.Concat(addedColumns, tracedColumns)
	default:
		return addedColumns
	}
}

// Names returns the names of all columns.
func (l *Layout) Names() []string {
	var names []string
	if l.HasInputs() {
		names = slices.Clone(l.Inputs)
	}
	for _, c := range l.ours() {
		names = append(names, l.NameOf(c.name))
	}
	if l.Format == table.JSON && l.Hashed {
		names = append(names, HashColumn)
	}
	if l.WithInput && l.Format == table.JSON {
		names = append(names, "row")
	}
	return names
}

// HashColumn of JSON lines tells a later run which row of the input a line is of.
const HashColumn = "row_hash"

// NameOf returns the name of one of our columns in the file.
func (l *Layout) NameOf(name string) string {
	if l.HasInputs() {
		return l.Prefix + name
	}
	return name
}

// HasInputs reports whether the input's cells are part of each row.
func (l *Layout) HasInputs() bool {
	return !l.OfJob && (l.Format == table.CSV || l.Format == table.XLSX)
}

// Check refuses columns that would be there twice.
func (l *Layout) Check(file string) error {
	if !l.HasInputs() {
		return nil
	}
	for _, c := range l.ours() {
		if name := l.NameOf(c.name); slices.Contains(l.Inputs, name) {
			return fmt.Errorf("%s has a column %s already: give another --prefix", file, name)
		}
	}
	return nil
}

// Row is a row of a file of results. What a layout does not show may be missing.
type Row struct {
	Result *Result
	// Kept is in place of a result: our columns, from an earlier file.
	Kept []table.Value
	// Cells and Row are the input's.
	Cells []string
	Row   table.Row
	Hash  string
}

// Continue says that the header is there already, from an earlier writer to the same file.
func (w *Writer) Continue() { w.table.Continue() }

// Lost returns how many values have no column, see Layout.ByKey, and the key of the first.
func (w *Writer) Lost() (n int, key string) { return w.lost, w.lostKey }

// Writer writes rows with their results. It is not safe for concurrent use.
type Writer struct {
	Layout
	table   *table.Writer
	columns []column
	values  []table.Value
	screen  int // rows that an aligned table waits for before its first line
	written int

	lost    int    // values that have no column, see Layout.ByKey
	lostKey string // of the first
}

// New returns a writer to out for a terminal of that width and so many rows, 0 for none.
func New(out io.Writer, l Layout, width, screen int) (*Writer, error) {
	w := &Writer{Layout: l, columns: l.ours(), screen: screen}
	var err error
	w.table, err = table.NewWriter(out, table.WriterConfig{Format: l.Format, Columns: l.Names(), Width: width, Dialect: l.Dialect})
	return w, err
}

// Write writes a row. It may be held back until Flush.
func (w *Writer) Write(p *Row) error {
	w.values = w.values[:0]
	var extra []string
	if w.HasInputs() {
		extra = w.originals(p)
	}
	if p.Kept != nil {
		w.values = append(w.values, p.Kept...)
	} else {
		for _, c := range w.columns {
			w.values = append(w.values, c.value(p.Result))
		}
	}
	if w.Format == table.JSON && w.Hashed {
		w.values = append(w.values, table.TextValue(p.Hash))
	}
	if w.WithInput && w.Format == table.JSON {
		w.values = append(w.values, table.RowValue(p.Row))
	}
	w.written++
	return w.table.WriteLong(w.values, extra)
}

// originals appends the input's cells, and returns those beyond its header.
func (w *Writer) originals(p *Row) (extra []string) {
	if w.ByKey {
		for _, key := range w.Inputs {
			w.values = append(w.values, p.Row.Exact(key))
		}
		w.countLost(p.Row)
		return nil
	}
	for i := range w.Inputs {
		cell := ""
		if i < len(p.Cells) {
			cell = p.Cells[i]
		}
		w.values = append(w.values, table.TextValue(cell))
	}
	if len(p.Cells) > len(w.Inputs) {
		return p.Cells[len(w.Inputs):]
	}
	return nil
}

func (w *Writer) countLost(row table.Row) {
	for _, cell := range row {
		if cell.Value.Kind != table.Null && !slices.Contains(w.Inputs, cell.Key) {
			if w.lost++; w.lost == 1 {
				w.lostKey = cell.Key
			}
		}
	}
}

// Flush writes what was held back. An aligned table waits for a whole screen, so that
// its columns fit more than the first batch.
func (w *Writer) Flush(last bool) error {
	if w.Format == table.Aligned && w.written < w.screen && !last {
		return nil
	}
	return w.table.Flush()
}

// MarkOf returns how a row of a sheet is shown.
func (l *Layout) MarkOf(values []table.Value) table.Mark {
	ours := func(name string) table.Value {
		for i, c := range l.ours() {
			if at := len(l.Inputs) + i; c.name == name && at < len(values) {
				return values[at]
			}
		}
		return table.Value{}
	}
	switch {
	case ours("error").Text != "":
		return table.Failed
	case ours("needs_review").Text == "true":
		return table.Doubtful
	}
	return table.NoMark
}
