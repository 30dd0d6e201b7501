package main

import (
	"fmt"
	"strings"

	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// column is one column of the results and the function of its values.
type column struct {
	name  string
	value func(r *credenza.Result) table.Value
}

func text(of func(r *credenza.Result) string) func(*credenza.Result) table.Value {
	return func(r *credenza.Result) table.Value { return table.TextValue(of(r)) }
}

// ofClassification returns a function that returns no value for failed items.
func ofClassification(of func(c *credenza.Classification) table.Value) func(*credenza.Result) table.Value {
	return func(r *credenza.Result) table.Value {
		if r.Err != nil {
			return table.Value{}
		}
		return of(&r.Classification)
	}
}

func errorText(e *credenza.ItemError, of func(e *credenza.ItemError) string) string {
	if e == nil {
		return ""
	}
	return of(e)
}

func reason(e *credenza.ItemError) string  { return e.Reason }
func message(e *credenza.ItemError) string { return e.Message }

// withoutPicture says in the table why an answer does not come from the picture. The
// offline classifier sees none, which is not a fault of each row.
func withoutPicture(r *credenza.Result) string {
	if r.ImageErr == nil || r.Trace.Backend == "offline" {
		return ""
	}
	return "[picture: " + r.ImageErr.Kind() + "] "
}

// fullColumns are for programs: everything, in CSV and JSON lines.
var fullColumns = []column{
	{"index", func(r *credenza.Result) table.Value { return table.IntValue(r.Index) }},
	{"id", text(func(r *credenza.Result) string { return r.ItemID })},
	{"product_name", text(func(r *credenza.Result) string { return r.ProductName })},
	{"category", ofClassification(func(c *credenza.Classification) table.Value { return table.TextValue(c.Category) })},
	{"confidence", ofClassification(func(c *credenza.Classification) table.Value { return table.NumberValue(c.Confidence) })},
	{"confidence_source", ofClassification(func(c *credenza.Classification) table.Value { return table.TextValue(c.ConfidenceSource) })},
	{"needs_review", ofClassification(func(c *credenza.Classification) table.Value { return table.BoolValue(c.NeedsReview) })},
	{"primary_style", ofClassification(func(c *credenza.Classification) table.Value { return table.TextValue(c.PrimaryStyle) })},
	{"secondary_style", ofClassification(func(c *credenza.Classification) table.Value { return table.TextValue(c.SecondaryStyle) })},
	{"style_tags", ofClassification(func(c *credenza.Classification) table.Value { return table.ListValue(c.StyleTags) })},
	{"placement_tags", ofClassification(func(c *credenza.Classification) table.Value { return table.ListValue(c.PlacementTags) })},
	{"reasoning", ofClassification(func(c *credenza.Classification) table.Value { return table.TextValue(c.Reasoning) })},
	{"evidence", ofClassification(func(c *credenza.Classification) table.Value { return table.TextValue(c.Evidence) })},
	{"error", text(func(r *credenza.Result) string { return errorText(r.Err, reason) })},
	{"error_message", text(func(r *credenza.Result) string { return errorText(r.Err, message) })},
	{"retryable", func(r *credenza.Result) table.Value {
		if r.Err == nil {
			return table.Value{}
		}
		return table.BoolValue(r.Err.Retryable)
	}},
	{"image_error", text(func(r *credenza.Result) string { return errorText(r.ImageErr, reason) })},
	{"image_error_message", text(func(r *credenza.Result) string { return errorText(r.ImageErr, message) })},
	{"backend", text(func(r *credenza.Result) string { return r.Trace.Backend })},
	{"model", text(func(r *credenza.Result) string { return r.Trace.Model })},
	{"cached", func(r *credenza.Result) table.Value { return table.BoolValue(r.Trace.Cached) }},
	{"attempts", func(r *credenza.Result) table.Value { return table.IntValue(int64(r.Trace.Attempts)) }},
	{"latency_ms", func(r *credenza.Result) table.Value { return table.IntValue(r.Trace.Latency.Milliseconds()) }},
	{"taxonomy_version", text(func(r *credenza.Result) string { return r.Trace.TaxonomyVersion })},
}

// briefColumns are for people, in an aligned table.
var briefColumns = []column{
	{"row", func(r *credenza.Result) table.Value { return table.IntValue(r.Index + 1) }},
	{"product", text(func(r *credenza.Result) string { return r.ProductName })},
	{"category", text(func(r *credenza.Result) string {
		if r.Err != nil {
			return "-"
		}
		return r.Classification.Category
	})},
	{"conf", ofClassification(func(c *credenza.Classification) table.Value {
		return table.Value{Kind: table.Number, Text: fmt.Sprintf("%.2f", c.Confidence)}
	})},
	{"style", ofClassification(func(c *credenza.Classification) table.Value { return table.TextValue(c.PrimaryStyle) })},
	{"because", text(func(r *credenza.Result) string {
		if r.Err != nil {
			return r.Err.Error()
		}
		return strings.TrimSpace(withoutPicture(r) + r.Classification.Reasoning)
	})},
}

// resultWriter writes results in the columns that suit their format.
type resultWriter struct {
	table   *table.Writer
	columns []column
	values  []table.Value
	screen  int // rows that an aligned table waits for before its first line
	written int
}

func newResultWriter(out *output) (*resultWriter, error) {
	w := &resultWriter{columns: fullColumns, screen: out.height}
	if out.format == table.Aligned {
		w.columns = briefColumns
	}
	names := make([]string, len(w.columns))
	for i, c := range w.columns {
		names[i] = c.name
	}
	var err error
	w.table, err = table.NewWriter(out, table.WriterConfig{Format: out.format, Columns: names, Width: out.width})
	return w, err
}

// write writes a batch, all of it at once, but for the first screen of a table: its
// columns fit all rows of it.
func (w *resultWriter) write(results []credenza.Result) error {
	for i := range results {
		w.values = w.values[:0]
		for _, c := range w.columns {
			w.values = append(w.values, c.value(&results[i]))
		}
		if err := w.table.Write(w.values); err != nil {
			return err
		}
	}
	if w.written += len(results); w.written < w.screen {
		return nil
	}
	return w.table.Flush()
}

// end writes what was held back.
func (w *resultWriter) end() error { return w.table.Flush() }
