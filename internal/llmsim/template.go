package llmsim

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/tidwall/gjson"
)

// variants is how many answers a template has. A power of two.
const variants = 512

// template writes answers to one schema: a flat object, whose members come in the
// schema's order. Each of its answers is written once.
type template struct {
	members     []member
	logprobs    bool
	topLogprobs int
	written     [variants]atomic.Pointer[content]
}

type member struct {
	name    string // as JSON
	kind    string // the schema's type, or "enum"
	choices []string
}

// content is what an answer says.
type content struct {
	text   string
	tokens string // log-probabilities, as the elements of a JSON array; empty: none to give
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
	t := new(template)
	required := schema.Get("required").Array()
	for name, property := range properties.All() {
		if strict && !slices.ContainsFunc(required, func(r gjson.Result) bool { return r.Str == name.Str }) {
			return nil, fmt.Errorf("'required' is required to be supplied and to be an array including every key in properties; missing '%s'", name.Str)
		}
		kind := cmp.Or(property.Get("type").Str, property.Get("type.0").Str) // a list is such as ["string","null"]
		m := member{name: name.Raw, kind: kind}
		for _, value := range property.Get("enum").Array() {
			m.kind, m.choices = "enum", append(m.choices, value.Raw)
		}
		if !slices.Contains([]string{"enum", "string", "number", "boolean", "array"}, m.kind) {
			return nil, fmt.Errorf("property '%s': the type %q is not simulated: use string, number, boolean, array or an enum", name.Str, m.kind)
		}
		t.members = append(t.members, m)
	}
	return t, nil
}

// answer returns the answer that belongs to a subject.
func (t *template) answer(subject uint64) *content {
	place := &t.written[subject%variants]
	if place.Load() == nil {
		place.Store(t.write(rand.New(rand.NewPCG(subject%variants, 0))))
	}
	return place.Load()
}

func (t *template) write(r *rand.Rand) *content {
	text, doubts := []byte("{"), make(map[int][]string)
	for i, m := range t.members {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(text, m.name...), ':')
		switch m.kind {
		case "enum":
			n := r.IntN(len(m.choices))
			chosen := m.choices[n]
			doubts[len(text)+len(chosen)-len(bare(chosen))] = slices.Concat(m.choices[n:], m.choices[:n])
			text = append(text, chosen...)
		case "number": // fits a confidence
			text = strconv.AppendFloat(text, math.Round(r.Float64()*100)/100, 'f', -1, 64)
		case "boolean":
			text = strconv.AppendBool(text, r.IntN(2) == 0)
		case "array": // neighbours differ in their first words
			list, first := make([]string, 3+r.IntN(3)), r.IntN(len(words))
			for i := range list {
				list[i] = phrase(r, first+i, r.IntN(2))
			}
			text = append(text, `["`+strings.Join(list, `","`)+`"]`...)
		default:
			text = append(text, `"`+phrase(r, r.IntN(len(words)), 4+r.IntN(8))+`"`...)
		}
	}
	written := &content{text: string(append(text, '}'))}
	if t.logprobs {
		written.tokens = t.tokens(written.text, doubts, r)
	}
	return written
}

// words are plain ASCII, so that they need no escapes.
var words = strings.Fields(`amber broad calm clear close cool dense early even fair fine firm fresh full gentle
	grand keen large level light long low mild narrow neat open pale plain quiet rare ready rich round sharp
	short simple slim small smooth soft solid square steady still strong sturdy tall thin tidy warm wide bright`)

func phrase(r *rand.Rand, first, further int) string {
	text := words[first%len(words)]
	for range further {
		text += " " + words[r.IntN(len(words))]
	}
	return text
}

// tokenPattern cuts a text as a tokeniser might: parts of words with the space or
// underscore before them, runs of punctuation, single other characters.
var tokenPattern = regexp.MustCompile(`[ _]?[0-9A-Za-z]{1,6}|[!-/:-@\[-^{-~` + "`" + `]{1,4}|(?s:.)`)

// bare returns a value from JSON without the quote before it.
func bare(value string) string { return strings.TrimPrefix(value, `"`) }

// tokens cuts a text into tokens with their log-probabilities. What is forced is
// almost certain; the first token of a choice has a probability from 0.35 to almost
// 1, mostly high, and its alternatives, the other choices' first tokens, share most
// of the rest. Each token has as many alternatives as were asked for: what the other
// choices leave free goes to words, which no schema would allow.
func (t *template) tokens(text string, doubts map[int][]string, r *rand.Rand) string {
	var dst []byte
	for _, at := range tokenPattern.FindAllStringIndex(text, -1) {
		token, choices := text[at[0]:at[1]], doubts[at[0]]
		p, likely := 0.9995, []string{token}
		if len(choices) > 0 {
			p = 0.35 + 0.649*math.Sqrt(r.Float64())
		}
		for _, choice := range choices {
			if first := tokenPattern.FindString(bare(choice)); first != token {
				likely = append(likely, first)
			}
		}
		likely = append(likely, words...)
		top := make([]string, min(max(t.topLogprobs, 0), len(likely)))
		for i, part, left := 0, p, 1-p; i < len(top); i, part, left = i+1, left*0.6, left*0.4 {
			top[i] = tokenJSON(likely[i], part) + "}"
		}
		if len(dst) > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, tokenJSON(token, p)+`,"top_logprobs":[`+strings.Join(top, ",")+"]}"...)
	}
	return string(dst)
}

// tokenJSON returns a token as an object that is still open.
func tokenJSON(token string, probability float64) string {
	numbers := strings.ReplaceAll(fmt.Sprintf("%d", []byte(token)), " ", ",")
	return fmt.Sprintf(`{"token":%s,"logprob":%.6f,"bytes":%s`, gjson.AppendJSONString(nil, token), math.Log(probability), numbers)
}
