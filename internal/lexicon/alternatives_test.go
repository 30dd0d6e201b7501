package lexicon_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/catalog"
)

func TestClassify_Alternatives(t *testing.T) {
	c, _ := classifier(t)
	for name, want := range map[string][]string{
		"Two-seat sofa":         {"SOFA", "OTHER"}, // which has a little of every doubt
		"Bed with storage":      {"BED", "STORAGE", "OTHER"},
		"Bench or coffee table": {"BENCH", "TABLE", "OTHER"},
		"Quince":                {"OTHER"},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.Classify(&catalog.Item{Name: name})
			var names []string
			for _, a := range got.Alternatives {
				names = append(names, a.Category)
			}
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("%s%+v", diff, got)
			}
		})
	}
}

// checkAlternatives checks what holds for the alternatives of all answers.
func checkAlternatives(t *testing.T, got *catalog.Classification) {
	t.Helper()
	if len(got.Alternatives) == 0 {
		return
	}
	sum := 0.0
	for i, a := range got.Alternatives {
		if i > 0 && !(a.Probability <= got.Alternatives[i-1].Probability) || !(a.Probability > 0) {
			t.Errorf("%v are in no order", got.Alternatives)
		}
		sum += a.Probability
	}
	if sum > 1 || len(got.Alternatives) > catalog.MaxAlternatives {
		t.Errorf("%v have the sum %v", got.Alternatives, sum)
	}
	if got.Alternatives[0] != (catalog.Alternative{Category: got.Category, Probability: got.Confidence}) {
		t.Errorf("%s with %v does not begin %v", got.Category, got.Confidence, got.Alternatives)
	}
}

func TestOwnTaxonomy_NoFallbackHasNoAlternativesOfAGuess(t *testing.T) {
	if got := own(t, german).Classify(&catalog.Item{Name: "Quince"}); got.Alternatives != nil {
		t.Errorf("no word is known, and %+v has alternatives", got)
	}
}

func TestClassify_AlternativesAgreeWithTheConfidence(t *testing.T) {
	c, _ := classifier(t)
	items := []catalog.Item{
		{Name: "Oak", Description: "Goes with a sofa, a chair, a bed, a table, a desk, a bench and a lamp"},
		{Name: "Sofa, chair, bed, table, nightstand, stool, desk, bench, ottoman, lamp, vase"},
		{Name: "Unbekanntes Ding für das Regal", Description: "Ein schönes Stück für jede Wohnung und jeden Tisch."},
		{Name: "Quince"},
		{Name: "Chair"},
		{Category: "Beds", Name: "Halden", Tags: []string{"sofa"}},
	}
	for i := range items {
		got := c.Classify(&items[i])
		checkAlternatives(t, &got)
	}
	if crowd := c.Classify(&items[0]).Alternatives; len(crowd) < 2 || !slices.IsSortedFunc(crowd, func(a, b catalog.Alternative) int {
		return int((b.Probability - a.Probability) * 1e9)
	}) {
		t.Errorf("a crowd of words gave %v", crowd)
	}
}
