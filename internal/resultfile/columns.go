package resultfile

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// column is one column of a file and the function of its values.
type column struct {
	name  string
	value func(*Result) table.Value
}

func text[T any](of func(*T) string) func(*T) table.Value {
	return func(x *T) table.Value { return table.TextValue(of(x)) }
}

func number(of func(*Result) int64) func(*Result) table.Value {
	return func(r *Result) table.Value { return table.IntValue(of(r)) }
}

// classified returns a function that returns no value for failed items.
func classified(of func(*credenza.Classification) table.Value) func(*Result) table.Value {
	return func(r *Result) table.Value {
		if r.Err != nil {
			return table.Value{}
		}
		return of(&r.Classification)
	}
}

// errorText returns a text about a failure, empty if there is none.
func errorText(f *credenza.ItemError, of func(*credenza.ItemError) string) string {
	if f == nil {
		return ""
	}
	return of(f)
}

func reason(f *credenza.ItemError) string  { return string(f.Reason) }
func message(f *credenza.ItemError) string { return f.Message }

// words returns a failure's message, or its reason if it has none.
func words(f *credenza.ItemError) string { return cmp.Or(f.Message, string(f.Reason)) }

// fullColumns are for programs: everything, in JSON lines and the results of jobs.
var fullColumns = []column{
	{"index", number(func(r *Result) int64 { return r.Index })},
	{"id", text(func(r *Result) string { return r.ItemID })},
	{"product_name", text(func(r *Result) string { return r.ProductName })},
	{"category", classified(text(func(c *credenza.Classification) string { return c.Category }))},
	{"confidence", classified(func(c *credenza.Classification) table.Value { return table.NumberValue(c.Confidence) })},
	{"confidence_source", classified(text(func(c *credenza.Classification) string { return c.ConfidenceSource }))},
	{"needs_review", classified(func(c *credenza.Classification) table.Value { return table.BoolValue(c.NeedsReview) })},
	{"primary_style", classified(text(func(c *credenza.Classification) string { return c.PrimaryStyle }))},
	{"secondary_style", classified(text(func(c *credenza.Classification) string { return c.SecondaryStyle }))},
	{"style_tags", classified(func(c *credenza.Classification) table.Value { return table.ListValue(c.StyleTags) })},
	{"placement_tags", classified(func(c *credenza.Classification) table.Value { return table.ListValue(c.PlacementTags) })},
	{"reasoning", classified(text(func(c *credenza.Classification) string { return c.Reasoning }))},
	{"evidence", classified(text(func(c *credenza.Classification) string { return c.Evidence }))},
	{"error", text(func(r *Result) string { return errorText(r.Err, reason) })},
	{"error_message", text(func(r *Result) string { return errorText(r.Err, message) })},
	{"retryable", func(r *Result) table.Value {
		if r.Err == nil {
			return table.Value{}
		}
		return table.BoolValue(r.Err.Retryable)
	}},
	{"image_error", text(func(r *Result) string { return errorText(r.ImageErr, reason) })},
	{"image_error_message", text(func(r *Result) string { return errorText(r.ImageErr, message) })},
	{"backend", text(func(r *Result) string { return r.Trace.Backend })},
	{"model", text(func(r *Result) string { return r.Trace.Model })},
	{"cached", func(r *Result) table.Value { return table.BoolValue(r.Trace.Cached) }},
	{"attempts", number(func(r *Result) int64 { return int64(r.Trace.Attempts) })},
	{"latency_ms", number(func(r *Result) int64 { return r.Trace.Latency.Milliseconds() })},
	{"taxonomy_version", text(func(r *Result) string { return r.Trace.TaxonomyVersion })},
	{"description_cut", func(r *Result) table.Value { return table.BoolValue(r.Trace.DescriptionCut) }},
	{"alternatives", classified(func(c *credenza.Classification) table.Value { return alternativesJSON(c.Alternatives) })},
}

// jobColumns are those of a job's results in CSV, in which the alternatives would be JSON.
var jobColumns = fullColumns[:len(fullColumns)-1]

// addedColumns are those that CSV and sheets have after the columns of the input.
var addedColumns = []column{
	{"category", classified(text(func(c *credenza.Classification) string { return c.Category }))},
	{"confidence", classified(rounded(3))},
	{"needs_review", classified(func(c *credenza.Classification) table.Value { return table.BoolValue(c.NeedsReview) })},
	{"styles", classified(text(func(c *credenza.Classification) string { return listed(c.PrimaryStyle, c.SecondaryStyle) }))},
	{"tags", classified(text(func(c *credenza.Classification) string { return listed(slices.Concat(c.StyleTags, c.PlacementTags)...) }))},
	{"error", text(func(r *Result) string { return errorText(r.Err, (*credenza.ItemError).Error) })},
	{"image_error", text(func(r *Result) string { return errorText(r.ImageErr, words) })},
}

// tracedColumns are those that --trace adds.
var tracedColumns = append(slices.DeleteFunc(slices.Clone(fullColumns), func(c column) bool {
	return !slices.Contains([]string{
		"confidence_source", "primary_style", "secondary_style", "style_tags", "placement_tags", "reasoning",
		"evidence", "retryable", "backend", "model", "cached", "attempts", "latency_ms", "taxonomy_version", "description_cut",
	}, c.name)
}), column{"alternatives", classified(func(c *credenza.Classification) table.Value { return alternativesText(c.Alternatives) })})

// briefColumns are for people, in an aligned table.
var briefColumns = []column{
	{"row", number(func(r *Result) int64 { return r.Index + 1 })},
	{"product", text(func(r *Result) string { return r.ProductName })},
	{"category", text(func(r *Result) string {
		if r.Err != nil {
			return "-"
		}
		return r.Classification.Category
	})},
	{"conf", classified(rounded(2))},
	{"style", classified(text(func(c *credenza.Classification) string { return c.PrimaryStyle }))},
	{"because", text(func(r *Result) string {
		if r.Err != nil {
			return r.Err.Error()
		}
		picture := errorText(UnseenPicture(r.Result), func(e *credenza.ItemError) string { return "[picture: " + e.Kind() + "] " })
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

func rounded(places int) func(*credenza.Classification) table.Value {
	return func(c *credenza.Classification) table.Value {
		return table.Value{Kind: table.Number, Text: strconv.FormatFloat(c.Confidence, 'f', places, 64)}
	}
}

// listed returns texts as one with commas, without empty ones.
func listed(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), ", ")
}
