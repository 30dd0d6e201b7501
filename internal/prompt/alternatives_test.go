package prompt_test

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// named returns alternatives of names and probabilities in turn.
func named(pairs ...any) (list []catalog.Alternative) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, catalog.Alternative{Category: pairs[i].(string), Probability: pairs[i+1].(float64)})
	}
	return list
}

func TestConfidence_Alternatives(t *testing.T) {
	opening := tok{`{"category":"`, .9}
	tests := map[string]struct {
		category string
		tokens   []tok
		top      map[string][]tok
		want     []catalog.Alternative
	}{
		"the most likely first, spellings added up": {
			"SOFA",
			[]tok{opening, {"SOFA", .6}, {`"`, 1}},
			map[string][]tok{"SOFA": {{"SOFA", .6}, {"OTHER", .1}, {"Storage", .1}, {"STORAGE", .1}, {"Couch", .1}}},
			named("SOFA", 2./3, "STORAGE", 2./9, "OTHER", 1./9),
		},
		"a grammar's choice is not the likeliest": {
			"OTHER",
			[]tok{opening, {"OTHER", .2}, {`"`, 1}},
			map[string][]tok{"OTHER": {{"SOFA", .6}, {"OTHER", .2}}},
			named("SOFA", .75, "OTHER", .25),
		},
		"tokens that begin alike count for none of them": {
			"OTHER",
			[]tok{opening, {"OTHER", .5}, {`"`, 1}},
			map[string][]tok{"OTHER": {{"OTHER", .5}, {"S", .3}, {"SO", .1}, {"BED", .1}}},
			named("OTHER", .5, "SOFA", .1),
		},
		"and are separated by the next token of the answer": {
			"STORAGE",
			[]tok{opening, {"S", .8}, {"TORAGE", .5}, {`"`, 1}},
			map[string][]tok{"S": {{"S", .8}, {"OTHER", .1}, {"SOFA", .1}}, "TORAGE": {{"TORAGE", .5}, {"OFA", .5}}},
			named("SOFA", .5, "STORAGE", .4, "OTHER", .1),
		},
		"a name that begins with another, by the quote": {
			"BED",
			[]tok{opening, {"BED", .8}, {`","`, .6}},
			map[string][]tok{"BED": {{"BED", .8}, {"SOFA", .2}}, `","`: {{`","`, .6}, {"DING", .2}, {"ding", .2}}},
			named("BED", .48, "BEDDING", .32, "SOFA", .2),
		},
		"with the opening quote in the token": {
			"SOFA",
			[]tok{{`{"category":`, 1}, {` "SO`, .6}, {`FA"`, 1}},
			map[string][]tok{` "SO`: {{` "SO`, .6}, {` "BEDD`, .2}, {`"OTHER`, .2}}},
			named("SOFA", .75, "BEDDING", .25),
		},
		"equal ones by their names": {
			"SOFA",
			[]tok{opening, {"SOFA", .4}, {`"`, 1}},
			map[string][]tok{"SOFA": {{"STORAGE", .3}, {"OTHER", .3}, {"SOFA", .4}}},
			named("SOFA", .4, "OTHER", .3, "STORAGE", .3),
		},
		"hardly possible ones are left out": {
			"SOFA",
			[]tok{opening, {"SOFA", .999}, {`"`, 1}},
			map[string][]tok{"SOFA": {{"SOFA", .999}, {"OTHER", .0009}, {"STORAGE", math.NaN()}}},
			named("SOFA", .999/.9999),
		},
		"nothing else is a name": {
			"SOFA",
			[]tok{opening, {"SOFA", .5}, {`"`, 1}},
			map[string][]tok{"SOFA": {{"SOFA", .5}, {"Couch", .5}}},
			named("SOFA", 1.),
		},
		"the answer alone is given":     {"SOFA", []tok{opening, {"SOFA", .5}, {`"`, 1}}, map[string][]tok{"SOFA": {{"SOFA", .5}}}, nil},
		"nothing is given":              {"SOFA", []tok{opening, {"SOFA", .5}, {`"`, 1}}, nil, nil},
		"the model has thought of none": {"SOFA", []tok{opening, {"SOFA", .01}, {`"`, 1}}, map[string][]tok{"SOFA": {{"BED", .01}, {"The", .9}}}, nil},
		"only beginnings of several names": {
			"SOFA", []tok{opening, {"SOFA", 0}, {`"`, 1}}, map[string][]tok{"SOFA": {{"S", .9}}}, nil,
		},
	}
	p := newPrompt(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			confidence, got, ok := p.Confidence(tt.category, &stream{tokens: tt.tokens, top: tt.top})
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				t.Error(diff)
			}
			if ok && got != nil && !slices.Contains(got, catalog.Alternative{Category: tt.category, Probability: confidence}) {
				t.Errorf("the answer with its confidence %v is not in %v", confidence, got)
			}
			if math.IsNaN(confidence) {
				t.Error("the confidence is NaN")
			}
		})
	}
}
