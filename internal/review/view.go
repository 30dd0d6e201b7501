package review

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// orders has all rows in orders that corrections do not change. Rows that came later are
// sorted in when an order is used.
type orders struct{ index, name, confidence []int32 }

func (o *orders) size() int64 { return int64(cap(o.index)+cap(o.name)+cap(o.confidence)) * 4 }

// sorted brings an order up to date and returns it. It makes a new list, because a view may
// have the old one.
func (x *index) sorted(order *[]int32, compare func(a, b int32) int) []int32 {
	old := *order
	if len(old) == len(x.rows) {
		return old
	}
	added := make([]int32, 0, len(x.rows)-len(old))
	for i := len(old); i < len(x.rows); i++ {
		added = append(added, int32(i)) //nolint:gosec // see places.set
	}
	slices.SortFunc(added, compare)
	merged := make([]int32, 0, len(x.rows))
	for len(old) > 0 && len(added) > 0 {
		if compare(old[0], added[0]) < 0 {
			merged, old = append(merged, old[0]), old[1:]
		} else {
			merged, added = append(merged, added[0]), added[1:]
		}
	}
	*order = append(append(merged, old...), added...)
	return *order
}

func (x *index) compareIndexes(a, b int32) int { return cmp.Compare(x.rows[a].index, x.rows[b].index) }

func (x *index) compareConfidences(a, b int32) int {
	return cmp.Or(cmp.Compare(x.rows[a].confidence, x.rows[b].confidence), x.compareIndexes(a, b))
}

func (x *index) byIndex() []int32 { return x.sorted(&x.orders.index, x.compareIndexes) }

func (x *index) byConfidence() []int32 {
	return x.sorted(&x.orders.confidence, x.compareConfidences)
}

// byCategory returns all rows by their category in force.
func (x *index) byCategory() []int32 {
	counts := make([]int, len(x.names.list))
	for i := range x.rows {
		counts[x.rows[i].now[category]]++
	}
	ids := make([]uint32, len(counts))
	for id := range ids {
		ids[id] = uint32(id) //nolint:gosec // as in names.id
	}
	slices.SortFunc(ids, func(a, b uint32) int { return strings.Compare(x.names.list[a], x.names.list[b]) })
	next, at := make([]int, len(counts)), 0
	for _, id := range ids {
		next[id] = at
		at += counts[id]
	}
	sorted := make([]int32, len(x.rows))
	for _, row := range x.byIndex() {
		id := x.rows[row].now[category]
		sorted[next[id]] = row
		next[id]++
	}
	return sorted
}

// sampled is one in how many of the results that need no review are to be reviewed, and
// leastSample how many of them at the least, if there are as many.
const (
	sampled     = 10
	leastSample = 10
)

// forReview returns the rows that a person should look at: the doubtful ones, then the sample.
func (x *index) forReview() []int32 {
	var list, sample, others []int32
	for _, row := range x.byConfidence() {
		switch r := &x.rows[row]; {
		case r.is(doubtful):
			list = append(list, row)
		case x.lot(r.index)%sampled == 0:
			sample = append(sample, row)
		case len(sample) < leastSample:
			others = append(others, row)
		}
	}
	byLot := func(a, b int32) int {
		return cmp.Or(cmp.Compare(x.lot(x.rows[a].index), x.lot(x.rows[b].index)), x.compareIndexes(a, b))
	}
	slices.SortFunc(sample, byLot)
	if missing := leastSample - len(sample); missing > 0 {
		slices.SortFunc(others, byLot)
		sample = append(sample, others[:min(missing, len(others))]...)
	}
	return append(list, sample...)
}

// lot returns a number for an index that looks random and is the same on all replicas.
func (x *index) lot(index int64) uint64 {
	// The finalizer of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
	// generators).
	z := x.seed + uint64(index)*0x9e3779b97f4a7c15 //nolint:gosec // any bits will do
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// seedOf returns a job's seed of random numbers.
func seedOf(id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // a hash takes everything
	return h.Sum64()
}

// view is the list of one filter and order.
type view struct {
	key     [sha256.Size]byte // of the filter, which may be long, and the order
	version uint64            // of the index
	rows    []int32
}

// maxViews is how many views an index keeps: of a person at work, and of some others.
const maxViews = 8

// view returns the list of a filter and order.
func (x *index) view(f *catalog.ReviewFilter, order catalog.ReviewOrder, descending bool) []int32 {
	form, err := json.Marshal(struct { // it has a form, unless a confidence is not a number
		Filter     *catalog.ReviewFilter
		Order      catalog.ReviewOrder
		Descending bool
	}{f, order, descending})
	key := sha256.Sum256(form)
	x.views = slices.DeleteFunc(x.views, func(v *view) bool { return v.version != x.version })
	at := slices.IndexFunc(x.views, func(v *view) bool { return v.key == key })
	var v *view
	if at >= 0 {
		v = x.views[at]
		x.views = slices.Delete(x.views, at, at+1)
	} else {
		v = &view{key: key, version: x.version, rows: x.list(x.filter(f), order)}
		if descending {
			slices.Reverse(v.rows)
		}
	}
	if err == nil {
		x.views = slices.Insert(x.views[:min(len(x.views), maxViews-1)], 0, v)
	}
	return v.rows
}

// list makes the list of a filter and order, which the caller may change.
func (x *index) list(f *filter, order catalog.ReviewOrder) []int32 {
	var all []int32
	switch order {
	case catalog.ByName:
		all = x.sorted(&x.orders.name, x.compareNames)
	case catalog.ByConfidence:
		all = x.byConfidence()
	case catalog.ByCategory:
		all = x.byCategory()
	case catalog.ForReview:
		all = x.forReview()
	default:
		all = x.byIndex()
	}
	if f.all() {
		return slices.Clone(all)
	}
	found := x.matching(f)
	list := make([]int32, 0, found.count())
	for _, row := range all {
		if found.has(int64(row)) {
			list = append(list, row)
		}
	}
	return list
}
