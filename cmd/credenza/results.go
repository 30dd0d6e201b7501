package main

import (
	"encoding/json"
	"io"

	"github.com/credenza-dev/credenza/internal/table"
)

// column is one column of a table and the function of its values.
type column[T any] struct {
	name  string
	value func(*T) table.Value
}

func text[T any](of func(*T) string) func(*T) table.Value {
	return func(x *T) table.Value { return table.TextValue(of(x)) }
}

func number[T any](of func(*T) int64) func(*T) table.Value {
	return func(x *T) table.Value { return table.IntValue(of(x)) }
}

// listing writes values of one type as the rows of a table.
type listing[T any] struct {
	*table.Writer
	columns []column[T]
}

// newListing returns a listing in the format, which fits a terminal.
func newListing[T any](out io.Writer, format table.Format, columns ...column[T]) (*listing[T], error) {
	width, _ := terminalSize(out)
	return newListingOf(out, columns, table.WriterConfig{Format: format, Width: width})
}

// newListingOf returns a listing of the columns; the config has the rest.
func newListingOf[T any](out io.Writer, columns []column[T], config table.WriterConfig) (*listing[T], error) {
	for _, c := range columns {
		config.Columns = append(config.Columns, c.name)
	}
	w, err := table.NewWriter(out, config)
	return &listing[T]{w, columns}, err
}

func (l *listing[T]) write(x *T) error {
	values := make([]table.Value, len(l.columns))
	for i, c := range l.columns {
		values[i] = c.value(x)
	}
	return l.Write(values)
}

// printList writes a whole table.
func printList[T any](out io.Writer, format table.Format, list []T, columns ...column[T]) error {
	l, err := newListing(out, format, columns...)
	if err != nil {
		return err
	}
	for i := range list {
		if err := l.write(&list[i]); err != nil {
			return err
		}
	}
	return l.Flush()
}

// printJSON prints a value for programs.
func printJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// printTable prints texts in columns.
func printTable(s streams, names []string, rows [][]string) error {
	return printRows(s.out, table.Aligned, names, rows, table.Text)
}

// printRows writes rows of which the first column has texts, and all others are of a kind.
func printRows(out io.Writer, format table.Format, names []string, rows [][]string, others table.Kind) error {
	columns := make([]column[[]string], len(names))
	for i, name := range names {
		kind := others
		if i == 0 {
			kind = table.Text
		}
		columns[i] = column[[]string]{name, func(row *[]string) table.Value { return table.Value{Kind: kind, Text: (*row)[i]} }}
	}
	return printList(out, format, rows, columns...)
}
