package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
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
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	w, err := table.NewWriter(out, table.WriterConfig{Format: format, Columns: names, Width: terminalWidth(out)})
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

type (
	result         = credenza.Result
	classification = credenza.Classification
)

// classified returns a function that returns no value for failed items.
func classified(of func(*classification) table.Value) func(*result) table.Value {
	return func(r *result) table.Value {
		if r.Err != nil {
			return table.Value{}
		}
		return of(&r.Classification)
	}
}

// errorText returns a text about an error, empty if there is none.
func errorText(e *credenza.ItemError, of func(e *credenza.ItemError) string) string {
	if e == nil {
		return ""
	}
	return of(e)
}

func reason(e *credenza.ItemError) string  { return string(e.Reason) }
func message(e *credenza.ItemError) string { return e.Message }

// words returns an error's message, or its reason if it has none.
func words(e *credenza.ItemError) string { return cmp.Or(e.Message, string(e.Reason)) }

// unseenPicture returns why an answer does not come from the picture, nil if it does. The
// offline classifier sees none, which is not a fault of each row.
func unseenPicture(r *result) *credenza.ItemError {
	if r.Err != nil || r.Trace.Backend == "offline" {
		return nil //nolint:nilerr // the row has an error of its own
	}
	return r.ImageErr
}

// fullColumns are for programs: everything, in JSON lines and the results of jobs.
var fullColumns = []column[result]{
	{"index", number(func(r *result) int64 { return r.Index })},
	{"id", text(func(r *result) string { return r.ItemID })},
	{"product_name", text(func(r *result) string { return r.ProductName })},
	{"category", classified(text(func(c *classification) string { return c.Category }))},
	{"confidence", classified(func(c *classification) table.Value { return table.NumberValue(c.Confidence) })},
	{"confidence_source", classified(text(func(c *classification) string { return c.ConfidenceSource }))},
	{"needs_review", classified(func(c *classification) table.Value { return table.BoolValue(c.NeedsReview) })},
	{"primary_style", classified(text(func(c *classification) string { return c.PrimaryStyle }))},
	{"secondary_style", classified(text(func(c *classification) string { return c.SecondaryStyle }))},
	{"style_tags", classified(func(c *classification) table.Value { return table.ListValue(c.StyleTags) })},
	{"placement_tags", classified(func(c *classification) table.Value { return table.ListValue(c.PlacementTags) })},
	{"reasoning", classified(text(func(c *classification) string { return c.Reasoning }))},
	{"evidence", classified(text(func(c *classification) string { return c.Evidence }))},
	{"error", text(func(r *result) string { return errorText(r.Err, reason) })},
	{"error_message", text(func(r *result) string { return errorText(r.Err, message) })},
	{"retryable", func(r *result) table.Value {
		if r.Err == nil {
			return table.Value{}
		}
		return table.BoolValue(r.Err.Retryable)
	}},
	{"image_error", text(func(r *result) string { return errorText(r.ImageErr, reason) })},
	{"image_error_message", text(func(r *result) string { return errorText(r.ImageErr, message) })},
	{"backend", text(func(r *result) string { return r.Trace.Backend })},
	{"model", text(func(r *result) string { return r.Trace.Model })},
	{"cached", func(r *result) table.Value { return table.BoolValue(r.Trace.Cached) }},
	{"attempts", number(func(r *result) int64 { return int64(r.Trace.Attempts) })},
	{"latency_ms", number(func(r *result) int64 { return r.Trace.Latency.Milliseconds() })},
	{"taxonomy_version", text(func(r *result) string { return r.Trace.TaxonomyVersion })},
	{"description_cut", func(r *result) table.Value { return table.BoolValue(r.Trace.DescriptionCut) }},
	{"alternatives", classified(func(c *classification) table.Value { return alternativesJSON(c.Alternatives) })},
}

// jobColumns are those of a job's results in CSV, in which the alternatives would be JSON.
var jobColumns = fullColumns[:len(fullColumns)-1]

// addedColumns are those that CSV and sheets have after the columns of the input.
var addedColumns = []column[result]{
	{"category", classified(text(func(c *classification) string { return c.Category }))},
	{"confidence", classified(rounded(3))},
	{"needs_review", classified(func(c *classification) table.Value { return table.BoolValue(c.NeedsReview) })},
	{"styles", classified(text(func(c *classification) string { return listed(c.PrimaryStyle, c.SecondaryStyle) }))},
	{"tags", classified(text(func(c *classification) string { return listed(slices.Concat(c.StyleTags, c.PlacementTags)...) }))},
	{"error", text(func(r *result) string { return errorText(r.Err, (*credenza.ItemError).Error) })},
	{"image_error", text(func(r *result) string { return errorText(r.ImageErr, words) })},
}

// tracedColumns are those that --trace adds.
var tracedColumns = append(slices.DeleteFunc(slices.Clone(fullColumns), func(c column[result]) bool {
	return !slices.Contains([]string{
		"confidence_source", "primary_style", "secondary_style", "style_tags", "placement_tags", "reasoning",
		"evidence", "retryable", "backend", "model", "cached", "attempts", "latency_ms", "taxonomy_version", "description_cut",
	}, c.name)
}), column[result]{"alternatives", classified(func(c *classification) table.Value { return alternativesText(c.Alternatives) })})

// briefColumns are for people, in an aligned table.
var briefColumns = []column[result]{
	{"row", number(func(r *result) int64 { return r.Index + 1 })},
	{"product", text(func(r *result) string { return r.ProductName })},
	{"category", text(func(r *result) string {
		if r.Err != nil {
			return "-"
		}
		return r.Classification.Category
	})},
	{"conf", classified(rounded(2))},
	{"style", classified(text(func(c *classification) string { return c.PrimaryStyle }))},
	{"because", text(func(r *result) string {
		if r.Err != nil {
			return r.Err.Error()
		}
		picture := errorText(unseenPicture(r), func(e *credenza.ItemError) string { return "[picture: " + e.Kind() + "] " })
		return strings.TrimSpace(picture + r.Classification.Reasoning)
	})},
}

// alternativesJSON returns a list of objects.
func alternativesJSON(list []credenza.Alternative) table.Value {
	b := []byte{'['}
	for i, a := range list {
		if i > 0 {
			b = append(b, ',')
		}
		name, _ := json.Marshal(a.Category) // a text has a JSON form
		b = append(append(append(b, `{"category":`...), name...), `,"probability":`...)
		b = append(strconv.AppendFloat(b, a.Probability, 'g', -1, 64), '}')
	}
	return table.JSONValue(append(b, ']'))
}

// alternativesText returns a list such as "SOFA 0.612, BED 0.380".
func alternativesText(list []credenza.Alternative) table.Value {
	var texts []string
	for _, a := range list {
		texts = append(texts, fmt.Sprintf("%s %.3f", a.Category, a.Probability))
	}
	return table.ListValue(texts)
}

func rounded(places int) func(*classification) table.Value {
	return func(c *classification) table.Value {
		return table.Value{Kind: table.Number, Text: strconv.FormatFloat(c.Confidence, 'f', places, 64)}
	}
}

// listed returns texts as one with commas, without empty ones.
func listed(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), ", ")
}
