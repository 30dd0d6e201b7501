package lexicon

import "math"

// ranking is the two best of a list of scores.
type ranking struct {
	first, second int // indexes; second is none if there is one score
	top, next     float64
}

// rank returns the two best scores. Of equal scores, the earlier is better.
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

// Confidence is a logistic function of the margin (Platt, 1999) with these constants.
// To derive them again, compare "mean" with "accuracy" in the table by confidence of
// `credenza eval FILE`: raise the base if accuracy is higher at low confidences, and the
// slope if it is higher at high ones. If no word is known, the result is a little under
// one half, so that such items need review.
const (
	confidenceBase  = -0.7
	confidenceSlope = 6.0
	// fullScore is the score of a name alone. A higher score does not raise confidence.
	fullScore = 1.0
)

// confidence returns the probability that the first choice is right. A low score
// reduces the margin: a single hint without a rival proves nothing. unnamed is the score
// of a product outside all choices, which is a rival too.
func (r ranking) confidence(choices int, unnamed float64) float64 {
	if r.top <= 0 {
		return 1 / float64(choices)
	}
	margin := max(0, r.top-max(r.next, unnamed)) / r.top * min(r.top, fullScore)
	return 1 / (1 + math.Exp(-(confidenceBase + confidenceSlope*margin)))
}
