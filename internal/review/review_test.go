package review_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/review"
)

// ended is a store with a job of n results that has ended.
func ended(n int) *memory {
	return &memory{job: catalog.ReviewedJob{State: catalog.JobSucceeded, Items: int64(n), Done: int64(n)}, results: realistic(n)}
}

func list(t *testing.T, s *review.Service, q catalog.ReviewQuery) catalog.ReviewPage {
	t.Helper()
	if q.Size == 0 {
		q.Size = 1000
	}
	page, err := s.List(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func correct(t *testing.T, s *review.Service, q catalog.CorrectionRequest) catalog.CorrectionResult {
	t.Helper()
	result, err := s.Correct(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func indexes(page catalog.ReviewPage) (all []int64) {
	for _, item := range page.Items {
		all = append(all, item.Outcome.Index)
	}
	return all
}

func TestList_ForReviewHasTheDoubtfulAndATenthOfTheOthers(t *testing.T) {
	const n = 2000
	store := ended(n)
	first := list(t, review.New(store, 10<<20), catalog.ReviewQuery{ID: "a", Order: catalog.ForReview})
	doubtful := 0
	for i, item := range first.Items {
		if !item.Outcome.Classification.NeedsReview {
			break
		}
		doubtful++
		if i > 0 && item.Outcome.Classification.Confidence < first.Items[i-1].Outcome.Classification.Confidence {
			t.Errorf("the result at %d is less confident than the one before", i)
		}
	}
	sample := first.Items[doubtful:]
	want := 0
	for i := range store.results {
		if store.results[i].Classification.NeedsReview {
			want++
		}
	}
	if doubtful != want {
		t.Errorf("%d of %d doubtful results come first", doubtful, want)
	}
	if others := n - doubtful; len(sample) < others/15 || len(sample) > others/7 || first.Total != int64(len(first.Items)) {
		t.Errorf("the sample has %d of %d results", len(sample), others)
	}
	if slices.IsSorted(indexes(first)[doubtful:]) {
		t.Error("the sample is in the order of the job")
	}
	other := review.New(store, 10<<20)
	correct(t, other, catalog.CorrectionRequest{ID: "a", Corrections: []catalog.Correction{{Index: sample[3].Outcome.Index}, {Index: first.Items[0].Outcome.Index, Category: "RUG"}}})
	if again := list(t, other, catalog.ReviewQuery{ID: "a", Order: catalog.ForReview}); !slices.Equal(indexes(first), indexes(again)) {
		t.Error("the list is another one on another replica, after corrections")
	}
	sum, err := other.Summarize(t.Context(), catalog.Owner{}, "a", &catalog.ReviewFilter{})
	if err != nil || sum.ToReview != first.Total || sum.Reviewed != 2 || sum.NeedsReview != int64(doubtful) {
		t.Errorf("%+v, %v", sum, err)
	}
	if _, err := other.List(t.Context(), catalog.ReviewQuery{ID: "a", Size: 1, Order: catalog.ForReview, Descending: true}); !fault.Is(err, fault.InvalidRequest) {
		t.Error(err)
	}
}

func TestList_ForReviewHasSomethingOfASmallJob(t *testing.T) {
	for n := 1; n < 10; n++ {
		store := ended(n)
		for i := range store.results {
			store.results[i].Classification.NeedsReview = false
		}
		if page := list(t, review.New(store, 1<<20), catalog.ReviewQuery{ID: "a", Order: catalog.ForReview}); page.Total == 0 {
			t.Errorf("nothing of %d results is to be reviewed", n)
		}
	}
}

func TestSummarize_CountsWhatIsInForce(t *testing.T) {
	s := review.New(ended(1200), 10<<20)
	correct(t, s, catalog.CorrectionRequest{ID: "a", Bulk: &catalog.Correction{Category: "BED"}, Filter: catalog.ReviewFilter{Reasons: []string{"REFUSED"}}})
	correct(t, s, catalog.CorrectionRequest{ID: "a", Bulk: &catalog.Correction{}, Filter: catalog.ReviewFilter{Categories: []string{"LAMP"}}})
	sum, err := s.Summarize(t.Context(), catalog.Owner{}, "a", &catalog.ReviewFilter{})
	if err != nil {
		t.Fatal(err)
	}
	// There would be 200 of each of six categories, but every hundredth has failed: four
	// beds, and no lamp.
	counts := map[string]int64{}
	for _, c := range append(sum.Categories, sum.Reasons...) {
		counts[c.Name] = c.Count
	}
	total := int64(0)
	for _, n := range sum.Confidences {
		total += n
	}
	if sum.Total != 1200 || sum.Corrected != 12 || counts["REFUSED"] != 12 || sum.Accepted != 200 || sum.Unchecked != 988 ||
		sum.Categories[0].Name != "BED" || counts["BED"] != 208 || counts["LAMP"] != 200 || total != 1188 || len(sum.Styles) != 3 {
		t.Errorf("%+v", sum)
	}
}

func TestList_ReadsResultsOnce(t *testing.T) {
	store := ended(3000)
	s := review.New(store, 10<<20)
	for range 3 {
		list(t, s, catalog.ReviewQuery{ID: "a"})
	}
	if store.reads != 3000 {
		t.Errorf("%d results were read", store.reads)
	}
}

func TestList_JobsMakeRoomForOthers(t *testing.T) {
	store := ended(3000) // takes between 1 and 2 MiB
	s := review.New(store, 4<<20)
	read := func(id string) int {
		before := store.reads
		list(t, s, catalog.ReviewQuery{ID: id, Size: 1})
		return store.reads - before
	}
	for _, id := range []string{"a", "b", "a", "c", "d"} {
		read(id)
	}
	if n := read("d"); n != 0 {
		t.Errorf("the last used one was read again: %d results", n)
	}
	if n := read("b"); n != 3000 {
		t.Errorf("the least recently used one was kept: %d results were read", n)
	}
}

func TestList_RefusesAJobThatIsTooLarge(t *testing.T) {
	store := ended(20_000)
	s := review.New(store, 1<<20)
	_, err := s.List(t.Context(), catalog.ReviewQuery{ID: "a", Size: 1})
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "1 MiB") || store.reads == 20_000 {
		t.Errorf("%v after %d results", err, store.reads)
	}
	corrections, next, err := s.Corrections(t.Context(), catalog.CorrectionQuery{ID: "a", Size: 10})
	if len(corrections) > 0 || next != "" || err != nil {
		t.Errorf("without a correction, there are %v, %q, %v", corrections, next, err)
	}
}

func TestList_OfADamagedJobHasWhatIsLeft(t *testing.T) {
	store := ended(150)
	store.job.Done = 160
	s := review.New(store, 10<<20)
	if page := list(t, s, catalog.ReviewQuery{ID: "a", Skip: 100}); page.Total != 150 || len(page.Items) != 50 {
		t.Errorf("%d of %d results", len(page.Items), page.Total)
	}
	if _, err := s.List(t.Context(), catalog.ReviewQuery{ID: "a", Skip: 150, Size: 10}); !fault.Is(err, fault.DataLoss) {
		t.Error(err)
	}
	store.job.Done = 150
	store.lost = fault.New(fault.DataLoss, "corrections are missing")
	correct(t, s, catalog.CorrectionRequest{ID: "a", Corrections: []catalog.Correction{{Index: 3}}})
	page, next, err := s.Corrections(t.Context(), catalog.CorrectionQuery{ID: "a", Size: 10})
	if err != nil || len(page) != 1 || next == "" {
		t.Fatal(page, next, err)
	}
	if _, _, err := s.Corrections(t.Context(), catalog.CorrectionQuery{ID: "a", Size: 10, Token: next}); !fault.Is(err, fault.DataLoss) {
		t.Error(err)
	}
}

func TestCorrect_IsMadeAgainOnTopOfAnother(t *testing.T) {
	store := ended(100)
	ada, ben := review.New(store, 10<<20), review.New(store, 10<<20)
	store.outrun = func() {
		correct(t, ben, catalog.CorrectionRequest{ID: "a", Person: "Ben", Bulk: &catalog.Correction{Category: "RUG"}, Filter: catalog.ReviewFilter{Categories: []string{"SOFA"}}})
	}
	result := correct(t, ada, catalog.CorrectionRequest{ID: "a", Person: "Ada", Bulk: &catalog.Correction{Category: "BED"}, Filter: catalog.ReviewFilter{Categories: []string{"RUG"}}})
	page, _, err := ada.Corrections(t.Context(), catalog.CorrectionQuery{ID: "a", Size: 100})
	if err != nil || result.Changed != int64(len(page)) || len(store.changes) != 2 {
		t.Fatalf("%+v of %d corrections, %v", result, len(page), err)
	}
	for _, c := range page { // the other's are in what the filter now selects
		if c.Person != "Ada" || c.Category != "BED" {
			t.Errorf("%+v", c)
		}
	}
}

func TestCorrect_RefusesWhatTheJobDoesNotHave(t *testing.T) {
	s := review.New(ended(10), 10<<20)
	undone := correct(t, s, catalog.CorrectionRequest{ID: "a", Corrections: []catalog.Correction{{Index: 1}}}).ChangeID
	correct(t, s, catalog.CorrectionRequest{ID: "a", Undo: undone})
	for name, tc := range map[string]struct {
		q      catalog.CorrectionRequest
		reason fault.Reason
	}{
		"no such result":   {catalog.CorrectionRequest{Corrections: []catalog.Correction{{Index: 1}, {Index: 10}}}, fault.InvalidRequest},
		"a result twice":   {catalog.CorrectionRequest{Corrections: []catalog.Correction{{Index: 1}, {Index: 1}}}, fault.InvalidRequest},
		"no such change":   {catalog.CorrectionRequest{Undo: "x"}, fault.InvalidRequest},
		"undone already":   {catalog.CorrectionRequest{Undo: undone}, fault.Conflict},
		"counts no better": {catalog.CorrectionRequest{Undo: "x", CountOnly: true}, fault.InvalidRequest},
	} {
		tc.q.ID = "a"
		if got, err := s.Correct(t.Context(), tc.q); !fault.Is(err, tc.reason) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, _, err := s.Corrections(t.Context(), catalog.CorrectionQuery{ID: "a", Size: 1, Token: "garbage"}); !fault.Is(err, fault.InvalidRequest) {
		t.Error(err)
	}
}

func TestCorrect_OfAResultThatThisReplicaDoesNotSeeYet(t *testing.T) {
	store := ended(100)
	store.job.State = catalog.JobRunning
	all := store.results
	correct(t, review.New(store, 10<<20), catalog.CorrectionRequest{ID: "a", Corrections: []catalog.Correction{{Index: 70, Category: "BED"}}})
	correct(t, review.New(store, 10<<20), catalog.CorrectionRequest{ID: "a", Bulk: &catalog.Correction{Category: "RUG"}, Filter: catalog.ReviewFilter{Query: "number 80;"}})
	behind := review.New(store, 10<<20)
	store.results = all[:50]
	list(t, behind, catalog.ReviewQuery{ID: "a"})
	store.results = all
	page := list(t, behind, catalog.ReviewQuery{ID: "a", Filter: catalog.ReviewFilter{State: catalog.Corrected}})
	if !slices.Equal(indexes(page), []int64{70, 80}) {
		t.Errorf("corrected are %d", indexes(page))
	}
}

func TestReview_TakesCallsAtOnce(t *testing.T) {
	store := ended(500)
	replicas := []*review.Service{review.New(store, 10<<20), review.New(store, 10<<20)}
	var calling sync.WaitGroup
	for i := range 8 {
		calling.Go(func() {
			s := replicas[i%2]
			for n := range 10 {
				id := correct(t, s, catalog.CorrectionRequest{ID: "a", Corrections: []catalog.Correction{{Index: int64(i*10 + n), Note: fmt.Sprint(i)}}}).ChangeID
				list(t, s, catalog.ReviewQuery{ID: "a", Order: catalog.ByName, Filter: catalog.ReviewFilter{State: catalog.Accepted}})
				if n == 9 {
					correct(t, s, catalog.CorrectionRequest{ID: "a", Undo: id})
				}
			}
		})
	}
	calling.Wait()
	for _, s := range replicas {
		if page, _, err := s.Corrections(t.Context(), catalog.CorrectionQuery{ID: "a", Size: 1000}); err != nil || len(page) != 8*9 {
			t.Errorf("%d corrections, %v", len(page), err)
		}
	}
}

func TestList_EndsWithItsCall(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	store := ended(10)
	s := review.New(store, 10<<20)
	store.outrun = func() {
		if _, err := s.List(ctx, catalog.ReviewQuery{ID: "a", Size: 1}); err == nil { // another call has the turn
			t.Error("it did not wait")
		}
	}
	correct(t, s, catalog.CorrectionRequest{ID: "a", Corrections: []catalog.Correction{{Index: 1}}})
}
