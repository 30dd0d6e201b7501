package productfile

import (
	"context"
	"fmt"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/table"
)

// Items are the rows of an uploaded file as items. It is for one goroutine.
type Items struct{ file *file }

// Items opens a file. The caller calls Close.
func (f *Files) Items(ctx context.Context, who catalog.Owner, v View) (*Items, error) {
	opened, err := f.open(ctx, who, v)
	if err != nil {
		return nil, err
	}
	opened.mapping.Forget()
	return &Items{opened}, nil
}

// Name is the file's.
func (i *Items) Name() string { return i.file.Name }

// Close releases the file.
func (i *Items) Close() { i.file.close() }

// Next returns the item of the next row, with the row, and io.EOF after the last one. A row
// that cannot be read is an item that fails, so that each row has its place among the
// results.
func (i *Items) Next(ctx context.Context) (*catalog.Item, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	row, unreadable, err := i.file.rows.Next()
	switch {
	case err != nil:
		return nil, err
	case unreadable != nil:
		return &catalog.Item{ID: UnreadableID(unreadable), Row: &catalog.Row{Columns: i.file.columns}}, nil
	}
	item := i.file.mapping.Item(row)
	item.Row = &catalog.Row{Columns: i.file.columns, Cells: i.file.cells(row)}
	return item, nil
}

// UnreadableID is the id of the item of a row that cannot be read.
func UnreadableID(err *table.RowError) string { return fmt.Sprint("line ", err.Line) }
