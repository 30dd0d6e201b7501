package review_test

import (
	"slices"
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/review"
)

func TestList_FindsTheSameWhileWordsAreTypedAsAtOnce(t *testing.T) {
	store := ended(3000)
	s := review.New(store, 10<<20)
	check := func(query string) int64 {
		t.Helper()
		q := catalog.ReviewQuery{ID: "a", Filter: catalog.ReviewFilter{Query: query}}
		typed, fresh := list(t, s, q), list(t, review.New(store, 10<<20), q)
		if typed.Total != fresh.Total || !slices.Equal(indexes(typed), indexes(fresh)) {
			t.Errorf("%q: %d results, want %d", query, typed.Total, fresh.Total)
		}
		if sum, err := s.Summarize(t.Context(), catalog.Owner{}, "a", &q.Filter); err != nil || sum.Total != fresh.Total {
			t.Errorf("%q: %d counted, %v, want %d", query, sum.Total, err, fresh.Total)
		}
		return typed.Total
	}
	for _, query := range []string{"c", "ch", "chair", "chair 1", "chair 14", "chair 142", "chair 12", "12", "chair cla", "12 rustic", "1", "ru 4", "oak chair"} {
		if check(query) == 0 {
			t.Errorf("%q: no results", query)
		}
	}
	before := check("chair 14")
	correct(t, s, catalog.CorrectionRequest{ID: "a", Bulk: &catalog.Correction{Note: "Wheelchair 14"}, Filter: catalog.ReviewFilter{Query: "bed"}})
	if check("chair 14") <= before || check("chair 142") == 0 || check("wheelchair 142") == 0 {
		t.Error("a note is not found after the same words were asked for before it")
	}
}
