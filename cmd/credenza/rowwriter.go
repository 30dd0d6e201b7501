package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// layout is which columns a file of results has.
type layout struct {
	format    table.Format
	dialect   table.Dialect
	inputs    []string // the input's columns, in CSV and sheets
	byKey     bool     // rows of the input have no header: their cells are found by their keys
	prefix    string
	trace     bool
	withInput bool // JSON lines have the input's row
	ofJob     bool // there is no input
}

// ours returns the columns of results.
func (l *layout) ours() []column[result] {
	switch {
	case l.format == table.Aligned:
		return briefColumns
	case l.format == table.JSON:
		return fullColumns
	case l.ofJob:
		return jobColumns
	case l.trace:
		return slices.Concat(addedColumns, tracedColumns)
	default:
		return addedColumns
	}
}

// names returns the names of all columns.
func (l *layout) names() []string {
	var names []string
	if l.hasInputs() {
		names = slices.Clone(l.inputs)
	}
	for _, c := range l.ours() {
		names = append(names, l.name(c))
	}
	if l.format == table.JSON && !l.ofJob {
		names = append(names, hashColumn)
	}
	if l.withInput && l.format == table.JSON {
		names = append(names, "row")
	}
	return names
}

// hashColumn of JSON lines tells a later run which row of the input a line is of.
const hashColumn = "row_hash"

func (l *layout) name(c column[result]) string {
	if l.hasInputs() {
		return l.prefix + c.name
	}
	return c.name
}

// hasInputs reports whether the input's cells are part of each row.
func (l *layout) hasInputs() bool {
	return !l.ofJob && (l.format == table.CSV || l.format == table.XLSX)
}

// check refuses columns that would be there twice.
func (l *layout) check(file string) error {
	if !l.hasInputs() {
		return nil
	}
	for _, c := range l.ours() {
		if slices.Contains(l.inputs, l.name(c)) {
			return fmt.Errorf("%s has a column %s already: give another --prefix", file, l.name(c))
		}
	}
	return nil
}

// rowWriter writes rows with their results.
type rowWriter struct {
	layout
	table   *table.Writer
	columns []column[result]
	values  []table.Value
	screen  int // rows that an aligned table waits for before its first line
	written int

	lost    int    // values that have no column, see keysOf
	lostKey string // of the first
}

func newRowWriter(out io.Writer, l layout, width, screen int) (*rowWriter, error) {
	w := &rowWriter{layout: l, columns: l.ours(), screen: screen}
	var err error
	w.table, err = table.NewWriter(out, table.WriterConfig{Format: l.format, Columns: l.names(), Width: width, Dialect: l.dialect})
	return w, err
}

// write writes a row. It may be held back until flush.
func (w *rowWriter) write(p *pendingRow) error {
	w.values = w.values[:0]
	var extra []string
	if w.hasInputs() {
		extra = w.originals(p)
	}
	if p.kept != nil {
		w.values = append(w.values, p.kept...)
	} else {
		for _, c := range w.columns {
			w.values = append(w.values, c.value(p.result))
		}
	}
	if w.format == table.JSON && !w.ofJob {
		w.values = append(w.values, table.TextValue(p.hashText()))
	}
	if w.withInput && w.format == table.JSON {
		row, err := table.RowValue(p.row)
		if err != nil {
			return err
		}
		w.values = append(w.values, row)
	}
	w.written++
	return w.table.WriteLong(w.values, extra)
}

// writeAll writes results of a job.
func (w *rowWriter) writeAll(results []credenza.Result) error {
	for i := range results {
		if err := w.write(&pendingRow{result: &results[i]}); err != nil {
			return err
		}
	}
	return w.flush(false)
}

// originals appends the input's cells, and returns those beyond its header.
func (w *rowWriter) originals(p *pendingRow) (extra []string) {
	if w.byKey {
		for _, key := range w.inputs {
			w.values = append(w.values, exact(p.row, key))
		}
		w.countLost(p.row)
		return nil
	}
	for i := range w.inputs {
		cell := ""
		if i < len(p.cells) {
			cell = p.cells[i]
		}
		w.values = append(w.values, table.TextValue(cell))
	}
	if len(p.cells) > len(w.inputs) {
		return p.cells[len(w.inputs):]
	}
	return nil
}

func (w *rowWriter) countLost(row table.Row) {
	for _, cell := range row {
		if cell.Value.Kind != table.Null && !slices.Contains(w.inputs, cell.Key) {
			if w.lost++; w.lost == 1 {
				w.lostKey = cell.Key
			}
		}
	}
}

// exact returns the value of the column of that name, to the letter.
func exact(row table.Row, key string) table.Value {
	for _, cell := range row {
		if cell.Key == key {
			return cell.Value
		}
	}
	return table.Value{}
}

// flush writes what was held back. An aligned table waits for a whole screen, so that
// its columns fit more than the first batch.
func (w *rowWriter) flush(last bool) error {
	if w.format == table.Aligned && w.written < w.screen && !last {
		return nil
	}
	return w.table.Flush()
}

// markOf returns how a row of a sheet is shown.
func (l *layout) markOf(values []table.Value) table.Mark {
	ours := func(name string) table.Value {
		for i, c := range l.ours() {
			if at := len(l.inputs) + i; c.name == name && at < len(values) {
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
