package llm

import (
	"math"
	"time"
)

// traffic is how many calls a site has answered, and how many failed for reasons that need
// not be their items', at a time. What came since tells an item that always fails from one
// that has bad luck.
type traffic struct {
	site             *site
	answers, failure int64
}

const (
	// quotaPeriod is longer than the period of a quota of which the server's words do not say
	// that it is long: within it, an item that is throttled may only have come at a bad time.
	quotaPeriod = 2 * time.Minute
	// noChance is the probability below which failures in a row are not by chance.
	noChance = 1e-6
)

func (s *site) traffic() traffic { return traffic{s, s.answers.Load(), s.failures.Load()} }

// answered reports whether the site has answered anything since.
func (t traffic) answered() bool { return t.site.answers.Load() > t.answers }

// byChance reports whether n failures of one item may be chance, by what became of the other
// calls since.
func (t traffic) byChance(n int) bool {
	now := t.site.traffic()
	others := max(float64(now.failure-t.failure)-float64(n), 0) + 1 // one more, as little may be known
	return math.Pow(others/(others+float64(now.answers-t.answers)), float64(n)) > noChance
}
