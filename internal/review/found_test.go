package review

import (
	"fmt"
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// TestHaving_SearchesTheSameWordsOnce has words that are in the same rows as their beginnings.
func TestHaving_SearchesTheSameWordsOnce(t *testing.T) {
	x := newIndex(catalog.ReviewedJob{ID: "a"})
	for i := range 100 {
		if err := x.add(&catalog.Outcome{Index: int64(i), Name: fmt.Sprintf("Oak chair %d", i)}, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, query := range []string{"c", "ch", "chair", "chair", "chair"} {
		if n := x.having(wordsOf(query)).count(); n != 100 {
			t.Errorf("%q: %d rows", query, n)
		}
	}
	if len(x.found) != 3 {
		t.Errorf("%d results of searches are kept, want 3", len(x.found))
	}
}
