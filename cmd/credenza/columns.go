package main

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/table"
)

// columnFlags say which column of a file fills which field.
type columnFlags struct {
	Column      []string `sep:"none" placeholder:"FIELD=NAME" help:"Have the column NAME fill FIELD: product_name, description, type, category, styles, tags, price, image_url, product_url, id, parent (the key of the product that a row belongs to) or attribute. FIELD= leaves that column out. May be repeated."`
	ShowColumns bool     `help:"Print which column fills which field, with three values of each, and classify nothing."`
}

// mapping matches the columns of the file by the first rows, and prints in one line on
// notes which column became what. Of input that can be read only once, the first row
// decides, so that rows are classified as they come. Hidden columns take no part.
func (f *columnFlags) mapping(
	ctx context.Context, from *source, in *input, productColumn string, notes io.Writer, hidden ...string,
) (*table.Mapping, error) {
	cfg := table.MappingConfig{ProductColumn: productColumn}
	for _, text := range f.Column {
		choice, err := table.ParseColumnChoice(text)
		if err != nil {
			return nil, err
		}
		cfg.Choices = append(cfg.Choices, choice)
	}
	sample := firstRows(ctx, from, in)
	for i, row := range sample {
		sample[i] = row.Without(hidden...)
	}
	m, err := table.NewMapping(sample, cfg)
	if err != nil {
		return nil, err
	}
	in.sayNotes(notes)
	if !f.ShowColumns {
		printLine(notes, "credenza: columns: %s", catalog.Clip(table.Printable(m.String()), maxColumnsLine))
	}
	return m, nil
}

// sayNotes prints how the file is read, each note once. Call it when no read is in flight.
func (in *input) sayNotes(to io.Writer) {
	all := in.rows.Notes()
	for _, note := range all[in.said:] {
		printLine(to, "credenza: %s: %s", in.name, catalog.Clip(table.Printable(note), maxColumnsLine))
	}
	in.said = len(all)
}

// maxColumnsLine bounds the line about columns, in bytes.
const maxColumnsLine = 1000

// errEnough ends the reading of rows.
var errEnough = errors.New("enough")

// firstRows returns the first rows of the input. It opens a file once more for that.
func firstRows(ctx context.Context, from *source, in *input) (sample []table.Row) {
	read := 0
	_ = from.eachRow(ctx, in, func(_ *input, row table.Row) error { // an error comes again later
		if row != nil {
			sample = append(sample, row)
		}
		if read++; read == table.SampleRows {
			return errEnough
		}
		return nil
	})
	if len(sample) == 0 && in.rows.First != nil {
		sample = append(sample, in.rows.First)
	}
	return sample
}

// show prints the columns as a table.
func (f *columnFlags) show(m *table.Mapping, out io.Writer) error {
	return printList(out, table.Aligned, m.Matches(),
		column[table.ColumnMatch]{"column", text(func(m *table.ColumnMatch) string { return m.Column })},
		column[table.ColumnMatch]{"becomes", text(func(m *table.ColumnMatch) string { return m.Field })},
		column[table.ColumnMatch]{"values", text(func(m *table.ColumnMatch) string {
			values := make([]string, len(m.Values))
			for i, value := range m.Values {
				const mostBytes = 60
				values[i] = table.Printable(catalog.Clip(catalog.ClipWords(value, mostBytes), mostBytes))
			}
			return strings.Join(values, " | ")
		})})
}
