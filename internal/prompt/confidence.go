package prompt

import (
	"bytes"
	"iter"
	"math"
	"strings"
)

// maxScan is the most bytes of a reply that are searched for the category.
const maxScan = 64 << 10

// overridden is the probability under which all of the names together are no choice of
// the model's: a grammar made it, and the log-probabilities are those from before.
const overridden = 0.05

var categoryKey = []byte(`"category"`)

// Tokens are a reply's tokens with their natural log-probabilities.
type Tokens interface {
	// All yields the tokens in order.
	All() iter.Seq2[string, float64]
	// Top yields the likeliest tokens at the place of token i, which has been yielded by
	// All; none if the server gives none.
	Top(i int) iter.Seq2[string, float64]
}

// Confidence returns the model's probability of the category among the taxonomy's names,
// from the reply's tokens. It reads no more tokens than necessary, and alternatives only
// of those with any byte of the name. It returns false if the value is not in the tokens,
// or if their probabilities say nothing about it: see overridden.
//
// The result is the product of the shares of the name's tokens: the probability of all
// that may still become this name, in that of all that may still become any name. Without
// alternatives, a token's share is its probability.
//
// If another name begins with this one (BED, BEDDING), the token with the closing quote
// counts too, because only it separates them. Otherwise its alternatives are only
// formatting.
//
// The value is found in the joined tokens, because a token may end within a name or
// include its quotes.
func (p *Prompt) Confidence(category string, tokens Tokens) (float64, bool) {
	var t tape
	for token, logprob := range tokens.All() {
		t.add(token, logprob)
		if len(t.text) > maxScan {
			return 0, false
		}
		if strings.IndexByte(token, '"') < 0 {
			continue // a value ends with a quote
		}
		if begin, end, ok := t.value(p, category); ok {
			if p.categories.nested[category] {
				end++
			}
			return t.probability(begin, end, tokens, &p.categories, category)
		}
	}
	return 0, false
}

// tape is the joined tokens of a reply.
type tape struct {
	text []byte
	ends []int     // offset of the end of each token in text
	logs []float64 // each token's log-probability
	from int       // text before this offset has been searched
}

func (t *tape) add(token string, logprob float64) {
	t.text = append(t.text, token...)
	t.ends = append(t.ends, len(t.text))
	t.logs = append(t.logs, logprob)
}

// value returns the offsets of the value of a "category" key, if it is complete and names
// the category.
func (t *tape) value(p *Prompt, category string) (begin, end int, ok bool) {
	for {
		at := bytes.Index(t.text[t.from:], categoryKey)
		if at < 0 {
			t.from = max(t.from, len(t.text)-len(categoryKey)+1)
			return 0, 0, false
		}
		t.from += at
		begin, end, state := quotedValue(t.text, t.from+len(categoryKey))
		switch state {
		case unfinished:
			return 0, 0, false
		case found:
			if name, known := p.categories.find(string(t.text[begin:end])); known && name == category {
				return begin, end, true
			}
		case absent:
		}
		t.from += len(categoryKey)
	}
}

type scan uint8

const (
	absent     scan = iota // something else follows the key
	unfinished             // more tokens are needed
	found
)

// quotedValue reads `: "value"` at offset i.
func quotedValue(text []byte, i int) (begin, end int, state scan) {
	for _, want := range []byte{':', '"'} {
		for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
			i++
		}
		if i == len(text) {
			return 0, 0, unfinished
		}
		if text[i] != want {
			return 0, 0, absent
		}
		i++
	}
	n := bytes.IndexByte(text[i:], '"')
	if n < 0 {
		return 0, 0, unfinished
	}
	return i, i + n, found
}

// probability multiplies the shares of the tokens with any byte of text[begin:end], and
// reports whether they are the model's choice.
func (t *tape) probability(begin, end int, tokens Tokens, names *names, category string) (float64, bool) {
	p, start := 1.0, 0
	for i, stop := range t.ends {
		if stop > begin && start < end {
			place := place{names: names, category: category, token: string(t.text[start:stop])}
			if start > begin {
				place.written = string(t.text[begin:start])
			} else {
				place.before = place.token[:begin-start]
			}
			share, ok := place.share(probability(t.logs[i]), tokens.Top(i))
			if !ok {
				return 0, false
			}
			p *= share
		}
		start = stop
	}
	return p, true
}

// probability is at most 1, which rounding can exceed, and 0 for what is no number.
func probability(logprob float64) float64 {
	p := math.Exp(min(logprob, 0))
	if math.IsNaN(p) {
		return 0
	}
	return p
}

// place is where one token of a name stands.
type place struct {
	names    *names
	category string
	token    string
	written  string // of the name, in the tokens before
	before   string // what the token has in front of the name
}

// share returns the probability of this name in that of all names, at this place, and
// false if the model has hardly thought of any name there. Alternatives that leave open
// which name they begin count for neither.
func (pl *place) share(chosen float64, top iter.Seq2[string, float64]) (float64, bool) {
	mass := [numReaches]float64{reachesThis: chosen}
	alternatives := false
	for token, logprob := range top {
		if token == pl.token {
			continue
		}
		alternatives = true
		// Without the cut, it is another formatting, of which the continuation is not known.
		if rest, ok := strings.CutPrefix(token, pl.before); ok {
			mass[pl.names.reach(pl.written+rest, pl.category)] += probability(logprob)
		}
	}
	this, others := mass[reachesThis], mass[reachesOthers]
	switch {
	case this+others+mass[reachesBoth] < overridden:
		return 0, false
	case !alternatives:
		return chosen, true
	}
	return this / (this + others), true
}

// reach is which names a beginning may become.
type reach uint8

const (
	reachesNone reach = iota
	reachesThis       // the category
	reachesOthers
	reachesBoth
	numReaches
)

// reach returns which names the text after the opening quote may become: it is the
// beginning of some, or has one up to the closing quote.
func (ns *names) reach(text, category string) (r reach) {
	name, _, closed := strings.Cut(text, `"`)
	name = fold(name)
	for folded, full := range ns.byFold {
		switch {
		case closed && folded != name, !strings.HasPrefix(folded, name):
		case full == category:
			r |= reachesThis
		default:
			r |= reachesOthers
		}
	}
	return r
}
