package resultfile

import (
	"cmp"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/table"
)

// reviewColumns are what people made of results. A label is what is right according to the
// person: what was corrected, else what the machine has answered.
var reviewColumns = []column{
	{"review_state", func(r *Result) table.Value { return table.TextValue(stateOf(r)) }},
	{"review_category", reviewed(func(r *Result, c *catalog.Correction) string { return Label(r, c) })},
	{"review_primary_style", reviewed(func(r *Result, c *catalog.Correction) string {
		return cmp.Or(c.PrimaryStyle, machineLabel(r, r.Classification.PrimaryStyle))
	})},
	{"review_secondary_style", reviewed(func(r *Result, c *catalog.Correction) string {
		return cmp.Or(c.SecondaryStyle, machineLabel(r, r.Classification.SecondaryStyle))
	})},
	{"review_note", reviewed(func(_ *Result, c *catalog.Correction) string { return c.Note })},
	{"review_person", reviewed(func(_ *Result, c *catalog.Correction) string { return c.Person })},
	{"review_time", reviewed(func(_ *Result, c *catalog.Correction) string { return c.At.UTC().Format(time.RFC3339) })},
}

func reviewed(of func(*Result, *catalog.Correction) string) func(*Result) table.Value {
	return func(r *Result) table.Value {
		if r.Review == nil {
			return table.Value{}
		}
		return table.TextValue(of(r, r.Review))
	}
}

func stateOf(r *Result) string {
	switch {
	case r.Review == nil:
		return "unchecked"
	case r.Review.State == catalog.Corrected:
		return "corrected"
	default:
		return "accepted"
	}
}

// Label returns the category that a person has found right, empty if there is none: the
// result has failed, and was not corrected.
func Label(r *Result, c *catalog.Correction) string {
	return cmp.Or(c.Category, machineLabel(r, r.Classification.Category))
}

func machineLabel(r *Result, label string) string {
	if r.Err != nil {
		return ""
	}
	return label
}
