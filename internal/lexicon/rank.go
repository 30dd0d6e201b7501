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

// Confidence is a logistic function of the margin (Platt, 1999) with these two
// constants. To derive them anew, compare "mean" with "accuracy" in the table by
// confidence that `credenza eval FILE` prints: raise the base where accuracy is the
// higher one at low confidences, the slope where it is at high ones. Where no word
// is known they give a little under one half, so that such items are looked at.
const (
	confidenceBase  = -0.7
	confidenceSlope = 6.0
	// fullScore is what a name says by itself: more makes nothing surer.
	fullScore = 1.0
)

// confidence is how probable it is that the first is right. A margin counts by how
// much was said at all: a single hint without a rival is no proof. What speaks for
// none of the choices, unnamed, is a rival too.
func (r ranking) confidence(choices int, unnamed float64) float64 {
	if r.top <= 0 {
		return 1 / float64(choices)
	}
	margin := max(0, r.top-max(r.next, unnamed)) / r.top * min(r.top, fullScore)
	return 1 / (1 + math.Exp(-(confidenceBase + confidenceSlope*margin)))
}
