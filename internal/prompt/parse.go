package prompt

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Limits of a reply. Longer replies are rejected, longer lists and texts cut off.
const (
	maxStyleTags      = 5
	maxPlacementTags  = 3
	maxTagBytes       = 60
	maxReasoningBytes = 1000
)

// Parse reads a model's reply. The classification's confidence is the model's own, or else
// catalog.NoConfidence; the caller sets its evidence and review mark.
//
// A reply must contain one JSON object with a category and a primary style of the
// taxonomy, and a secondary style of it or none; without styles in the taxonomy, none
// are read. For servers that ignore the schema, Parse also accepts what readReply does,
// and:
//   - names that differ in case, spaces, hyphens, underscores and accents, are in the plural,
//     have a number, a label or marks around them ("2. **Sofa**"), or an explanation behind
//     them that speaks of no other name ("Sofa (two seats)"),
//   - a confidence as a string, or as a percentage from 2 to 100; any other one, or none,
//     is not known,
//   - tags in one string with commas, and too many or too few tags,
//   - lists of strings, and objects with a name or value, for strings; other types count as empty.
//
// Anything else is a MalformedAnswer fault.
func (p *Prompt) Parse(reply string) (catalog.Classification, error) { return p.parse(reply, false) }

// ParseCut is Parse for a reply that the server cut off, and would cut off again. The
// category and the primary style must be whole; the members that did not come are empty.
func (p *Prompt) ParseCut(reply string) (catalog.Classification, error) { return p.parse(reply, true) }

func (p *Prompt) parse(reply string, mayBreakOff bool) (catalog.Classification, error) {
	w, err := readReply(reply, mayBreakOff)
	if err != nil {
		return catalog.Classification{}, err
	}
	category, ok := p.categories.find(string(w.Category))
	if !ok {
		return catalog.Classification{}, malformed("it named the category %q, which the taxonomy does not have", snip(string(w.Category)))
	}
	primary, secondary, err := p.readStyles(&w)
	if err != nil {
		return catalog.Classification{}, err
	}
	v := catalog.Classification{
		Category:         category,
		ConfidenceSource: catalog.NoConfidence,
		PrimaryStyle:     primary,
		SecondaryStyle:   secondary,
		StyleTags:        cleanTags(w.StyleTags, maxStyleTags),
		PlacementTags:    cleanTags(w.PlacementTags, maxPlacementTags),
		Reasoning:        oneLine(string(w.Reasoning), maxReasoningBytes),
	}
	if w.Confidence.known {
		v.Confidence, v.ConfidenceSource = w.Confidence.value, catalog.FromModel
	}
	return v, nil
}

// readStyles returns the styles of an answer: none if the taxonomy has none.
func (p *Prompt) readStyles(w *wire) (primary, secondary string, err error) {
	if len(p.styles.list) == 0 {
		return "", "", nil
	}
	if primary, err = p.style(string(w.PrimaryStyle)); err != nil {
		return "", "", err
	}
	switch fold(string(w.SecondaryStyle)) {
	case "", "NULL", "NONE", "N/A", "NA", "NIL", "UNDEFINED", "NOTAPPLICABLE", "NOTHING", "—", "–", fold(primary):
		return primary, "", nil
	}
	secondary, err = p.style(string(w.SecondaryStyle))
	return primary, secondary, err
}

func (p *Prompt) style(s string) (string, error) {
	name, ok := p.styles.find(s)
	if !ok {
		return "", malformed("it named the style %q, which the taxonomy does not have", snip(s))
	}
	return name, nil
}

// wire is the answer as the model writes it.
type wire struct {
	Category       text       `json:"category"`
	Confidence     confidence `json:"confidence"`
	PrimaryStyle   text       `json:"primary_style"`
	SecondaryStyle text       `json:"secondary_style"`
	StyleTags      tags       `json:"style_tags"`
	PlacementTags  tags       `json:"placement_tags"`
	Reasoning      text       `json:"reasoning"`
}

// agrees reports whether two answers say the same of the product.
func (w *wire) agrees(o *wire) bool {
	return fold(string(w.Category)) == fold(string(o.Category)) && fold(string(w.PrimaryStyle)) == fold(string(o.PrimaryStyle)) &&
		fold(string(w.SecondaryStyle)) == fold(string(o.SecondaryStyle))
}

