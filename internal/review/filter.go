package review

import (
	"bytes"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// filter is a ReviewFilter in the terms of an index.
type filter struct {
	categories, styles []bool // by label; nil: any
	reasons            []bool // by reason; nil: any
	least, most        float64
	confident          bool // whether least and most count
	doubtful, failed   *bool
	state              catalog.ReviewState
	words              bitmap // the rows that have the words of the query; nil: any
}

func (x *index) filter(f *catalog.ReviewFilter) *filter {
	c := &filter{
		categories: x.names.wanted(f.Categories), styles: x.names.wanted(f.Styles),
		doubtful: f.NeedsReview, failed: f.Failed, state: f.State,
		least: 0, most: 2, confident: f.MinConfidence != nil || f.MaxConfidence != nil,
	}
	if f.MinConfidence != nil {
		c.least = *f.MinConfidence
	}
	if f.MaxConfidence != nil && *f.MaxConfidence != 1 {
		c.most = *f.MaxConfidence
	}
	if len(f.Reasons) > 0 {
		c.reasons = make([]bool, 1<<8)
		for _, name := range f.Reasons {
			if reason := fault.Named(name); reason.String() == name { // else no result has it
				c.reasons[reason] = true
			}
		}
	}
	if words := wordsOf(f.Query); len(words) > 0 {
		c.words = x.having(words)
	}
	return c
}

// wanted returns which labels are in a list, nil if the list is empty.
func (n *names) wanted(list []string) []bool {
	if len(list) == 0 {
		return nil
	}
	wanted := make([]bool, len(n.list))
	for _, name := range list {
		if id, ok := n.ids[name]; ok {
			wanted[id] = true
		}
	}
	return wanted
}

// lets reports whether the filter lets a row through.
func (f *filter) lets(at int, r *row) bool {
	switch {
	case f.categories != nil && !f.categories[r.now[category]],
		f.styles != nil && !f.styles[r.now[primary]] && !f.styles[r.now[secondary]],
		f.reasons != nil && !(r.is(failed) && f.reasons[r.reason]),
		f.confident && !(!r.is(failed) && r.confidence >= f.least && r.confidence < f.most),
		f.doubtful != nil && *f.doubtful != r.is(doubtful),
		f.failed != nil && *f.failed != r.is(failed),
		f.state != 0 && f.state != r.state,
		f.words != nil && !f.words.has(int64(at)):
		return false
	}
	return true
}

// all reports whether the filter lets every row through.
func (f *filter) all() bool {
	return f.categories == nil && f.styles == nil && f.reasons == nil && !f.confident &&
		f.doubtful == nil && f.failed == nil && f.state == 0 && f.words == nil
}

// matching returns the rows that the filter lets through.
func (x *index) matching(f *filter) bitmap {
	found := newBitmap(len(x.rows))
	for i := range x.rows {
		if f.lets(i, &x.rows[i]) {
			found.add(i)
		}
	}
	return found
}

// compareNames compares two rows by name, and equal ones by index.
func (x *index) compareNames(a, b int32) int {
	if n := bytes.Compare(x.nameOf(a), x.nameOf(b)); n != 0 {
		return n
	}
	return x.compareIndexes(a, b)
}

func (x *index) nameOf(row int32) []byte {
	r := &x.rows[row]
	return x.texts.of(r.text)[:r.name]
}
