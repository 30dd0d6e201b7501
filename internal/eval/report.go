package eval

import (
	"maps"
	"math"
	"slices"
)

// Scores are the figures of one set of items.
type Scores struct {
	// Items is the number of all items, Answered of those with a category, and Failed
	// of the others. The figures below are of the answered items.
	Items    int `json:"items"`
	Answered int `json:"answered"`
	Failed   int `json:"failed"`
	Correct  int `json:"correct"`
	// Accuracy is Correct / Answered, 0 if nothing was answered.
	Accuracy float64 `json:"accuracy"`
	// MacroF1 is the mean F1 of the categories that occur as a label or an answer.
	MacroF1 float64 `json:"macro_f1"`
}

// Report is the result of a Scorer.
type Report struct {
	Scores
	// FailuresByReason counts the failed items.
	FailuresByReason map[string]int `json:"failures_by_reason"`
	// Categories are all categories in the scorer's order.
	Categories []CategoryScores `json:"categories"`
	// Groups are sorted by name. Empty if no sample has a group.
	Groups []GroupScores `json:"groups,omitempty"`
	// Confusion has a row for each label and a column for each answer, in the
	// order of Categories.
	Confusion [][]int `json:"confusion"`
	// Calibration is by confidence, lowest first.
	Calibration []Calibration `json:"calibration"`
	// CalibrationError is the expected calibration error, 0 to 1: the mean difference
	// of confidence and accuracy over the answered items (Naeini et al., AAAI 2015, with
	// ten ranges of equal width).
	CalibrationError float64 `json:"calibration_error"`
}

// CategoryScores are the figures of one category.
type CategoryScores struct {
	Name string `json:"name"`
	// Support is the number of answered items with this label, Predicted of those with
	// this answer.
	Support   int `json:"support"`
	Predicted int `json:"predicted"`
	// Precision, Recall and F1 are 0 if they are not defined.
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
}

// GroupScores are the figures of one group.
type GroupScores struct {
	Name string `json:"name"`
	Scores
}

// Calibration is the figures of the items with a confidence in one range.
type Calibration struct {
	// From is in the range, and To is not, except 1 in the last range.
	From float64 `json:"from"`
	To   float64 `json:"to"`
	// Items is the number of answered items. If it is 0, so are the other figures.
	Items int `json:"items"`
	// Confidence is the mean confidence.
	Confidence float64 `json:"confidence"`
	Accuracy   float64 `json:"accuracy"`
}

// Report returns the figures of the samples so far.
func (s *Scorer) Report() Report {
	r := Report{
		Scores:           s.all.scores(),
		FailuresByReason: maps.Clone(s.failures),
		Categories:       s.all.categories(s.categories),
		Groups:           s.groupScores(),
	}
	for _, row := range s.all.counts {
		r.Confusion = append(r.Confusion, slices.Clone(row))
	}
	for i, b := range s.bins {
		c := Calibration{From: float64(i) / Bins, To: float64(i+1) / Bins, Items: b.count}
		c.Confidence = ratio(b.confidence, b.count)
		c.Accuracy = ratio(float64(b.correct), b.count)
		r.Calibration = append(r.Calibration, c)
		r.CalibrationError += ratio(float64(b.count), r.Answered) * math.Abs(c.Confidence-c.Accuracy)
	}
	return r
}

func (s *Scorer) groupScores() []GroupScores {
	if _, unnamed := s.groups[""]; unnamed && len(s.groups) == 1 {
		return nil
	}
	var groups []GroupScores
	for _, name := range slices.Sorted(maps.Keys(s.groups)) {
		groups = append(groups, GroupScores{Name: name, Scores: s.groups[name].scores()})
	}
	return groups
}

func (m *matrix) scores() Scores {
	s := Scores{Failed: m.failed}
	sum, occurring := 0.0, 0
	for _, c := range m.categories(nil) {
		s.Answered += c.Support
		if c.Support+c.Predicted > 0 {
			occurring++
			sum += c.F1
		}
	}
	for i, row := range m.counts {
		s.Correct += row[i]
	}
	s.Items = s.Answered + s.Failed
	s.Accuracy = ratio(float64(s.Correct), s.Answered)
	s.MacroF1 = ratio(sum, occurring)
	return s
}

// categories returns the figures by category, with names if there are any.
func (m *matrix) categories(names []string) []CategoryScores {
	scores := make([]CategoryScores, len(m.counts))
	for want, row := range m.counts {
		for got, n := range row {
			scores[want].Support += n
			scores[got].Predicted += n
		}
	}
	for i := range scores {
		c, correct := &scores[i], float64(m.counts[i][i])
		if names != nil {
			c.Name = names[i]
		}
		c.Precision = ratio(correct, c.Predicted)
		c.Recall = ratio(correct, c.Support)
		// The harmonic mean of the two, in a form that is defined if one is 0.
		c.F1 = ratio(2*correct, c.Support+c.Predicted)
	}
	return scores
}

func ratio(part float64, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return part / float64(whole)
}