// errContradiction is the error for a member that an object has several times with different
// values. Null, empty and unusable values contradict none, so that their order never decides.
var errContradiction = errors.New("different values for one member")

// text is a string, a list of strings, which are joined, or an object with its name or value
// in a string. What is none of these is empty.
type text string

// UnmarshalJSON fails only with errContradiction.
func (t *text) UnmarshalJSON(data []byte) error {
	now := readText(data)
	switch {
	case now == "", now == *t:
		return nil
	case *t != "":
		return errContradiction
	}
	*t = now
	return nil
}

func readText(data []byte) (t text) {
	switch {
	case data[0] == 'n': // null
		return ""
	case data[0] == '"' && bytes.IndexByte(data, '\\') < 0: // as it mostly is
		return text(data[1 : len(data)-1])
	}
	var one string
	var list []text
	switch {
	case json.Unmarshal(data, &one) == nil:
		t = text(one)
	case json.Unmarshal(data, &list) == nil:
		for _, s := range list {
			t = text(strings.TrimSpace(string(t + " " + s)))
		}
	default:
		var o struct{ Name, Value, Label string }
		if json.Unmarshal(data, &o) == nil && (o.Name == "" || o.Value == "") && (o.Name+o.Value == "" || o.Label == "") {
			t = text(o.Name + o.Value + o.Label)
		}
	}
	return t
}

// tags is a list, or one string with commas. What is neither is no tag.
type tags []string

// UnmarshalJSON fails only with errContradiction.
func (t *tags) UnmarshalJSON(data []byte) error {
	before := *t
	*t = nil // another array than before's
	t.read(data)
	switch {
	case len(before) == 0:
	case len(*t) == 0:
		*t = before
	case !slices.Equal(before, *t):
		*t = before
		return errContradiction
	}
	return nil
}

func (t *tags) read(data []byte) {
	if json.Unmarshal(data, (*[]string)(t)) == nil { // as it should be
		return
	}
	*t = nil
	var one string
	var list []text
	switch {
	case json.Unmarshal(data, &one) == nil:
		*t = strings.Split(one, ",")
	case json.Unmarshal(data, &list) == nil:
		for _, s := range list {
			*t = append(*t, string(s))
		}
	}
}

// confidence is what a model says of its own answer, if that can be used.
type confidence struct {
	value float64
	known bool
}

// UnmarshalJSON reads 0 to 1, or a percentage of 2 to 100, as a number or a string. All
// else is not known. It fails only with errContradiction.
func (c *confidence) UnmarshalJSON(data []byte) error {
	now := readConfidence(data)
	switch {
	case !now.known, now == *c:
		return nil
	case c.known:
		return errContradiction
	}
	*c = now
	return nil
}

func readConfidence(data []byte) confidence {
	s := strings.Trim(string(data), "\" \t\r\n")
	digits := strings.TrimSpace(strings.TrimSuffix(s, "%"))
	v, err := strconv.ParseFloat(digits, 64)
	switch {
	case err != nil:
	case len(digits) != len(s) && v >= 0 && v <= 100, v >= 2 && v <= 100:
		return confidence{v / 100, true}
	case v >= 0 && v <= 1:
		return confidence{v, true}
	}
	return confidence{}
}

// cleanTags returns the first limit tags, trimmed, without empty and repeated ones.
func cleanTags(raw []string, limit int) []string {
	out := make([]string, 0, min(len(raw), limit))
	for _, s := range raw {
		if len(out) == limit {
			break
		}
		s = strings.Trim(oneLine(s, maxTagBytes), " \"'`#*.;")
		if s != "" && !containsFold(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func containsFold(list []string, s string) bool {
	for _, have := range list {
		if strings.EqualFold(have, s) {
			return true
		}
	}
	return false
}

// oneLine returns s as a single line of valid UTF-8 with at most limit bytes.
func oneLine(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case r >= utf8.RuneSelf && catalog.Hidden(r):
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return strings.TrimRight(s[:limit], " ")
}

// snip shortens a quotation in a message.
func snip(s string) string { return oneLine(s, 40) }

func malformed(format string, args ...any) *fault.Fault {
	f := fault.New(fault.MalformedAnswer, format, args...)
	f.Message = "the model's answer cannot be used: " + f.Message + ": try again, or use a model that follows a JSON schema"
	return f
}
