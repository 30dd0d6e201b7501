package catalog_test

import (
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
)

func TestCount_HasThePluralOfItsNoun(t *testing.T) {
	for want, got := range map[string]string{
		"0 items": catalog.Count(0, "item"), "1 item": catalog.Count(1, "item"), "3 items": catalog.Count(int64(3), "item"),
		"1 category": catalog.Count(1, "category"), "13 categories": catalog.Count(13, "category"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
