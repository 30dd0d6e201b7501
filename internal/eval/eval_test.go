package eval_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/eval"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func score(t *testing.T, samples ...eval.Sample) eval.Report {
	t.Helper()
	s, err := eval.NewScorer([]string{"A", "B", "C", "D"})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range samples {
		if err := s.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	return s.Report()
}

// Five of A (three found, one taken for B, one for C), three of B (two found, one
// taken for A), two of C that failed, no D. By hand:
//
//	A: precision 3/4, recall 3/5, F1 6/9      B: 2/3, 2/3, 4/6      C: 0/1, 0/0, 0
func samples() []eval.Sample {
	return []eval.Sample{
		{Want: "A", Got: "A", Confidence: 1, Group: "x"},
		{Want: "A", Got: "A", Confidence: 0.95, Group: "x"},
		{Want: "A", Got: "A", Confidence: 0.9, Group: "y"},
		{Want: "A", Got: "B", Confidence: 0.55, Group: "y"},
		{Want: "A", Got: "C", Confidence: 0, Group: "x"},
		{Want: "B", Got: "B", Confidence: 0.45, Group: "y"},
		{Want: "B", Got: "B", Confidence: 0.5, Group: "y"},
		{Want: "B", Got: "A", Confidence: 0.05, Group: "x"},
		{Want: "C", Failure: "REFUSED", Group: "x"},
		{Want: "C", Failure: "RATE_LIMITED", Group: "x"},
	}
}

func TestReport_FiguresByHand(t *testing.T) {
	got := score(t, samples()...)
	want := eval.Report{
		Scores: eval.Scores{
			Items: 10, Answered: 8, Failed: 2, Correct: 5,
			Accuracy: 5.0 / 8, MacroF1: (6.0/9 + 4.0/6 + 0) / 3,
		},
		FailuresByReason: map[string]int{"REFUSED": 1, "RATE_LIMITED": 1},
		Categories: []eval.CategoryScores{
			{Name: "A", Support: 5, Predicted: 4, Precision: 3.0 / 4, Recall: 3.0 / 5, F1: 6.0 / 9},
			{Name: "B", Support: 3, Predicted: 3, Precision: 2.0 / 3, Recall: 2.0 / 3, F1: 4.0 / 6},
			{Name: "C", Support: 0, Predicted: 1},
			{Name: "D"},
		},
		Groups: []eval.GroupScores{
			// x: A A A->C B->A: A 2/3, 2/3; B 0; C 0
			{Name: "x", Scores: eval.Scores{Items: 6, Answered: 4, Failed: 2, Correct: 2, Accuracy: 0.5, MacroF1: (4.0 / 6) / 3}},
			// y: A A->B B B: A 1/1, 1/2; B 2/3, 2/2
			{Name: "y", Scores: eval.Scores{Items: 4, Answered: 4, Correct: 3, Accuracy: 0.75, MacroF1: (2.0/3 + 4.0/5) / 2}},
		},
		Confusion: [][]int{{3, 1, 1, 0}, {1, 2, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}},
		// Two of the lowest bin are wrong at 0.025; 0.45 is right; of 0.5 and 0.55
		// one is right; three of the highest bin are right at 0.95.
		CalibrationError: 2.0/8*0.025 + 1.0/8*0.55 + 2.0/8*0.025 + 3.0/8*0.05,
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-12), cmpopts.IgnoreFields(eval.Report{}, "Calibration")); diff != "" {
		t.Error(diff)
	}
	wantBins := map[int]eval.Calibration{
		0: {From: 0, To: 0.1, Items: 2, Confidence: 0.025},
		4: {From: 0.4, To: 0.5, Items: 1, Confidence: 0.45, Accuracy: 1},
		5: {From: 0.5, To: 0.6, Items: 2, Confidence: 0.525, Accuracy: 0.5},
		9: {From: 0.9, To: 1, Items: 3, Confidence: 0.95, Accuracy: 1},
		7: {From: 0.7, To: 0.8},
	}
	for i, want := range wantBins {
		if diff := cmp.Diff(want, got.Calibration[i], cmpopts.EquateApprox(0, 1e-12)); diff != "" {
			t.Errorf("bin %d: %s", i, diff)
		}
	}
}

func TestReport_NoSamples(t *testing.T) {
	got := score(t)
	if got.Items != 0 || got.Accuracy != 0 || got.MacroF1 != 0 || got.CalibrationError != 0 || len(got.Calibration) != eval.Bins {
		t.Errorf("got %+v", got)
	}
}

func TestReport_FailuresOnly(t *testing.T) {
	got := score(t, eval.Sample{Want: "A", Failure: "REFUSED"})
	want := eval.Scores{Items: 1, Failed: 1}
	if diff := cmp.Diff(want, got.Scores); diff != "" {
		t.Error(diff)
	}
}

func TestReport_Groups(t *testing.T) {
	if got := score(t, eval.Sample{Want: "A", Got: "A"}); got.Groups != nil {
		t.Errorf("without a group: %+v", got.Groups)
	}
	got := score(t, eval.Sample{Want: "A", Got: "A"}, eval.Sample{Want: "A", Got: "B", Group: "g"})
	if len(got.Groups) != 2 || got.Groups[0].Name != "" || got.Groups[1].Accuracy != 0 {
		t.Errorf("with one: %+v", got.Groups)
	}
}

func TestReport_IsACopy(t *testing.T) {
	s, err := eval.NewScorer([]string{"A"})
	if err != nil {
		t.Fatal(err)
	}
	before := s.Report()
	if err := s.Add(eval.Sample{Want: "A", Got: "A"}); err != nil {
		t.Fatal(err)
	}
	if before.Confusion[0][0] != 0 || before.Items != 0 {
		t.Errorf("a later sample has changed %+v", before)
	}
}

func TestScorer_RejectsInvalidInput(t *testing.T) {
	for name, categories := range map[string][]string{"none": nil, "doubled": {"A", "A"}} {
		if _, err := eval.NewScorer(categories); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	s, err := eval.NewScorer([]string{"A"})
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]eval.Sample{
		"label":      {Want: "X", Got: "A"},
		"answer":     {Want: "A", Got: "X"},
		"no answer":  {Want: "A"},
		"confidence": {Want: "A", Got: "A", Confidence: 1.1},
		"below":      {Want: "A", Got: "A", Confidence: -0.1},
		"NaN":        {Want: "A", Got: "A", Confidence: math.NaN()},
	} {
		if err := s.Add(x); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if got := s.Report(); got.Items != 0 || len(got.Groups) != 0 {
		t.Errorf("refused samples were counted: %+v", got)
	}
}

func BenchmarkAdd(b *testing.B) {
	s, err := eval.NewScorer([]string{"A", "B"})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := s.Add(eval.Sample{Want: "A", Got: "B", Confidence: 0.3, Group: "g"}); err != nil {
			b.Fatal(err)
		}
	}
}
