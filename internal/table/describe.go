package table

import (
	"fmt"
	"slices"
	"strings"
)

// maxDescribed is how many columns a description names of those that fill no field.
const maxDescribed = 6

// String says in one line which column became what: "product_name from Title, id from
// Variant SKU or Handle; as they are: Vendor; left out: Published and 3 more".
func (m *Mapping) String() string {
	var byField [numFields][]*column
	var plain, hidden []string
	for _, c := range m.sampled {
		switch {
		case len(c.values) == 0:
			// It plays no part, as far as is known.
		case c.field != attribute && !m.yields(c):
			byField[c.field] = append(byField[c.field], c)
		case c.hidden:
			hidden = append(hidden, c.key)
		case strings.TrimSpace(c.key) != "":
			plain = append(plain, c.key)
		}
	}
	parts := []string{m.fields(&byField)}
	for _, list := range []struct {
		what string
		keys []string
	}{{"as attributes", plain}, {"left out", hidden}} {
		if len(list.keys) > 0 {
			parts = append(parts, list.what+": "+shortList(list.keys))
		}
	}
	return strings.Join(parts, "; ")
}

func (m *Mapping) fields(byField *[numFields][]*column) string {
	var parts []string
	for _, f := range []field{fieldName, fieldDescription, fieldType, fieldCategory, fieldStyles, fieldTags, fieldPrice, fieldImage, fieldPage, fieldID} {
		columns := byField[f]
		if len(columns) == 0 {
			continue
		}
		slices.SortStableFunc(columns, func(a, b *column) int { return a.rank - b.rank })
		var from []string
		for _, c := range columns {
			from = append(from, c.key)
		}
		parts = append(parts, fieldNames[f]+" from "+strings.Join(from[:min(len(from), maxDescribed)], " or "))
	}
	if len(parts) == 0 {
		return "no column is known to be the name or the picture"
	}
	return strings.Join(parts, ", ")
}

func shortList(keys []string) string {
	if len(keys) <= maxDescribed {
		return strings.Join(keys, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(keys[:maxDescribed], ", "), len(keys)-maxDescribed)
}

// ColumnMatch is a column of a file, the field that it fills, and values of it.
type ColumnMatch struct {
	Column string
	// Field is the name of a field, "attribute" for a column that the classifier sees as it
	// is, or "(left out)".
	Field string
	// Values are up to three different ones.
	Values []string
}

// Matches returns what became of each column of the sample, in the order of the file.
func (m *Mapping) Matches() []ColumnMatch {
	matches := make([]ColumnMatch, 0, len(m.sampled))
	for _, c := range m.sampled {
		match := ColumnMatch{Column: c.key, Field: fieldNames[c.field]}
		switch {
		case c.hidden && c.field == attribute:
			match.Field = "(left out)"
		case m.yields(c):
			match.Field = fieldNames[attribute]
		}
		for _, v := range c.values {
			const mostValues = 3
			if text := v.String(); len(match.Values) < mostValues && !slices.Contains(match.Values, text) {
				match.Values = append(match.Values, text)
			}
		}
		matches = append(matches, match)
	}
	return matches
}

// yields reports whether the column's field is filled by another one in all rows, and its
// own values are attributes.
func (m *Mapping) yields(c *column) bool {
	switch c.field {
	case fieldName, fieldDescription, fieldType, fieldCategory:
	default:
		return false
	}
	return slices.ContainsFunc(m.sampled, func(other *column) bool {
		return other.field == c.field && other.rank < c.rank && len(other.values) >= len(c.values)
	})
}
