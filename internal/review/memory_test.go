package review_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/review"
)

// slow is a store that takes a second to read results.
type slow struct {
	*memory
	reading, peak atomic.Int64
}

func (s *slow) ResultsAfter(ctx context.Context, job catalog.ReviewedJob, after uint64, each func(uint64, int64, []catalog.Outcome) error) (catalog.ReviewedJob, error) {
	s.peak.Store(max(s.peak.Load(), s.reading.Add(1)))
	defer s.reading.Add(-1)
	time.Sleep(time.Second)
	return s.memory.ResultsAfter(ctx, job, after, each)
}

func TestList_JobsOpenedAtOnceAreReadOneAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{memory: ended(1500)}
		s := review.New(store, 2<<20)
		var calling sync.WaitGroup
		for i := range 6 {
			calling.Go(func() { list(t, s, catalog.ReviewQuery{ID: fmt.Sprint(i), Size: 1}) })
		}
		calling.Wait()
		if peak := store.peak.Load(); peak != 1 {
			t.Errorf("%d indexes grew at once", peak)
		}
	})
}

func TestList_FewNewResultsWaitForNoOtherJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{memory: ended(100)}
		store.job.State = catalog.JobRunning
		s := review.New(store, 2<<20)
		list(t, s, catalog.ReviewQuery{ID: "a"})
		var calling sync.WaitGroup
		for _, id := range []string{"a", "b"} { // b is new
			calling.Go(func() { list(t, s, catalog.ReviewQuery{ID: id}) })
		}
		calling.Wait()
		if peak := store.peak.Load(); peak != 2 {
			t.Errorf("%d jobs were read at once", peak)
		}
	})
}

func TestList_ManyNewResultsAreReadOnceTheIndexMayGrow(t *testing.T) {
	store := ended(5000)
	store.job.State, store.job.Done = catalog.JobRunning, 0
	all := store.results
	s := review.New(store, 20<<20)
	for n := range 3 {
		store.results = all[:100+n*2400]
		correct(t, review.New(store, 20<<20), catalog.CorrectionRequest{ID: "a", Corrections: []catalog.Correction{{Index: int64(n * 2400), Category: "RUG"}}})
		if page := list(t, s, catalog.ReviewQuery{ID: "a", Filter: catalog.ReviewFilter{State: catalog.Corrected}}); page.Total != int64(n+1) {
			t.Errorf("%d of %d corrections are in force", page.Total, n+1)
		}
		if page := list(t, s, catalog.ReviewQuery{ID: "a"}); page.Total != int64(len(store.results)) {
			t.Errorf("%d of %d results are listed", page.Total, len(store.results))
		}
	}
}

func TestList_RefusesAJobWithTooManyCorrections(t *testing.T) {
	store := ended(10)
	for place := range uint64(3000) {
		store.changes = append(store.changes, catalog.StoredChange{Place: place + 1, Change: catalog.Change{
			ID: fmt.Sprint(place), Corrections: []catalog.Correction{{Index: 1, Note: strings.Repeat("x", 1000)}},
		}})
	}
	s := review.New(store, 2<<20)
	for range 2 {
		if _, err := s.List(t.Context(), catalog.ReviewQuery{ID: "a", Size: 1}); !fault.Is(err, fault.Conflict) {
			t.Error(err)
		}
	}
	if store.reads != 0 {
		t.Errorf("%d results were read", store.reads)
	}
}

func TestList_RefusesAJobThatIsTooLargeWithoutReadingItAgain(t *testing.T) {
	store := ended(20_000)
	s := review.New(store, 1<<20)
	var reads [2]int
	for i := range reads {
		if _, err := s.List(t.Context(), catalog.ReviewQuery{ID: "a", Size: 1}); !fault.Is(err, fault.Conflict) {
			t.Error(err)
		}
		reads[i] = store.reads
	}
	if reads[1] != reads[0] {
		t.Errorf("%d results were read, then %d", reads[0], reads[1])
	}
}

func TestList_FreesWhatIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := ended(100)
		s := review.New(store, 2<<20)
		for i, want := range []int{100, 100, 100, 200} {
			list(t, s, catalog.ReviewQuery{ID: "a"})
			if store.reads != want {
				t.Errorf("%d results were read at call %d, want %d", store.reads, i, want)
			}
			time.Sleep(20 * time.Minute << (i / 2))
		}
	})
}

func TestList_KeepsNoLongFilters(t *testing.T) {
	s := review.New(ended(10), 2<<20)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 8 {
		list(t, s, catalog.ReviewQuery{ID: "a", Filter: catalog.ReviewFilter{Categories: []string{strings.Repeat(fmt.Sprint(i), 4<<20)}}})
	}
	for range 3 { // pools of buffers are emptied by the second one
		runtime.GC()
	}
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(s)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("%d MiB are kept", grown>>20)
	}
}

func TestList_AnUnknownReasonSelectsNothing(t *testing.T) {
	store := ended(10)
	store.results[3].Err = fault.New(fault.Internal, "a defect")
	page := list(t, review.New(store, 2<<20), catalog.ReviewQuery{ID: "a", Filter: catalog.ReviewFilter{Reasons: []string{"99", "UNSPECIFIED"}}})
	if page.Total != 0 {
		t.Errorf("%d results are listed", page.Total)
	}
}

func TestList_EndsInTheMiddleOfChanges(t *testing.T) {
	store := ended(10)
	correct(t, review.New(store, 2<<20), catalog.CorrectionRequest{ID: "a", Corrections: []catalog.Correction{{Index: 1, Category: "RUG"}}})
	s := review.New(store, 2<<20)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // whichever of the turn and the end of the call is noticed first
		if _, err := s.List(ctx, catalog.ReviewQuery{ID: "a", Size: 1}); err == nil {
			t.Fatal("it did not end")
		}
	}
	if page := list(t, s, catalog.ReviewQuery{ID: "a", Filter: catalog.ReviewFilter{State: catalog.Corrected}}); page.Total != 1 {
		t.Errorf("%d corrections are in force", page.Total)
	}
}
