package lexicon

import "math"

// ranking is the two best of some scores.
type ranking struct {
	first, second int // second is none where there is but one
	top, next     float64
}

// rank finds the two best; of equal ones the earlier.
func rank(scores []float64) ranking {
	r := ranking{first: 0, second: none, top: scores[0]}
	for i := 1; i < len(scores); i++ {
		switch score := scores[i]; {
		case score > r.top:
			r.second, r.next = r.first, r.top
			r.first, r.top = i, score
		case r.second == none || score > r.next:
			r.second, r.next = i, score
		}
	}
	return r
}

// The logistic curve from margin to probability (Platt, 1999), fitted to labelled
// catalogues with and without a shop's type. Where no word is known it gives a
// little under one half, which is how often the fallback is right then.
const (
	confidenceBase  = -0.6
	confidenceSlope = 6.4
	// fullScore is what a name says by itself: more makes nothing surer.
	fullScore = 1.0
)

// confidence is the probability, by how such margins turned out, that the first
// is right. A margin counts by how much was said at all: a single hint without
// a rival is no proof.
func (r ranking) confidence(choices int) float64 {
	if r.top <= 0 {
		return 1 / float64(choices)
	}
	margin := (r.top - r.next) / r.top * min(r.top, fullScore)
	return 1 / (1 + math.Exp(-(confidenceBase + confidenceSlope*margin)))
}
