package catalog

import (
	"cmp"
	"slices"
)

// MaxAlternatives is the most alternatives of a classification.
const MaxAlternatives = 9

// leastProbability is the least that an alternative is kept for, unless it is the answer.
const leastProbability = 0.001

// Alternative is a category that an answer might have been, with its probability from 0
// to 1.
type Alternative struct {
	Category    string  `cbor:"1,keyasint,omitempty"`
	Probability float64 `cbor:"2,keyasint,omitempty"`
}

// NewAlternatives returns the alternatives of a classification: the answer and the likeliest
// others, the most likely first. Of equal ones the answer is first, then they are in
// alphabetical order. Together they are at most 1; if they would be more, the others are
// made smaller, and never the answer. Others of the answer's category count for nothing.
//
// It changes the order and the values of others, which it does not keep.
func NewAlternatives(answer Alternative, others []Alternative) []Alternative {
	others = slices.DeleteFunc(others, func(a Alternative) bool {
		return a.Category == answer.Category || !(a.Probability >= leastProbability) // also NaN
	})
	slices.SortFunc(others, func(a, b Alternative) int {
		return cmp.Or(cmp.Compare(b.Probability, a.Probability), cmp.Compare(a.Category, b.Category))
	})
	others = others[:min(len(others), MaxAlternatives-1)]
	shrink(others, 1-answer.Probability)
	at := 0
	for at < len(others) && others[at].Probability > answer.Probability {
		at++
	}
	list := make([]Alternative, 0, len(others)+1)
	return append(append(append(list, others[:at]...), answer), others[at:]...)
}

// shrink scales probabilities that are more than bound together. Just less than bound
// counts as more, because a sum in another order may be rounded up.
func shrink(list []Alternative, bound float64) {
	const slack = 1e-12
	sum := 0.0
	for i := range list {
		sum += list[i].Probability
	}
	if bound = max(0, bound-slack); sum <= bound {
		return
	}
	for i := range list {
		list[i].Probability *= bound / sum
	}
}
