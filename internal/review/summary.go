package review

import (
	"cmp"
	"slices"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// summary counts the rows that a filter lets through.
func (x *index) summary(f *catalog.ReviewFilter) catalog.ReviewSummary {
	var s catalog.ReviewSummary
	found := x.matching(x.filter(f))
	categories, styles := make([]int64, len(x.names.list)), make([]int64, len(x.names.list))
	reasons := map[fault.Reason]int64{}
	for i := range x.rows {
		r := &x.rows[i]
		if !found.has(int64(i)) {
			continue
		}
		s.Total++
		categories[r.now[category]]++
		styles[r.now[primary]]++
		if r.is(failed) {
			reasons[r.reason]++
		} else {
			s.Confidences[step(r.confidence, len(s.Confidences))]++
		}
		if r.is(doubtful) {
			s.NeedsReview++
		}
		switch r.state {
		case catalog.Accepted:
			s.Accepted++
		case catalog.Corrected:
			s.Corrected++
		default:
			s.Unchecked++
		}
	}
	for _, row := range x.view(f, catalog.ForReview, false) {
		s.ToReview++
		if x.rows[row].state != catalog.Unchecked {
			s.Reviewed++
		}
	}
	s.Categories, s.Styles = x.names.counts(categories), x.names.counts(styles)
	for reason, n := range reasons {
		s.Reasons = append(s.Reasons, catalog.NameCount{Name: reason.String(), Count: n})
	}
	slices.SortFunc(s.Reasons, mostFirst)
	return s
}

// step returns the step of a share from 0 to 1, of so many equal ones.
func step(share float64, steps int) int {
	return max(0, min(int(share*float64(steps)), steps-1))
}

// counts returns the labels that occur.
func (n *names) counts(by []int64) []catalog.NameCount {
	var list []catalog.NameCount
	for id, count := range by {
		if id != 0 && count > 0 {
			list = append(list, catalog.NameCount{Name: n.list[id], Count: count})
		}
	}
	slices.SortFunc(list, mostFirst)
	return list
}

func mostFirst(a, b catalog.NameCount) int {
	return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Name, b.Name))
}
