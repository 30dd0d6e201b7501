package main

import (
	"context"
	"fmt"
	"io"

	"github.com/credenza-dev/credenza/internal/table"
)

// confusionFile is the file for the matrix, or nil.
type confusionFile struct{ to *destination }

func (c *evalCommand) openConfusion(ctx context.Context, in *input) (*confusionFile, error) {
	if c.Confusion == "" {
		return nil, nil
	}
	file, err := openDestination(ctx, c.Confusion, "--confusion", in)
	if err != nil {
		return nil, fmt.Errorf("the confusion matrix cannot be written: %w", err)
	}
	return &confusionFile{file}, nil
}

func (f *confusionFile) close() error {
	if f == nil {
		return nil
	}
	return f.to.close()
}

func (f *confusionFile) write(report *evalReport) error {
	if f == nil {
		return nil
	}
	if err := writeConfusion(f.to, report); err != nil {
		return fmt.Errorf("the confusion matrix cannot be written: %w", err)
	}
	return nil
}

func writeConfusion(to io.Writer, report *evalReport) error {
	columns := []string{"label"}
	for _, category := range report.Categories {
		columns = append(columns, category.Name)
	}
	w, err := table.NewWriter(to, table.WriterConfig{Format: table.CSV, Columns: columns})
	if err != nil {
		return err
	}
	for i, counts := range report.Confusion {
		values := []table.Value{table.TextValue(report.Categories[i].Name)}
		for _, n := range counts {
			values = append(values, table.IntValue(int64(n)))
		}
		if err := w.Write(values); err != nil {
			return err
		}
	}
	return w.Flush()
}
