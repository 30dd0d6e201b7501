package llmsim

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"

	"github.com/tidwall/gjson"
)

// template is how answers to one schema are put together: a flat object, whose
// members come in the schema's order. All texts that it needs are made ready once.
type template struct {
	members []member
	end     *piece
}

type member struct {
	lead    *piece // from the member before it to this one's value
	kind    string // the schema's type, or "enum"
	choices []choice
}

// choice is one value of an enum: its first token, which shows the model's doubt,
// and what stands around it.
type choice struct {
	quote, rest *piece
	first       []byte
}

// newTemplate reads a schema. A strict one must also keep the provider's rules:
// all members are required, and no others are allowed.
func newTemplate(schema gjson.Result, strict bool) (*template, error) {
	properties := schema.Get("properties")
	if !schema.IsObject() || !properties.IsObject() {
		return nil, fmt.Errorf("a schema must be a JSON object with 'properties'")
	}
	if strict && schema.Get("additionalProperties").Raw != "false" {
		return nil, fmt.Errorf("'additionalProperties' is required to be supplied and to be false")
	}
	var required []string
	for _, name := range schema.Get("required").Array() {
		required = append(required, name.Str)
	}
	t := &template{end: newPiece("}")}
	separator := "{"
	for name, property := range properties.All() {
		if strict && !slices.Contains(required, name.Str) {
			return nil, fmt.Errorf("'required' is required to be supplied and to be an array including every key in properties; missing '%s'", name.Str)
		}
		m, err := newMember(property)
		if err != nil {
			return nil, fmt.Errorf("property '%s': %w", name.Str, err)
		}
		m.lead = newPiece(separator + name.Raw + ":")
		t.members = append(t.members, m)
		separator = ","
	}
	if len(t.members) == 0 {
		t.end = newPiece("{}")
	}
	return t, nil
}

func newMember(property gjson.Result) (m member, err error) {
	m.kind = property.Get("type").String()
	if first := property.Get("type.0"); first.Exists() { // a list, such as ["string","null"]
		m.kind = first.Str
	}
	for _, value := range property.Get("enum").Array() {
		m.kind = "enum"
		m.choices = append(m.choices, newChoice(value.Raw))
	}
	switch m.kind {
	case "enum", "string", "number", "boolean", "array":
		return m, nil
	}
	return m, fmt.Errorf("the type %q is not simulated: use string, number, boolean, array or an enum", m.kind)
}

func newChoice(raw string) choice {
	quote := ""
	if raw[0] == '"' {
		quote = `"`
	}
	first := tokenPattern.FindString(raw[len(quote):])
	return choice{newPiece(quote), newPiece(raw[len(quote)+len(first):]), []byte(first)}
}

// fill writes the answer of a template that belongs to a subject.
func (t *template) fill(a *answer, subject uint64, top int) {
	a.source.Seed(subject, 0)
	for i := range t.members {
		m := &t.members[i]
		a.add(m.lead)
		switch m.kind {
		case "enum":
			a.choose(m.choices, a.rand.IntN(len(m.choices)), top)
		case "number":
			a.add(numbers[a.rand.IntN(len(numbers))])
		case "boolean":
			a.add(booleans[a.rand.IntN(len(booleans))])
		case "array":
			a.phrases(3 + a.rand.IntN(3))
		default:
			a.phrase(5+a.rand.IntN(8), a.rand.IntN(len(words)))
		}
	}
	a.add(t.end)
}

// phrases writes a list. Neighbours differ in their first words.
func (a *answer) phrases(n int) {
	a.add(punctuation["["])
	first := a.rand.IntN(len(words))
	for i := range n {
		if i > 0 {
			a.add(punctuation[","])
		}
		a.phrase(1+a.rand.IntN(2), (first+i)%len(words))
	}
	a.add(punctuation["]"])
}

func (a *answer) phrase(n, first int) {
	a.add(punctuation[`"`])
	a.add(words[first])
	for range n - 1 {
		a.add(further[a.rand.IntN(len(further))])
	}
	a.add(punctuation[`"`])
}

