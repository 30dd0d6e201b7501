package prompt

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Limits of what is taken from a reply.
const (
	maxReplyBytes     = 64 << 10
	maxStyleTags      = 5
	maxPlacementTags  = 3
	maxTagBytes       = 60
	maxReasoningBytes = 1000
)

// Parse reads a model's reply. The verdict's confidence is the model's own; its
// evidence and review mark are left to the caller.
//
// A reply is usable if it holds exactly one JSON object with a category and a
// primary style of the taxonomy, a secondary style of it or none, and a
// confidence from 0 to 1. Servers that ignore the schema are met half way: a
// code fence, a "think" section and prose around the object are passed over;
// names may differ in case, spaces, hyphens and underscores; a confidence may be
// a string or a percentage from 2 to 100 (nothing between 1 and 2: that is
// neither); tags may be one string with commas, too many of them are cut, fewer
// or none are taken. Anything else is a MalformedAnswer fault.
func (p *Prompt) Parse(reply string) (catalog.Verdict, error) {
	w, err := readReply(reply)
	if err != nil {
		return catalog.Verdict{}, err
	}
	category, ok := p.categories.find(w.Category)
	if !ok {
		return catalog.Verdict{}, malformed("it named the category %q, which the taxonomy does not have", snip(w.Category))
	}
	primary, secondary, err := p.readStyles(&w)
	if err != nil {
		return catalog.Verdict{}, err
	}
	confidence, err := readConfidence(w.Confidence)
	if err != nil {
		return catalog.Verdict{}, err
	}
	return catalog.Verdict{
		Category:         category,
		Confidence:       confidence,
		ConfidenceSource: catalog.FromModel,
		PrimaryStyle:     primary,
		SecondaryStyle:   secondary,
		StyleTags:        cleanTags(w.StyleTags, maxStyleTags),
		PlacementTags:    cleanTags(w.PlacementTags, maxPlacementTags),
		Reasoning:        oneLine(w.Reasoning, maxReasoningBytes),
	}, nil
}

// readStyles returns the styles of an answer: none if the taxonomy has none.
func (p *Prompt) readStyles(w *wire) (primary, secondary string, err error) {
	if len(p.styles.list) == 0 {
		return "", "", nil
	}
	if primary, err = p.style(w.PrimaryStyle); err != nil {
		return "", "", err
	}
	switch fold(w.SecondaryStyle) {
	case "", "NULL", "NONE", "N/A", fold(primary):
		return primary, "", nil
	}
	secondary, err = p.style(w.SecondaryStyle)
	return primary, secondary, err
}

func (p *Prompt) style(s string) (string, error) {
	name, ok := p.styles.find(s)
	if !ok {
		return "", malformed("it named the style %q, which the taxonomy does not have", snip(s))
	}
	return name, nil
}

// wire is the answer as it comes. A null is an empty string.
type wire struct {
	Category       string          `json:"category"`
	Confidence     json.RawMessage `json:"confidence"`
	PrimaryStyle   string          `json:"primary_style"`
	SecondaryStyle string          `json:"secondary_style"`
	StyleTags      tags            `json:"style_tags"`
	PlacementTags  tags            `json:"placement_tags"`
	Reasoning      string          `json:"reasoning"`
}

// tags is a list, or one string with commas.
type tags []string

// UnmarshalJSON takes both forms, and null for none.
func (t *tags) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		*t = strings.Split(s, ",")
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// readReply finds the one answer in a reply.
func readReply(reply string) (wire, error) {
	if len(reply) > maxReplyBytes {
		return wire{}, malformed("it has %d bytes, at most %d are read", len(reply), maxReplyBytes)
	}
	if at := strings.LastIndex(reply, "</think>"); at >= 0 {
		reply = reply[at+len("</think>"):]
	}
	reply = strings.TrimSpace(reply)
	if reply == "" {
		return wire{}, malformed("it is empty")
	}
	var w wire
	if reply[0] == '{' {
		if err := json.Unmarshal([]byte(reply), &w); err == nil {
			return w, nil
		}
	}
	return searchReply([]byte(reply))
}

// searchReply reads the answer from the text around it.
func searchReply(text []byte) (wire, error) {
	var answer wire
	var why error
	answers := 0
	for object := range objects(text) {
		var w wire
		if err := json.Unmarshal(object, &w); err != nil {
			why = err
			continue
		}
		if w.Category != "" {
			answer = w
			answers++
		}
	}
	switch {
	case answers == 1:
		return answer, nil
	case answers > 1:
		return wire{}, malformed("it holds %d answers, and one was asked for", answers)
	default:
		f := malformed("it holds no JSON object with a category")
		if why != nil {
			f = fault.Wrap(why, f.Reason, "%s", f.Message)
		}
		return wire{}, f
	}
}

// maxOpenings bounds the places where an object is looked for, and with it the
// time that a reply full of braces can take.
const maxOpenings = 64

// objects yields the outermost balanced {...} of text, in order. An opening that
// never closes is passed over.
func objects(text []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for range maxOpenings {
			at := bytes.IndexByte(text, '{')
			if at < 0 {
				return
			}
			text = text[at:]
			end := closing(text)
			if end < 0 {
				text = text[1:]
				continue
			}
			if !yield(text[:end]) {
				return
			}
			text = text[end:]
		}
	}
}

// closing returns where the object at the beginning of text ends, or -1.
func closing(text []byte) int {
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// readConfidence takes 0..1, or 2..100 as a percentage, as a number or a string.
func readConfidence(raw json.RawMessage) (float64, error) {
	s := strings.Trim(string(raw), "\" \t\r\n")
	digits := strings.TrimSpace(strings.TrimSuffix(s, "%"))
	v, err := strconv.ParseFloat(digits, 64)
	switch {
	case err != nil || math.IsNaN(v):
		return 0, malformed("its confidence %q is no number", snip(s))
	case len(digits) != len(s) && v >= 0 && v <= 100, v >= 2 && v <= 100:
		return v / 100, nil
	case v < 0 || v > 1:
		return 0, malformed("its confidence %q is not between 0 and 1", snip(s))
	}
	return v, nil
}

// cleanTags trims tags, drops empty and doubled ones, and keeps the first limit.
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

// oneLine makes s a single line of valid UTF-8 of at most limit bytes.
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

// snip shortens what is quoted in a message.
func snip(s string) string { return oneLine(s, 40) }

func malformed(format string, args ...any) *fault.Fault {
	f := fault.New(fault.MalformedAnswer, format, args...)
	f.Message = "the model's answer cannot be used: " + f.Message + ": try again, or use a model that follows a JSON schema"
	return f
}
