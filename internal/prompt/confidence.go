package prompt

import (
	"bytes"
	"iter"
	"math"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// maxScan is the most bytes of a reply that are searched for the category.
const maxScan = 64 << 10

// overridden is the probability under which all of the names together are not the model's
// choice: a grammar made it, and the log-probabilities are those from before.
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
// from the reply's tokens, and the likeliest names with theirs, as
// catalog.NewAlternatives does; none if the server gives no alternatives of tokens. It
// reads no more tokens than necessary, and alternatives only of those with any byte of the
// name. It returns false if the value is not in the tokens, or if their probabilities say
// nothing about it: see overridden.
//
// The result is the product of the shares of the name's tokens: the probability of all
// that may still become this name, in that of all that may still become any name. Without
// alternatives, a token's share is its probability. Another name's probability is the
// product of the shares up to the token that only this name has, and its share there. What
// may still become several other names counts for none of them.
//
// If another name begins with this one (BED, BEDDING), the token with the closing quote
// counts too, because only it separates them. Otherwise its alternatives are only
// formatting.
//
// The value is found in the joined tokens, because a token may end within a name or
// include its quotes.
func (p *Prompt) Confidence(category string, tokens Tokens) (float64, []catalog.Alternative, bool) {
	var t joinedTokens
	for token, logprob := range tokens.All() {
		t.add(token, logprob)
		if len(t.text) > maxScan {
			return 0, nil, false
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
	return 0, nil, false
}

// joinedTokens are the tokens of a reply as one text.
type joinedTokens struct {
	text []byte
	ends []int     // offset of the end of each token in text
	logs []float64 // each token's log-probability
	from int       // text before this offset has been searched
}

func (t *joinedTokens) add(token string, logprob float64) {
	t.text = append(t.text, token...)
	t.ends = append(t.ends, len(t.text))
	t.logs = append(t.logs, logprob)
}

// value returns the offsets of the value of a "category" key, if it is complete and names
// the category.
func (t *joinedTokens) value(p *Prompt, category string) (begin, end int, ok bool) {
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
func (t *joinedTokens) probability(begin, end int, tokens Tokens, names *names, category string) (float64, []catalog.Alternative, bool) {
	w, start := weighing{names: names, category: category, product: 1}, 0
	for i, stop := range t.ends {
		if stop > begin && start < end {
			place := place{token: string(t.text[start:stop])}
			if start > begin {
				place.written = string(t.text[begin:start])
			} else {
				place.before = place.token[:begin-start]
			}
			if !w.add(place, probability(t.logs[i]), tokens.Top(i)) {
				return 0, nil, false
			}
		}
		start = stop
	}
	return w.product, w.alternatives(), true
}

// probability is at most 1, which rounding can exceed, and 0 for what is not a number.
func probability(logprob float64) float64 {
	p := math.Exp(min(logprob, 0))
	if math.IsNaN(p) {
		return 0
	}
	return p
}

// place is the part of a name that one token has.
type place struct {
	token   string
	written string // of the name, in the tokens before
	before  string // what the token has in front of the name
}

// weighing is the probability of a name, token by token, and of the names that the model
// did not choose.
type weighing struct {
	names    *names
	category string
	product  float64 // of the shares of the name's tokens so far
	given    bool    // a place had alternatives
	others   []catalog.Alternative
}

// add multiplies the product by the probability of this name in that of all names, at one
// place. It returns false if the names have hardly any probability there. Alternatives
// that leave open which name they begin count for neither.
func (w *weighing) add(pl place, chosen float64, top iter.Seq2[string, float64]) bool {
	mass := [numReaches]float64{reachesThis: chosen}
	alternatives, before := false, len(w.others)
	for token, logprob := range top {
		if token == pl.token {
			continue
		}
		alternatives = true
		// Without the cut, it is another formatting, of which the continuation is not known.
		if rest, ok := strings.CutPrefix(token, pl.before); ok {
			r, name := w.names.reach(pl.written+rest, w.category)
			mass[r] += probability(logprob)
			if name != "" {
				w.addOther(before, name, probability(logprob))
			}
		}
	}
	this, others := mass[reachesThis], mass[reachesOthers]
	switch {
	case this+others+mass[reachesBoth] < overridden, this+others == 0:
		return false
	case !alternatives:
		w.product *= chosen
		return true
	}
	w.given = true
	for i := range w.others[before:] {
		w.others[before+i].Probability *= w.product / (this + others)
	}
	w.product *= this / (this + others)
	return true
}

// addOther adds to a name's probability at one place, whose entries begin at from.
func (w *weighing) addOther(from int, name string, p float64) {
	for i := range w.others[from:] {
		if w.others[from+i].Category == name {
			w.others[from+i].Probability += p
			return
		}
	}
	if w.others == nil {
		w.others = make([]catalog.Alternative, 0, 4)
	}
	w.others = append(w.others, catalog.Alternative{Category: name, Probability: p})
}

// alternatives returns the names with their probabilities, none if no place had any.
func (w *weighing) alternatives() []catalog.Alternative {
	if !w.given {
		return nil
	}
	all := w.others
	w.others = all[:0]
	for _, a := range all { // a name may be an alternative at several places
		w.addOther(0, a.Category, a.Probability)
	}
	return catalog.NewAlternatives(catalog.Alternative{Category: w.category, Probability: w.product}, w.others)
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
// beginning of some, or has one up to the closing quote. other is the name if it may become
// just one, and that is not the category.
func (ns *names) reach(text, category string) (r reach, other string) {
	name, _, closed := strings.Cut(text, `"`)
	name = fold(name)
	found := 0
	for i, folded := range ns.folded {
		switch {
		case closed && folded != name, !strings.HasPrefix(folded, name):
			continue
		case ns.list[i] == category:
			r |= reachesThis
		default:
			r |= reachesOthers
			other = ns.list[i]
		}
		found++
	}
	if found > 1 {
		other = ""
	}
	return r, other
}
