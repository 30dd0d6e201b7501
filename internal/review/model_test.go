package review_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/review"
)

// plain is a review that does everything the long way: it keeps all changes and works out
// each answer from the first one on.
type plain struct {
	outcomes []catalog.Outcome
	changes  []catalog.Change
}

// active returns which changes count.
func (p *plain) active() []bool {
	active := make([]bool, len(p.changes))
	var set func(int, bool)
	set = func(i int, on bool) {
		active[i] = on
		if target := p.changes[i].Undo; target != "" {
			set(p.find(target), !on)
		}
	}
	for i := range p.changes {
		set(i, true)
	}
	return active
}

func (p *plain) find(id string) int {
	return slices.IndexFunc(p.changes, func(c catalog.Change) bool { return c.ID == id })
}

// correction returns the correction in force of a result, nil for none.
func (p *plain) correction(o *catalog.Outcome) *catalog.Correction {
	active := p.active()
	for i, c := range slices.Backward(p.changes) {
		if !active[i] {
			continue
		}
		said := slices.Clone(c.Corrections)
		if c.Bulk != nil && slices.Contains(slices.Collect(c.Indexes.All()), o.Index) {
			said = append(said, *c.Bulk)
			said[0].Index = o.Index
		}
		for _, found := range said {
			if found.Index != o.Index {
				continue
			}
			found.Person, found.State = c.Person, catalog.Accepted
			v := &o.Classification
			for _, pair := range [][2]string{{found.Category, v.Category}, {found.PrimaryStyle, v.PrimaryStyle}, {found.SecondaryStyle, v.SecondaryStyle}} {
				if pair[0] != "" && pair[0] != pair[1] {
					found.State = catalog.Corrected
				}
			}
			return &found
		}
	}
	return nil
}

type plainRow struct {
	*catalog.Outcome
	correction              *catalog.Correction
	category, first, second string
	state                   catalog.ReviewState
}

func (p *plain) rows() []plainRow {
	list := make([]plainRow, len(p.outcomes))
	for i := range p.outcomes {
		o := &p.outcomes[i]
		v := &o.Classification
		r := plainRow{o, p.correction(o), v.Category, v.PrimaryStyle, v.SecondaryStyle, catalog.Unchecked}
		if c := r.correction; c != nil {
			r.category, r.first, r.second, r.state = cmp.Or(c.Category, r.category), cmp.Or(c.PrimaryStyle, r.first), cmp.Or(c.SecondaryStyle, r.second), c.State
		}
		list[i] = r
	}
	return list
}

func (r *plainRow) fits(f *catalog.ReviewFilter) bool {
	v, none := &r.Classification, r.Err != nil
	texts := []string{r.Name, r.ID, v.Reasoning, v.Category, v.PrimaryStyle, v.SecondaryStyle, r.category, r.first, r.second}
	texts = append(append(texts, v.StyleTags...), v.PlacementTags...)
	if r.correction != nil {
		texts = append(texts, r.correction.Note)
	}
	for _, word := range strings.Fields(strings.ToLower(f.Query)) {
		if !slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(strings.ToLower(s), word) }) {
			return false
		}
	}
	for _, wanted := range []bool{
		len(f.Categories) == 0 || slices.Contains(f.Categories, r.category),
		len(f.Styles) == 0 || slices.Contains(f.Styles, r.first) || slices.Contains(f.Styles, r.second),
		len(f.Reasons) == 0 || none && slices.Contains(f.Reasons, r.Err.Reason.String()),
		f.MinConfidence == nil || !none && v.Confidence >= *f.MinConfidence,
		f.MaxConfidence == nil || !none && (v.Confidence < *f.MaxConfidence || *f.MaxConfidence == 1),
		f.NeedsReview == nil || *f.NeedsReview == v.NeedsReview,
		f.Failed == nil || *f.Failed == none,
		f.State == 0 || f.State == r.state,
	} {
		if !wanted {
			return false
		}
	}
	return true
}

