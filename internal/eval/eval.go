// Package eval measures classifications of labelled items.
//
//	Sample (wanted, got, confidence, group) -> Scorer -> Report
//
// One figure is not enough: a classifier that always answers STORAGE is right for half
// of some catalogues, and a shop with wrong answers only disappears in the mean. So a
// Scorer keeps a confusion matrix for all items and for each group, and ten bins of
// confidence. It keeps counts instead of samples, so memory depends on the number of
// categories and groups.
package eval

import (
	"fmt"
	"math"
	"slices"
)

// Bins is the number of equal ranges of confidence.
const Bins = 10

// Sample is one labelled item with its classification.
type Sample struct {
	// Want is the label.
	Want string
	// Got is the classifier's category. It is ignored if there is a Failure.
	Got string
	// Confidence is the classifier's, 0 to 1.
	Confidence float64
	// Group is the group that the item is reported with. If it is empty in all samples,
	// there are no groups.
	Group string
	// Failure is the reason of an item without a category, such as "REFUSED".
	Failure string
}

// Scorer counts samples. It is not safe for concurrent use.
type Scorer struct {
	categories []string
	place      map[string]int
	all        matrix
	groups     map[string]*matrix
	failures   map[string]int
	bins       [Bins]bin
}

// matrix is a confusion matrix, with a count of the items without an answer.
type matrix struct {
	counts [][]int // wanted, then got
	failed int
}

type bin struct {
	count, correct int
	confidence     float64 // the sum
}

// NewScorer returns a scorer for the categories, in the order of reports. There must be
// at least one, and none twice.
func NewScorer(categories []string) (*Scorer, error) {
	s := &Scorer{
		categories: slices.Clone(categories),
		place:      make(map[string]int, len(categories)),
		groups:     map[string]*matrix{},
		failures:   map[string]int{},
	}
	for i, name := range categories {
		if _, twice := s.place[name]; twice {
			return nil, fmt.Errorf("eval: the category %q is there twice", name)
		}
		s.place[name] = i
	}
	if len(categories) == 0 {
		return nil, fmt.Errorf("eval: there are no categories")
	}
	s.all = newMatrix(len(categories))
	return s, nil
}

func newMatrix(n int) matrix {
	m := matrix{counts: make([][]int, n)}
	for i := range m.counts {
		m.counts[i] = make([]int, n)
	}
	return m
}

// Knows reports whether the scorer has the category.
func (s *Scorer) Knows(category string) bool {
	_, ok := s.place[category]
	return ok
}

// Add counts a sample. A label or an answer that is not one of the categories and a
// confidence outside 0 to 1 are errors, and the sample is not counted.
func (s *Scorer) Add(x Sample) error {
	want, ok := s.place[x.Want]
	if !ok {
		return fmt.Errorf("eval: the label %q is not one of the categories", x.Want)
	}
	got := s.place[x.Got]
	if x.Failure == "" {
		if !s.Knows(x.Got) {
			return fmt.Errorf("eval: the answer %q is not one of the categories", x.Got)
		}
		if math.IsNaN(x.Confidence) || x.Confidence < 0 || x.Confidence > 1 {
			return fmt.Errorf("eval: the confidence %v is not from 0 to 1", x.Confidence)
		}
	}
	for _, m := range []*matrix{&s.all, s.group(x.Group)} {
		m.add(want, got, x.Failure != "")
	}
	if x.Failure != "" {
		s.failures[x.Failure]++
		return nil
	}
	s.bins[min(int(x.Confidence*Bins), Bins-1)].add(x)
	return nil
}

func (s *Scorer) group(name string) *matrix {
	m, ok := s.groups[name]
	if !ok {
		fresh := newMatrix(len(s.categories))
		m = &fresh
		s.groups[name] = m
	}
	return m
}

func (m *matrix) add(want, got int, failed bool) {
	if failed {
		m.failed++
		return
	}
	m.counts[want][got]++
}

func (b *bin) add(x Sample) {
	b.count++
	b.confidence += x.Confidence
	if x.Want == x.Got {
		b.correct++
	}
}
