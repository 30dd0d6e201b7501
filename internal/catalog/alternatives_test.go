package catalog_test

import (
	stdcmp "cmp"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/credenza-dev/credenza/internal/catalog"
)

type alternative = catalog.Alternative

func TestNewAlternatives(t *testing.T) {
	many := func(n int, p float64) (list []alternative) {
		for i := range n {
			list = append(list, alternative{string(rune('a' + i)), p})
		}
		return list
	}
	tests := map[string]struct {
		answer alternative
		others []alternative
		want   []alternative
	}{
		"alone": {alternative{"SOFA", 0.7}, nil, []alternative{{"SOFA", 0.7}}},
		"most likely first": {
			alternative{"SOFA", 0.6},
			[]alternative{{"BED", 0.1}, {"CHAIR", 0.2}},
			[]alternative{{"SOFA", 0.6}, {"CHAIR", 0.2}, {"BED", 0.1}},
		},
		"the answer need not be the likeliest": {
			alternative{"SOFA", 0.2},
			[]alternative{{"BED", 0.1}, {"CHAIR", 0.6}},
			[]alternative{{"CHAIR", 0.6}, {"SOFA", 0.2}, {"BED", 0.1}},
		},
		"of equal ones the answer is first": {
			alternative{"SOFA", 0.2},
			[]alternative{{"CHAIR", 0.2}, {"BED", 0.2}},
			[]alternative{{"SOFA", 0.2}, {"BED", 0.2}, {"CHAIR", 0.2}},
		},
		"without what is hardly possible, NaN and the answer again": {
			alternative{"SOFA", 0.0005},
			[]alternative{{"BED", 0.0009}, {"CHAIR", math.NaN()}, {"SOFA", 0.5}, {"DESK", 0.001}},
			[]alternative{{"DESK", 0.001}, {"SOFA", 0.0005}},
		},
		"nine at most, the answer among them": {
			alternative{"SOFA", 0.01}, many(12, 0.05), append(many(8, 0.05), alternative{"SOFA", 0.01}),
		},
		"more than 1 together": {
			alternative{"SOFA", 0.5},
			[]alternative{{"BED", 0.5}, {"CHAIR", 0.5}},
			[]alternative{{"SOFA", 0.5}, {"BED", 0.25}, {"CHAIR", 0.25}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := catalog.NewAlternatives(tt.answer, tt.others)
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNewAlternatives_KeepsItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		answer := alternative{"a", rapid.Float64Range(0, 1).Draw(t, "answer")}
		var others []alternative
		for _, p := range rapid.SliceOfN(rapid.Float64Range(0, 1), 0, 20).Draw(t, "others") {
			others = append(others, alternative{strings.Repeat("b", len(others)+1), p})
		}
		got := catalog.NewAlternatives(answer, others)
		sum := 0.0
		for _, a := range got {
			sum += a.Probability
		}
		if sum > 1 || len(got) > catalog.MaxAlternatives || !slices.Contains(got, answer) {
			t.Fatalf("%v has the sum %v", got, sum)
		}
		if !slices.IsSortedFunc(got, func(a, b alternative) int { return stdcmp.Compare(b.Probability, a.Probability) }) {
			t.Fatalf("%v is in another order", got)
		}
	})
}
