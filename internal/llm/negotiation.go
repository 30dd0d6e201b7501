package llm

import (
	"slices"
	"strings"
)

// maxNegotiation is how many calls finding out what a site accepts may take. What is
// undecided by then stays out.
const maxNegotiation = 8

// negotiation finds the terms that a site accepts, by experiment. It is a plain value: it
// neither waits nor calls, and is guarded by its site.
//
// The richest terms go first. A refusal whose words name a part that was sent has that
// part lowered a step. If the words name nothing that is sent, everything optional is left
// out; and once the bare request is answered, parts are put back a group at a time until
// it is known which of them is refused. So words only choose what is tried first. If the
// bare request is refused too, each of lastResorts is tried alone.
type negotiation struct {
	offer terms // what is wanted
	now   terms // what the next call sends
	best  terms // what was last answered, if answered is set

	answered bool
	done     bool
	calls    int

	putting []part   // put back in the last call, undecided
	pending [][]part // to be put back later

	words        string // of the last refusal
	effortTried  bool
	effortSpoken bool // the site has spoken of values of the effort

	resorts [4]bool // which of lastResorts were tried
	failing bool    // the refusals were failures, which may have been an outage
}

func newNegotiation(offer terms) negotiation { return negotiation{offer: offer, now: offer} }

// putBack is the order in which parts are put back: the ones that are seldom refused
// together, then the form of the answer, then what confidence is read from. The last are the
// ways of lastResorts, in which nothing need stay if the refusals were an outage.
var putBack = [][]part{{partLimit, partTemperature}, {partFormat}, {partLogprobs}, {partCache}, {partSystem}, {partStream}}

func everything() (all []part) {
	for p := range numParts {
		all = append(all, p)
	}
	return all
}

// accepted notes that a call with n.now was answered.
func (n *negotiation) accepted() {
	n.calls++
	n.best, n.answered, n.putting = n.now, true, nil
	if n.failing && n.resorts != [4]bool{} { // perhaps it was an outage: everything at once
		n.failing = false
		n.pending = slices.Insert(n.pending, 0, everything())
	}
	n.next()
}

// next goes on to the parts that are to be put back, or ends the negotiation.
func (n *negotiation) next() {
	for len(n.pending) > 0 && n.calls < maxNegotiation {
		group := n.pending[0]
		n.pending = n.pending[1:]
		n.now = n.best
		for _, p := range group {
			n.now = n.now.with(p, n.offer)
		}
		if n.now != n.best {
			n.putting = group
			return
		}
	}
	n.now, n.done = n.best, true
}

// refused notes that a call with n.now was refused in these words, and chooses what to
// send next. It reports false if there is nothing left to leave out: the refusal is about
// something else.
func (n *negotiation) refused(words, code string, picture bool) bool {
	n.calls++
	words = strings.ToLower(words)
	again := unnumbered(words) == unnumbered(n.words)
	n.words = words
	switch {
	case n.putting != nil:
		n.putBackRefused()
		return true
	case n.calls >= maxNegotiation:
		return false
	}
	named := n.now.named(words)
	switch {
	case n.tryEffort(named, words, code):
	case len(named) > 0:
		n.lowerNamed(named, words, code, again)
	case n.resorts == [4]bool{} && n.now != n.now.bare(picture):
		n.now, n.pending = n.now.bare(picture), slices.Clone(putBack)
	case n.tryResort(picture):
	case picture && n.now.Pictures == withPictures:
		n.now.Pictures, n.offer.Pictures = noPictures, noPictures
	default:
		return false
	}
	return true
}

// lastResorts are other ways to ask the bare question, for servers that refuse even that:
// models without a system role, servers that give nothing but streams, and those that want a
// bound on answers. One whose words are in the refusal comes first.
var lastResorts = [...]struct {
	word string
	set  func(*terms)
}{
	{"role", func(t *terms) { t.System = inQuestion }},
	{"stream", func(t *terms) { t.Stream = withStream }},
	{"max_tokens", func(t *terms) { t.Limit = maxTokens }},
	{"stream_options", func(t *terms) { t.Stream = plainStream }},
}

// tryResort asks the bare question in another way. Once all were in vain, it goes back to the
// usual way: the refusal was about something else.
func (n *negotiation) tryResort(picture bool) bool {
	n.now = n.offer.bare(picture)
	next := -1
	for i, resort := range lastResorts {
		if said := strings.Contains(n.words, resort.word); !n.resorts[i] && (next < 0 || said) {
			next = i
		}
	}
	if next < 0 {
		clear(n.resorts[:])
		return false
	}
	lastResorts[next].set(&n.now)
	n.resorts[next] = true
	return true
}

// tryEffort asks for the least reasoning before temperature or log-probabilities are given
// up: newer models refuse those only while they reason.
func (n *negotiation) tryEffort(named []part, words, code string) bool {
	if n.effortTried || n.now.Effort != noEffort || len(named) == 0 || isUnknown(words, code) {
		return false
	}
	for _, p := range named {
		if p != partTemperature && p != partLogprobs {
			return false
		}
	}
	n.effortTried = true
	n.now.Effort = effortNone
	return true
}

func (n *negotiation) lowerNamed(named []part, words, code string, again bool) {
	if again && n.effortTried && !n.effortSpoken && !slices.Contains(named, partEffort) {
		n.now.Effort = noEffort // it made no difference
	}
	for _, p := range named {
		if p == partEffort {
			n.effortSpoken, n.effortTried = true, true
		}
		if n.isWhole(p, words, code) {
			n.now = n.now.without(p)
		} else {
			n.now, _ = n.now.lower(p)
		}
	}
}

// isWhole reports whether a refusal is of a part as a whole, and not of its value.
func (n *negotiation) isWhole(p part, words, code string) bool {
	switch p {
	case partEffort:
		return isUnknown(words, code)
	case partLogprobs:
		return !anyIn(words, []string{"top_logprobs", "top logprobs", "max allowed"})
	default:
		return false
	}
}

// putBackRefused takes back what the last call put back. A single part is tried a step
// lower, a group one by one.
func (n *negotiation) putBackRefused() {
	group := n.putting
	n.putting = nil
	switch {
	case len(group) == int(numParts): // it was no outage: group by group
	case len(group) > 1:
		for _, p := range slices.Backward(group) {
			n.pending = slices.Insert(n.pending, 0, []part{p})
		}
	default:
		if lower, ok := n.offer.lower(group[0]); ok {
			n.offer = lower
			n.pending = slices.Insert(n.pending, 0, group)
		}
	}
	n.next()
}

// isUnknown reports whether words speak of a parameter that is not known at all, and not
// of a value of it.
func isUnknown(words, code string) bool {
	switch code {
	case "unsupported_parameter", "unknown_parameter", "extra_forbidden":
		return true
	}
	return anyIn(words, []string{
		"unsupported parameter", "unknown parameter", "unrecognized", "unexpected keyword", "unknown field", "extra inputs", "extra fields",
		"unknown name", "additional properties", "extra_forbidden", "not a valid parameter",
	})
}
