package prompt

import (
	"bytes"
	"iter"
	"math"
	"strings"
)

// maxScan is the most bytes of a reply that are searched for the category.
const maxScan = 64 << 10

var categoryKey = []byte(`"category"`)

// Confidence returns the model's probability of the category, from the reply's tokens
// with their natural log-probabilities, in order. It reads no more tokens than
// necessary. It returns false if the value is not in the tokens.
//
// The result is the product of the probabilities of the tokens with any byte of the
// value. If another name begins with this one (BED, BEDDING), the token with the closing
// quote counts too, because only it separates them. Otherwise its alternatives are only
// formatting.
//
// The value is found in the joined tokens, because a token may end within a name or
// include its quotes.
func (p *Prompt) Confidence(category string, tokens iter.Seq2[string, float64]) (float64, bool) {
	var t tape
	for token, logprob := range tokens {
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
			return t.probability(begin, end), true
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

// probability multiplies the probabilities of the tokens with any byte of
// text[begin:end].
func (t *tape) probability(begin, end int) float64 {
	sum, start := 0.0, 0
	for i, stop := range t.ends {
		if stop > begin && start < end {
			sum += min(t.logs[i], 0) // rounding can make it positive
		}
		start = stop
	}
	p := math.Exp(sum)
	if math.IsNaN(p) {
		return 0
	}
	return p
}
