package review_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/review"
)

// BenchmarkIndex makes the index of 100,000 results, without reading them from a store,
// and reports how much memory it takes with the views of all orders.
func BenchmarkIndex(b *testing.B) {
	const n = 100_000
	store := &memory{job: catalog.ReviewedJob{State: catalog.JobSucceeded, Items: n, Done: n}, results: realistic(n)}
	var before, after runtime.MemStats
	for b.Loop() {
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&before)
		b.StartTimer()
		s := review.New(store, 100<<20)
		if page, err := s.List(b.Context(), catalog.ReviewQuery{ID: "a", Size: 100}); err != nil || page.Total != n {
			b.Fatal(page.Total, err)
		}
		b.StopTimer()
		for order := catalog.ByIndex; order <= catalog.ForReview; order++ {
			if _, err := s.List(b.Context(), catalog.ReviewQuery{ID: "a", Size: 100, Order: order}); err != nil {
				b.Fatal(err)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(s)
		b.StartTimer()
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
}

// BenchmarkSearch lists and counts 100,000 results for words that were not asked for before,
// at once, or letter by letter as they are typed.
func BenchmarkSearch(b *testing.B) {
	const n = 100_000
	store := &memory{job: catalog.ReviewedJob{State: catalog.JobSucceeded, Items: n, Done: n}, results: realistic(n)}
	s := review.New(store, 100<<20)
	search := func(b *testing.B, text string) {
		b.Helper()
		f := catalog.ReviewFilter{Query: text}
		if _, err := s.List(b.Context(), catalog.ReviewQuery{ID: "a", Size: 50, Filter: f}); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Summarize(b.Context(), catalog.Owner{}, "a", &f); err != nil {
			b.Fatal(err)
		}
	}
	search(b, "") // makes the index
	b.Run("at once", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			search(b, fmt.Sprint("chair ", 10_000+i))
		}
	})
	b.Run("typed", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			for text, end := fmt.Sprint("chair ", 10_000+i), 1; end <= len(text); end++ {
				search(b, text[:end])
			}
		}
	})
}
