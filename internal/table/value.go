package table

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Kind is the type of a value in its file and in JSON.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	Text
	Number
	Bool
	List
)

// Value is the content of a cell. The zero value is null.
type Value struct {
	Kind Kind
	// Text is the value of every kind but List, numbers and booleans included.
	Text string
	// List is the value of the kind List.
	List []string
}

// TextValue returns a text, or null for an empty one.
func TextValue(s string) Value {
	if s == "" {
		return Value{}
	}
	return Value{Kind: Text, Text: s}
}

// NumberValue returns a number, or null for NaN and the infinities, which JSON does not
// have.
func NumberValue(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{}
	}
	return Value{Kind: Number, Text: strconv.FormatFloat(f, 'g', -1, 64)}
}

// IntValue returns a whole number.
func IntValue(n int64) Value { return Value{Kind: Number, Text: strconv.FormatInt(n, 10)} }

// BoolValue returns a boolean.
func BoolValue(b bool) Value { return Value{Kind: Bool, Text: strconv.FormatBool(b)} }

// ListValue returns a list, which may be empty.
func ListValue(list []string) Value { return Value{Kind: List, List: list} }

// Blank reports whether the value is empty: null, white space, an empty list, or one of
// the words that data frames write for missing values.
func (v Value) Blank() bool {
	if v.Kind == List {
		return !slices.ContainsFunc(v.List, func(s string) bool { return !blankText(s) })
	}
	return blankText(v.Text)
}

// String returns the value as one text. A list is joined with ", ".
func (v Value) String() string {
	if v.Kind == List {
		return strings.Join(v.Strings(), ", ")
	}
	return strings.TrimSpace(v.Text)
}

// Strings returns the value as a list without blank parts. A text is split at
// commas, semicolons, bars and line ends; a list that Python has printed
// ("['a', 'b']") is understood.
func (v Value) Strings() []string {
	parts := v.List
	if v.Kind != List {
		parts = splitText(v.Text)
	}
	var list []string
	for _, part := range parts {
		if !blankText(part) {
			list = append(list, strings.TrimSpace(part))
		}
	}
	return list
}

// first returns the value as one text, of a list the first part that is not blank.
func (v Value) first() string {
	if v.Kind != List {
		return v.String()
	}
	for _, part := range v.List {
		if !blankText(part) {
			return strings.TrimSpace(part)
		}
	}
	return ""
}

func splitText(text string) []string {
	text = strings.TrimSpace(text)
	printed := strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") && len(text) > 1
	if printed {
		text = text[1 : len(text)-1]
	}
	parts := strings.FieldsFunc(text, func(r rune) bool {
		return r == ',' || r == ';' || r == '|' || r == '\n'
	})
	if printed {
		for i, part := range parts {
			parts[i] = strings.Trim(strings.TrimSpace(part), `'"`)
		}
	}
	return parts
}

// blankText reports whether pandas or Python's str or json write s for a missing value.
func blankText(s string) bool {
	s = strings.TrimSpace(s)
	if len(s) > len("<NA>") {
		return false
	}
	switch strings.ToLower(s) {
	case "", "nan", "none", "null", "nat", "<na>":
		return true
	}
	return false
}

// numberText returns a JSON number as people write it. A data frame turns the
// whole numbers of a column with gaps into 12.0, which is 12 again here; other
// decimals stay as they are, and exponents are written out as far as that helps.
func numberText(literal string) string {
	if strings.ContainsAny(literal, "eE") {
		f, err := strconv.ParseFloat(literal, 64)
		if err != nil || math.Abs(f) >= 1e15 || (f != 0 && math.Abs(f) < 1e-6) {
			return literal
		}
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	whole, fraction, _ := strings.Cut(literal, ".")
	if strings.Trim(fraction, "0") == "" {
		return whole
	}
	return literal
}
