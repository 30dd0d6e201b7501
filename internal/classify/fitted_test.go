package classify_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
)

// A description over its limit is cut, and the trace says so, also of an answer that the
// cache had.
func TestLongDescription_IsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := setUp(t, 1)
		long := strings.Repeat("wide arms ", 9_000)
		for name, c := range map[string]struct {
			description string
			cut         bool
		}{
			"long": {long, true}, "long again": {long, true}, "short": {"wide arms", false}, "HTML": {"<p class='" + long + "'>wide arms</p>", false},
		} {
			o, err := b.Classify(t.Context(), classify.Call{}, &catalog.Item{Name: "sofa", Description: c.description})
			if err != nil || o.Err != nil || o.Trace.DescriptionCut != c.cut {
				t.Errorf("%s: cut %v, %v, %v", name, o.Trace.DescriptionCut, err, o.Err)
			}
		}
	})
}