// list returns the items that fit in an order that is none of those for reviews.
func (p *plain) list(f *catalog.ReviewFilter, order catalog.ReviewOrder, descending bool) []catalog.ReviewItem {
	rows := slices.DeleteFunc(p.rows(), func(r plainRow) bool { return !r.fits(f) })
	slices.SortFunc(rows, func(a, b plainRow) int {
		by := 0
		switch order {
		case catalog.ByName:
			by = strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
		case catalog.ByCategory:
			by = strings.Compare(a.category, b.category)
		case catalog.ByConfidence:
			confidence := func(r plainRow) float64 {
				if r.Err != nil {
					return -1
				}
				return r.Classification.Confidence
			}
			by = cmp.Compare(confidence(a), confidence(b))
		}
		return cmp.Or(by, cmp.Compare(a.Index, b.Index))
	})
	if descending {
		slices.Reverse(rows)
	}
	items := make([]catalog.ReviewItem, len(rows))
	for i, r := range rows {
		items[i] = catalog.ReviewItem{Outcome: *r.Outcome, Correction: r.correction}
	}
	return items
}

var (
	someNames  = []string{"", "SOFA", "BED", "LAMP", "SOFA_BED"}
	someStyles = []string{"", "MODERN", "RUSTIC"}
	someWords  = []string{"oak", "ÖL", "sofa", "bed la", "a", "x1", "odd"}
)

func someOutcome(t *rapid.T, index int64) catalog.Outcome {
	o := catalog.Outcome{Index: index, ID: fmt.Sprint("x", index), Name: rapid.SampledFrom([]string{"", "Oak Bed", "lamp", "geölte Bank", "Bed Lamp"}).Draw(t, "name")}
	if rapid.IntRange(0, 4).Draw(t, "failed") == 0 {
		o.Err = fault.New(rapid.SampledFrom([]fault.Reason{fault.Refused, fault.InvalidItem}).Draw(t, "reason"), "no")
		return o
	}
	o.Classification = catalog.Classification{
		Category: rapid.SampledFrom(someNames[1:]).Draw(t, "category"), PrimaryStyle: rapid.SampledFrom(someStyles).Draw(t, "style"),
		SecondaryStyle: rapid.SampledFrom(someStyles).Draw(t, "second"), Confidence: float64(rapid.IntRange(0, 10).Draw(t, "confidence")) / 10,
		Reasoning: rapid.SampledFrom([]string{"It has oak.", "", "A lamp\nfor a bed"}).Draw(t, "reasoning"), NeedsReview: rapid.Bool().Draw(t, "doubtful"),
		StyleTags: rapid.SliceOfN(rapid.SampledFrom([]string{"odd", "oak"}), 0, 2).Draw(t, "tags"),
	}
	return o
}

func someFilter(t *rapid.T) (f catalog.ReviewFilter) {
	maybe := func(what string) bool { return rapid.IntRange(0, 3).Draw(t, what) == 0 }
	share := func(what string) *float64 {
		v := float64(rapid.IntRange(0, 10).Draw(t, what)) / 10
		return &v
	}
	flag := func(what string) *bool {
		v := rapid.Bool().Draw(t, what)
		return &v
	}
	if maybe("by category") {
		f.Categories = []string{rapid.SampledFrom(someNames).Draw(t, "wanted"), "NONE"}
	}
	if maybe("by style") {
		f.Styles = []string{rapid.SampledFrom(someStyles[1:]).Draw(t, "wanted")}
	}
	if maybe("by reason") {
		f.Reasons = []string{"REFUSED"}
	}
	if maybe("from") {
		f.MinConfidence = share("least")
	}
	if maybe("to") {
		f.MaxConfidence = share("most")
	}
	if maybe("by doubt") {
		f.NeedsReview = flag("doubtful")
	}
	if maybe("by failure") {
		f.Failed = flag("failed")
	}
	if maybe("by state") {
		f.State = rapid.SampledFrom([]catalog.ReviewState{catalog.Unchecked, catalog.Accepted, catalog.Corrected}).Draw(t, "state")
	}
	if maybe("by words") {
		f.Query = strings.Join(rapid.SliceOfN(rapid.SampledFrom(someWords), 1, 2).Draw(t, "words"), " ")
	}
	return f
}

func someCorrection(t *rapid.T) catalog.Correction {
	return catalog.Correction{
		Category: rapid.SampledFrom(someNames).Draw(t, "right"), PrimaryStyle: rapid.SampledFrom(someStyles).Draw(t, "right style"),
		Note: rapid.SampledFrom([]string{"", "An ODD one"}).Draw(t, "note"),
	}
}

