package table

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// repeatedRecord returns the name of the elements that seem to be rows at the beginning of a
// feed that calls them by none of recordNames: those that come most often in the same element,
// more than once, have in them what describes a product, and are no part of other such ones. It
// returns "" for none, and for feeds with one of those names.
func repeatedRecord(head []byte) string {
	tags := newTagReader(newLetterReader(bytes.NewReader(head)), 2*len(head)+1)
	var open, ended []string // the names of those that are open, the paths of those that were
	counts, described := map[string]int{}, map[string]bool{}
	for {
		kind, err := tags.next()
		if err != nil {
			break
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
			if counts[whole]++; counts[whole] == 1 {
				ended = append(ended, whole)
			}
			open = open[:n]
		}
	}
	return mostRepeated(slices.DeleteFunc(ended, func(path string) bool { return counts[path] < 2 || !described[path] }), counts)
}

// mostRepeated returns the name of the elements that come most often, the first of them if
// several do, among those that are not within others.
func mostRepeated(paths []string, counts map[string]int) string {
	found, most := "", 0
	for _, path := range paths {
		within := slices.ContainsFunc(paths, func(outer string) bool { return strings.HasPrefix(path, outer+"/") })
		if !within && counts[path] > most {
			found, most = path[strings.LastIndexByte(path, '/')+1:], counts[path]
		}
	}
	return strings.ToLower(found)
}
