package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/resultfile"
	"github.com/credenza-dev/credenza/internal/table"
)

// File is a job's results, ready to be written. It is for one goroutine.
type File struct {
	job         catalog.Job
	format      Format
	all         bool // the caller sees what was shared
	columns     []string
	spool       *spool
	corrections map[int64]*catalog.Correction
	release     func()
}

// Close removes what waits on disk.
func (f *File) Close() {
	if f.spool != nil {
		f.spool.close()
	}
	f.release()
}

// Write writes the file.
func (f *File) Write(ctx context.Context, out io.Writer) error {
	switch f.format {
	case Labels:
		return f.writeLabels(ctx, out)
	case XLSX:
		return f.writeSheet(ctx, out)
	default:
		return f.writeRows(ctx, out, f.layout())
	}
}

var tableFormats = [...]table.Format{CSV: table.CSV, XLSX: table.XLSX, JSONLines: table.JSON}

// layout returns the file's columns. Ours have another prefix if the input has one of them,
// as when it is an export itself.
func (f *File) layout() resultfile.Layout {
	l := resultfile.Layout{
		Format: tableFormats[f.format], Inputs: f.columns, OfJob: f.columns == nil, WithInput: f.columns != nil,
		Prefix: "credenza_", Reviewed: true,
	}
	for n := 2; l.Check("") != nil; n++ {
		l.Prefix = fmt.Sprintf("credenza%d_", n)
	}
	return l
}

func (f *File) writeRows(ctx context.Context, out io.Writer, l resultfile.Layout) error {
	w, err := resultfile.New(out, l, 0, 0)
	if err != nil {
		return err
	}
	var columns *table.Columns
	if l.WithInput && l.Format == table.JSON {
		columns = table.NewColumns(f.columns)
	}
	err = f.each(ctx, func(r *resultfile.Result, cells []string) error {
		row := resultfile.Row{Result: r, Cells: cells}
		if columns != nil {
			row.Row = columns.Row(cells)
		}
		return w.Write(&row)
	})
	if err != nil {
		return err
	}
	return w.Flush(true)
}

// each calls f with all results in order.
func (f *File) each(ctx context.Context, each func(r *resultfile.Result, cells []string) error) error {
	for i := range f.spool.places {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		o, cells, err := f.spool.read(i)
		if err != nil {
			return err
		}
		r := &resultfile.Result{Result: resultOf(o, f.all), Review: f.corrections[o.Index]}
		if err := each(r, cells); err != nil {
			return err
		}
	}
	return nil
}

// writeSheet writes the rows to a part, of which the sheet is made.
func (f *File) writeSheet(ctx context.Context, out io.Writer) (err error) {
	part, err := newTempFile()
	if err != nil {
		return err
	}
	defer part.remove()
	l := f.layout()
	if err := f.writeRows(ctx, part, l); err != nil {
		return err
	}
	inputs := len(l.Inputs)
	_, err = table.WriteSheet(part, out, table.SheetConfig{Columns: l.Names(), Originals: inputs, Rows: len(f.spool.places), Mark: l.MarkOf})
	return err
}

// labelColumn is what an evaluation takes for the right category unless told otherwise.
const labelColumn = "label"

// writeLabels writes the rows of checked results with their labels. A column of the input
// that would be taken for the label is left out.
func (f *File) writeLabels(ctx context.Context, out io.Writer) error {
	names, kept := f.columns, []int(nil)
	if f.columns == nil {
		names = []string{"id", "product_name"}
	}
	var columns []string
	for i, name := range names {
		if !strings.EqualFold(strings.TrimSpace(name), labelColumn) {
			columns, kept = append(columns, name), append(kept, i)
		}
	}
	w, err := table.NewWriter(out, table.WriterConfig{Format: table.CSV, Columns: append(slices.Clip(columns), labelColumn)})
	if err != nil {
		return err
	}
	err = f.each(ctx, func(r *resultfile.Result, cells []string) error {
		if r.Review == nil || resultfile.Label(r, r.Review) == "" {
			return nil
		}
		if f.columns == nil {
			cells = []string{r.ItemID, r.ProductName}
		}
		values := make([]table.Value, 0, len(kept)+1)
		for _, i := range kept {
			text := ""
			if i < len(cells) {
				text = cells[i]
			}
			values = append(values, table.TextValue(text))
		}
		return w.Write(append(values, table.TextValue(resultfile.Label(r, r.Review))))
	})
	return errors.Join(err, w.Flush())
}
