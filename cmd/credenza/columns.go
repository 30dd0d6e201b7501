package main

import (
	"context"
	"errors"
	"io"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/table"
)

// columnFlags say which column of a file fills which field.
type columnFlags struct {
	Column      []string `sep:"none" placeholder:"FIELD=NAME" help:"Have the column NAME fill FIELD: product_name, description, type, category, styles, tags, price, image_url, product_url, id, parent (the key of the product that a row belongs to) or attribute. FIELD= leaves such a column out. May be repeated."`
	ShowColumns bool     `help:"Print which column fills which field, with three values of each, and ask nothing."`
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
	for _, note := range in.rows.Notes() {
		printLine(notes, "credenza: %s: %s", in.name, catalog.Clip(table.Printable(note), maxColumnsLine))
	}
	if !f.ShowColumns {
		printLine(notes, "credenza: columns: %s", catalog.Clip(table.Printable(m.String()), maxColumnsLine))
	}
	return m, nil
}

// maxColumnsLine bounds the line about columns, in bytes.
const maxColumnsLine = 1000

// firstRows returns the first rows of the input. It opens a file once more for that.
func firstRows(ctx context.Context, from *source, in *input) []table.Row {
	var sample []table.Row
	if in.again {
		if again, err := from.open(ctx, streams{}); err == nil {
			defer again.close()
			for range table.SampleRows {
				row, err := again.next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err == nil {
					sample = append(sample, row)
				}
			}
		}
	}
	if len(sample) == 0 && in.first != nil {
		sample = append(sample, in.first)
	}
	return sample
}

// show prints the columns as a table.
func (f *columnFlags) show(m *table.Mapping, out io.Writer) error {
	w, err := table.NewWriter(out, table.WriterConfig{
		Format: table.Aligned, Columns: []string{"column", "becomes", "values"}, Width: terminalWidth(out),
	})
	if err != nil {
		return err
	}
	for _, match := range m.Matches() {
		values := ""
		for i, value := range match.Values {
			const mostBytes = 60
			if i > 0 {
				values += " | "
			}
			values += table.Printable(catalog.Clip(catalog.ClipWords(value, mostBytes), mostBytes))
		}
		err := w.Write([]table.Value{table.TextValue(match.Column), table.TextValue(match.Field), table.TextValue(values)})
		if err != nil {
			return err
		}
	}
	return w.Flush()
}