// TestReview_IsAsTheLongWay makes random changes, and compares each answer with that of a
// review that works everything out again.
func TestReview_IsAsTheLongWay(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		store, long := &memory{job: catalog.ReviewedJob{State: catalog.JobRunning}}, &plain{}
		replicas := []*review.Service{review.New(store, 1<<20), review.New(store, 1<<20)}
		unused := rapid.Permutation([]int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 5000, 70_000}).Draw(t, "indexes")
		correct := func(q catalog.CorrectionRequest, change catalog.Change) catalog.CorrectionResult {
			q.ID, q.Person = "a", rapid.SampledFrom([]string{"Ada", "Ben"}).Draw(t, "person")
			count := q
			count.CountOnly = true
			counted, err := rapid.SampledFrom(replicas).Draw(t, "counter").Correct(ctx, count)
			got, err2 := rapid.SampledFrom(replicas).Draw(t, "replica").Correct(ctx, q)
			if err := errors.Join(err, err2); err != nil || counted.ChangeID != "" || counted.Changed != got.Changed {
				t.Fatalf("%+v was counted, %+v done, %v", counted, got, err)
			}
			if got.ChangeID != "" {
				change.ID, change.Person = got.ChangeID, q.Person
				long.changes = append(long.changes, change)
			}
			return got
		}
		t.Repeat(map[string]func(*rapid.T){
			"results come": func(t *rapid.T) {
				n := rapid.IntRange(0, len(unused)).Draw(t, "results")
				for _, index := range unused[:n] {
					long.outcomes = append(long.outcomes, someOutcome(t, index))
				}
				unused = unused[n:]
				store.results = long.outcomes
			},
			"single corrections": func(t *rapid.T) {
				if len(long.outcomes) == 0 {
					return
				}
				var list []catalog.Correction
				for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(long.outcomes)-1), 1, 3, rapid.ID).Draw(t, "corrected") {
					c := someCorrection(t)
					c.Index = long.outcomes[i].Index
					list = append(list, c)
				}
				if got := correct(catalog.CorrectionRequest{Corrections: list}, catalog.Change{Corrections: list}); got.Changed != int64(len(list)) {
					t.Fatal(got)
				}
			},
			"a bulk correction": func(t *rapid.T) {
				c, f := someCorrection(t), someFilter(t)
				var indexes []int64
				for _, item := range long.list(&f, catalog.ByIndex, false) {
					indexes = append(indexes, item.Outcome.Index)
				}
				got := correct(catalog.CorrectionRequest{Bulk: &c, Filter: f}, catalog.Change{Bulk: &c, Indexes: catalog.NewIndexSet(indexes)})
				if got.Changed != int64(len(indexes)) || (got.ChangeID != "") != (len(indexes) > 0) {
					t.Fatal(got, indexes)
				}
			},
			"an undo": func(t *rapid.T) {
				active := long.active()
				var open []string
				for i, c := range long.changes {
					if active[i] {
						open = append(open, c.ID)
					}
				}
				if len(open) == 0 {
					return
				}
				before := long.rows()
				id := rapid.SampledFrom(open).Draw(t, "undone")
				got, changed := correct(catalog.CorrectionRequest{Undo: id}, catalog.Change{Undo: id}), int64(0)
				for i, r := range long.rows() {
					if !gocmp.Equal(before[i].correction, r.correction) {
						changed++
					}
				}
				if got.Changed < changed { // equal corrections may follow each other
					t.Fatalf("%d of %d changes are said", got.Changed, changed)
				}
			},
			"": func(t *rapid.T) {
				q := catalog.ReviewQuery{
					ID: "a", Filter: someFilter(t), Order: catalog.ReviewOrder(rapid.IntRange(0, 3).Draw(t, "order")), Descending: rapid.Bool().Draw(t, "descending"),
					Skip: int64(rapid.IntRange(0, 3).Draw(t, "skip")), Size: rapid.IntRange(1, 20).Draw(t, "size"),
				}
				want := long.list(&q.Filter, q.Order, q.Descending)
				page, err := rapid.SampledFrom(replicas).Draw(t, "reader").List(ctx, q)
				if err != nil || page.Total != int64(len(want)) {
					t.Fatalf("%d of %d results, %v", page.Total, len(want), err)
				}
				want = want[min(int(q.Skip), len(want)):]
				want = want[:min(q.Size, len(want))]
				if diff := gocmp.Diff(want, page.Items, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(fault.Fault{}), cmpopts.IgnoreFields(catalog.Correction{}, "At")); diff != "" {
					t.Fatal(diff)
				}
			},
		})
	})
}
