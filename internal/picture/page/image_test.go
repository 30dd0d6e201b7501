package page

import (
	"strings"
	"testing"
)

// TestLargest_LongListsAreCutOff: a list as long as a page would take many times
// the page's memory.
func TestLargest_LongListsAreCutOff(t *testing.T) {
	endless := strings.Repeat("/a.jpg 1w, ", maxOffer/8)
	if got := largestOfSet(endless + "/b.jpg 9w"); got != "/a.jpg" {
		t.Errorf("srcset: got %q", got)
	}
	if got := largestOfMap(`{"/a.jpg":[1,1]` + strings.Repeat(" ", maxOffer) + "}"); got != "" {
		t.Errorf("data-a-dynamic-image: got %q", got)
	}
}
