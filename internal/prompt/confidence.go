package prompt

import (
	"bytes"
	"iter"
	"math"
	"strings"
)

// maxScan bounds how much of a reply is searched for the category, in bytes.
const maxScan = 64 << 10

var categoryKey = []byte(`"category"`)

// Confidence returns the probability that the model gave to the category, from
// the reply's tokens and their natural log-probabilities, in order. It reads no
// more tokens than it needs. False: the value was not found among the tokens.
//
// The probability of a text is the product of the probabilities of its tokens,
// each given those before. The tokens counted are those that hold any byte of
// the value: before them all categories are still possible, and after them the
// choice is made. The token that closes the quotes counts too where another name
// begins with this one (BED, BEDDING), since only it tells them apart; elsewhere
// its alternatives are mere formatting and would only blur the figure.
//
// The value is found by its place in the tokens put together, not by comparing
// tokens with names, as tokenisers cut names anywhere and may join them with the
// quotes around.
func (p *Prompt) Confidence(category string, tokens iter.Seq2[string, float64]) (float64, bool) {
	var t tape
	for token, logprob := range tokens {
		t.add(token, logprob)
		if len(t.text) > maxScan {
			return 0, false
		}
		if strings.IndexByte(token, '"') < 0 {
			continue // a value ends with a quote: nothing new to find
		}
		if first, end, ok := t.value(p, category); ok {
			if p.categories.nested[category] {
				end++
			}
			return t.probability(first, end), true
		}
	}
	return 0, false
}

// tape is a reply's tokens put together.
type tape struct {
	text []byte
	ends []int     // where each token ends in text
	logs []float64 // each token's log-probability
	from int       // text before it was searched
}

func (t *tape) add(token string, logprob float64) {
	t.text = append(t.text, token...)
	t.ends = append(t.ends, len(t.text))
	t.logs = append(t.logs, logprob)
}

// value returns where the value of a "category" key begins and ends, if it is
// complete and names the category.
func (t *tape) value(p *Prompt, category string) (first, end int, ok bool) {
	for {
		at := bytes.Index(t.text[t.from:], categoryKey)
		if at < 0 {
			t.from = max(t.from, len(t.text)-len(categoryKey)+1)
			return 0, 0, false
		}
		t.from += at
		first, end, state := quotedValue(t.text, t.from+len(categoryKey))
		switch state {
		case unfinished:
			return 0, 0, false
		case found:
			if name, known := p.categories.find(string(t.text[first:end])); known && name == category {
				return first, end, true
			}
		case notThere:
		}
		t.from += len(categoryKey)
	}
}

type scan uint8

const (
	notThere   scan = iota // something else follows the key
	unfinished             // more tokens are needed
	found
)

// quotedValue finds `: "value"` from i on.
func quotedValue(text []byte, i int) (first, end int, state scan) {
	for _, want := range []byte{':', '"'} {
		for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
			i++
		}
		if i == len(text) {
			return 0, 0, unfinished
		}
		if text[i] != want {
			return 0, 0, notThere
		}
		i++
	}
	n := bytes.IndexByte(text[i:], '"')
	if n < 0 {
		return 0, 0, unfinished
	}
	return i, i + n, found
}

// probability multiplies the tokens that hold any byte of text[first:end].
func (t *tape) probability(first, end int) float64 {
	sum, start := 0.0, 0
	for i, stop := range t.ends {
		if stop > first && start < end {
			sum += min(t.logs[i], 0) // rounding can bring it just above
		}
		start = stop
	}
	p := math.Exp(sum)
	if math.IsNaN(p) {
		return 0
	}
	return p
}