// choose writes a choice. Its first token has a probability from 0.35 to almost 1,
// mostly high, and up to top-1 alternatives that share most of the rest.
func (a *answer) choose(choices []choice, n, top int) {
	c := &choices[n]
	a.add(c.quote)
	a.text = append(a.text, c.first...)
	a.escaped = appendEscaped(a.escaped, c.first)
	if p := 0.35 + 0.649*math.Sqrt(a.rand.Float64()); a.form != none {
		a.doubt(choices, n, top, p)
	}
	a.add(c.rest)
}

// doubt writes the log-probabilities of a choice's first token.
func (a *answer) doubt(choices []choice, n, top int, p float64) {
	first := choices[n].first
	a.tokens = append(appendToken(a.tokens, first, p), `,"top_logprobs":[`...)
	left := 1 - p
	for i := range min(top, len(choices)) {
		alternative := choices[(n+i)%len(choices)].first
		if i > 0 {
			if bytes.Equal(alternative, first) {
				continue
			}
			p = left * 0.6
			left -= p
		}
		a.tokens = append(appendToken(a.tokens, alternative, p), "},"...)
	}
	a.tokens = append(bytes.TrimSuffix(a.tokens, []byte(",")), "]},"...)
}

// piece is a part of an answer in all the forms in which it is written.
type piece struct {
	text    []byte
	escaped []byte    // as a part of a JSON string
	tokens  [2][]byte // its log-probabilities, without and with alternatives; each token ends with a comma
}

// none is the form of an answer without log-probabilities.
const none = -1

// certain is the probability of tokens that leave the model no doubt.
const certain = 0.9995

func newPiece(text string) *piece {
	p := &piece{text: []byte(text), escaped: appendEscaped(nil, []byte(text))}
	for _, token := range tokenPattern.FindAll(p.text, -1) {
		for listed := range p.tokens {
			b := append(appendToken(p.tokens[listed], token, certain), `,"top_logprobs":[`...)
			if listed == 1 { // asked for alternatives, a token is its own
				b = append(appendToken(b, token, certain), '}')
			}
			p.tokens[listed] = append(b, "]},"...)
		}
	}
	return p
}

// tokenPattern cuts a text as a tokeniser might: parts of words with the space or
// underscore before them, runs of punctuation, single other characters.
var tokenPattern = regexp.MustCompile(`[ _]?[0-9A-Za-z]{1,6}|[!-/:-@\[-^{-~` + "`" + `]{1,4}|(?s:.)`)

// appendToken appends a token without its last members.
func appendToken(dst, token []byte, probability float64) []byte {
	dst = append(dst, `{"token":"`...)
	dst = appendEscaped(dst, token)
	dst = append(dst, `","logprob":`...)
	dst = strconv.AppendFloat(dst, math.Log(probability), 'f', 6, 64)
	dst = append(dst, `,"bytes":[`...)
	for i, b := range token {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(b), 10)
	}
	return append(dst, ']')
}

// The texts that answers are made of. Words are plain ASCII.
var (
	words       = pieces("%s", vocabulary...)
	further     = pieces(" %s", vocabulary...)
	booleans    = pieces("%s", "true", "false")
	numbers     = hundredths()
	punctuation = map[string]*piece{"[": newPiece("["), "]": newPiece("]"), ",": newPiece(","), `"`: newPiece(`"`)}
	vocabulary  = []string{
		"amber", "broad", "calm", "clear", "close", "cool", "dense", "early", "even", "fair", "fine",
		"firm", "fresh", "full", "gentle", "grand", "keen", "large", "level", "light", "long", "low",
		"mild", "narrow", "neat", "open", "pale", "plain", "quiet", "rare", "ready", "rich", "round",
		"sharp", "short", "simple", "slim", "small", "smooth", "soft", "solid", "square", "steady",
		"still", "strong", "sturdy", "tall", "thin", "tidy", "warm", "wide", "bright", "common",
	}
)

func pieces(format string, texts ...string) (all []*piece) {
	for _, text := range texts {
		all = append(all, newPiece(fmt.Sprintf(format, text)))
	}
	return all
}

// hundredths are the numbers from 0.00 to 1.00, which suit a confidence.
func hundredths() (all []*piece) {
	for i := range 101 {
		all = append(all, newPiece(strconv.FormatFloat(float64(i)/100, 'f', -1, 64)))
	}
	return all
}
