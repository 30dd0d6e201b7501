package main

import (
	"fmt"
	"strings"

	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// addedColumns are those that CSV and sheets have after the columns of the input.
var addedColumns = []column{
	{"category", ofClassification(func(c *credenza.Classification) table.Value { return table.TextValue(c.Category) })},
	{"confidence", ofClassification(func(c *credenza.Classification) table.Value {
		return table.Value{Kind: table.Number, Text: fmt.Sprintf("%.3f", c.Confidence)}
	})},
	{"needs_review", ofClassification(func(c *credenza.Classification) table.Value { return table.BoolValue(c.NeedsReview) })},
	{"styles", ofClassification(func(c *credenza.Classification) table.Value {
		return listText([]string{c.PrimaryStyle, c.SecondaryStyle})
	})},
	{"tags", ofClassification(func(c *credenza.Classification) table.Value { return listText(c.StyleTags, c.PlacementTags) })},
	{"error", text(func(r *credenza.Result) string { return errorText(r.Err, (*credenza.ItemError).Error) })},
	{"image_error", text(func(r *credenza.Result) string { return errorText(r.ImageErr, words) })},
}

// tracedColumns are those that --trace adds.
var tracedColumns = tracedOf("confidence_source", "primary_style", "secondary_style", "style_tags", "placement_tags", "reasoning",
	"evidence", "retryable", "backend", "model", "cached", "attempts", "latency_ms", "taxonomy_version")

func tracedOf(names ...string) []column {
	var traced []column
	for _, name := range names {
		for _, c := range fullColumns {
			if c.name == name {
				traced = append(traced, c)
			}
		}
	}
	return traced
}

// listText returns lists as one text with commas, without empty parts.
func listText(lists ...[]string) table.Value {
	var all []string
	for _, list := range lists {
		for _, s := range list {
			if s != "" {
				all = append(all, s)
			}
		}
	}
	return table.TextValue(strings.Join(all, ", "))
}

// words returns an error's message, or its reason if it has none.
func words(e *credenza.ItemError) string {
	if e.Message == "" {
		return e.Reason
	}
	return e.Message
}
