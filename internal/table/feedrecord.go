package table

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
)

// repeatedRecord returns the name of the elements that seem to be rows at the beginning of a
// feed that calls them by none of recordNames: the first ones that come several times in the
// same element and have in them what describes a product. It returns "" for none, and for
// feeds with one of those names.
func repeatedRecord(head []byte) string {
	tags := newTagReader(bytes.NewReader(head), len(head)+1)
	var open []string
	counts, described := map[string]int{}, map[string]bool{}
	found := ""
	for {
		kind, err := tags.next()
		if err != nil {
			return strings.ToLower(found)
		}
		switch kind {
		case html.StartTagToken:
			if recordNames[strings.ToLower(tags.name)] {
				return ""
			}
			inside := strings.Join(open, "/")
			described[inside] = described[inside] || describesProduct(tags.name)
			if len(open) < maxNesting {
				open = append(open, tags.name)
			}
		case html.EndTagToken:
			n := len(open) - 1
			if n < 1 || open[n] != tags.name {
				continue // the outermost is no row
			}
			whole := strings.Join(open, "/")
			if counts[whole]++; counts[whole] > 1 && described[whole] && found == "" {
				found = tags.name
			}
			open = open[:n]
		}
	}
}
