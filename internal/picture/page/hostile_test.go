package page_test

import (
	"fmt"
	"strings"
	"testing"
)

// These pages would take minutes and more if the work on one were not bounded.

func TestReferencesInCirclesEnd(t *testing.T) {
	circle := strings.TrimSuffix(strings.Repeat(`{"@id":"a"},`, 5000), ",")
	find(t, `<script type="application/ld+json">{"@type":"Product","@id":"a","image":[`+circle+`]}</script>`, "text/html")
}

func TestManyProductsUnderALongTitle(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "<title>%s</title><script type=\"application/ld+json\">[", strings.Repeat("oak chair ", 40_000))
	for i := range 5000 {
		fmt.Fprintf(&b, `{"@type":"Product","name":"oak chair %d","image":"/%d.jpg"},`, i, i)
	}
	b.WriteString(`{}]</script>`)
	if got := find(t, b.String(), "text/html"); len(got) == 0 {
		t.Error("no picture found")
	}
}
