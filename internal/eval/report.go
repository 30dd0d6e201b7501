package eval

import (
	"maps"
	"math"
	"slices"
)

// Scores are the figures of one set of items.
type Scores struct {
	// Items are all, Answered those with a category, Failed the others. Every
	// figure below is of the answered ones.
	Items    int `json:"items"`
	Answered int `json:"answered"`
	Failed   int `json:"failed"`
	Correct  int `json:"correct"`
	// Accuracy is Correct by Answered, 0 where nothing was answered.
	Accuracy float64 `json:"accuracy"`
	// MacroF1 is the mean F1 of the categories that occur, as a label or as an
	// answer: small categories count as much as large ones.
	MacroF1 float64 `json:"macro_f1"`
}

// Report is what a Scorer has found.
type Report struct {
	Scores
	// FailuresByReason counts the failed items.
	FailuresByReason map[string]int `json:"failures_by_reason"`
	// Categories are in the scorer's order, those that do not occur too.
	Categories []CategoryScores `json:"categories"`
	// Groups are sorted by name. Empty where no sample had a group.
	Groups []GroupScores `json:"groups,omitempty"`
	// Confusion has a row for each label and a column for each answer, in the
	// order of Categories.
	Confusion [][]int `json:"confusion"`
	// Calibration is by confidence, lowest first.
	Calibration []Calibration `json:"calibration"`
	// CalibrationError is the expected calibration error, 0 to 1: how far
	// confidence and accuracy are apart, in the mean over the answered items
	// (Naeini et al., AAAI 2015, with ten ranges of equal width).
	CalibrationError float64 `json:"calibration_error"`
}

// CategoryScores are the figures of one category.
type CategoryScores struct {
	Name string `json:"name"`
	// Support is the answered items with this label, Predicted those with this
	// answer.
	Support   int `json:"support"`
	Predicted int `json:"predicted"`
	// Precision, Recall and F1 are 0 where they are not defined.
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
}

// GroupScores are the figures of one group.
type GroupScores struct {
	Name string `json:"name"`
	Scores
}

// Calibration is the items whose confidence is in one range.
type Calibration struct {
	// From is in the range, To is not, but for the last range, which ends with 1.
	From float64 `json:"from"`
	To   float64 `json:"to"`
	// Items are the answered ones. Without any, the other figures are 0.
	Items int `json:"items"`
	// Confidence is the mean.
	Confidence float64 `json:"confidence"`
	Accuracy   float64 `json:"accuracy"`
}

// Report returns the figures of what has been added so far.
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

// categories returns the figures by category. Without names, they have none.
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
		// The harmonic mean of the two, in the form that needs no case for 0 of one.
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
