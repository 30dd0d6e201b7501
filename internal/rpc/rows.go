package rpc

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/intake"
	"github.com/credenza-dev/credenza/internal/productfile"
	"github.com/credenza-dev/credenza/internal/table"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// rows makes items of a call's rows. Its zero value is for a call of which no row has
// come yet.
type rows struct {
	names     []string
	columns   *table.Columns // nil: none have come
	overrides map[string]string
	mapping   *table.Mapping // nil: no row has come
}

// Bounds of what a call's rows are matched by.
const (
	// maxNameBytes is for the names of columns and the overrides together. It is as much
	// as an item's texts may have.
	maxNameBytes = catalog.MaxTextBytes
	// maxSampleBytes is how much of the first rows is looked at.
	maxSampleBytes = 4 << 20
)

// open returns the rows of a call's next chunk as items, and takes them out of it.
func (r *rows) open(chunk *credenzav1.RowChunk, in *intake.Inbound) (*wireItems, error) {
	wire := chunk.ProtoReflect().GetUnknown()
	chunk.ProtoReflect().SetUnknown(nil)
	if err := r.setColumns(chunk, len(wire) > 0); err != nil {
		return nil, err
	}
	if r.mapping == nil && len(wire) > 0 {
		if err := r.match(wire); err != nil {
			return nil, err
		}
	}
	return newWireItems(wire, in, r.item), nil
}

// setColumns takes the columns of the first chunk, and holds those of the others
// against them.
func (r *rows) setColumns(chunk *credenzav1.RowChunk, hasRows bool) error {
	names, overrides := chunk.GetColumns(), chunk.GetOverrides()
	switch {
	case r.columns != nil && len(names) > 0 && !slices.Equal(names, r.names):
		return fault.Invalid("rows.columns", "they are not those of the first chunk: send the same or none, and other columns in a call of their own")
	case r.columns != nil && len(overrides) > 0 && !maps.Equal(overrides, r.overrides):
		return fault.Invalid("rows.overrides", "they are not those of the first chunk: send them with the first chunk only")
	case r.columns != nil:
		return nil
	case len(names) == 0 && (hasRows || len(overrides) > 0):
		return fault.Invalid("rows.columns", "the first chunk has no columns: send the name of each column, empty for one without a name")
	case len(names) == 0:
		return nil
	case len(names) > table.MaxColumns:
		return fault.Invalid("rows.columns", "there are %d, at most %d are allowed: leave out those that say nothing about the product", len(names), table.MaxColumns)
	case nameBytes(names, overrides) > maxNameBytes:
		return fault.Invalid("rows.columns", "with the overrides they have more than %d bytes: shorten their names", maxNameBytes)
	}
	r.names, r.columns, r.overrides = names, table.NewColumns(names), overrides
	return nil
}

func nameBytes(names []string, overrides map[string]string) int {
	n := 0
	for _, name := range names {
		n += len(name)
	}
	for field, name := range overrides {
		n += len(field) + len(name)
	}
	return n
}

// match finds out by the first rows which column fills which field.
func (r *rows) match(wire []byte) error {
	sample := []table.Row{r.columns.Row(nil)} // has all columns, whatever the rows have
	size := 0
	for len(wire) > 0 && len(sample) <= table.SampleRows && size < maxSampleBytes {
		var entry []byte
		entry, wire = cutEntry(wire)
		size += len(entry)
		cells, _ := r.cells(entry)
		sample = append(sample, r.columns.Row(cells))
	}
	const part = "rows.overrides"
	choices, err := productfile.ChoicesOf(part, r.overrides)
	if err != nil {
		return err
	}
	mapping, err := table.NewMapping(sample, table.MappingConfig{Separate: true, Choices: choices})
	if err != nil {
		return productfile.OfOverrides(part, err)
	}
	mapping.Forget()
	r.mapping = mapping
	return nil
}

// item makes an item of a row. If the row has a cell too many, the item has it too, and
// cannot be used.
func (r *rows) item(wire []byte) (*catalog.Item, error) {
	cells, tooMany := r.cells(wire)
	item := r.mapping.Item(r.columns.Row(cells))
	if tooMany != "" {
		cells = append(cells, tooMany)
	}
	item.Row = &catalog.Row{Columns: r.names, Cells: cells}
	return item, nil
}

// cellsNumber is the number of a row's cells.
const cellsNumber protowire.Number = 1

// cells decodes a row. It returns at most one cell for each column, and the first of the
// others that is not blank. A row may have any number of cells, and each takes more
// memory than it takes on the wire.
func (r *rows) cells(wire []byte) (cells []string, tooMany string) {
	text := string(wire) // all cells are parts of it
	for rest := wire; len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		size := protowire.ConsumeFieldValue(number, kind, rest[n:])
		if number == cellsNumber && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(rest[n:])
			end := len(wire) - len(rest) + n + size
			cell := text[end-len(value) : end]
			switch {
			case len(cells) < len(r.names):
				cells = append(cells, cell)
			case !table.TextValue(cell).Blank():
				return cells, cell
			}
		}
		rest = rest[n+size:]
	}
	return cells, ""
}
