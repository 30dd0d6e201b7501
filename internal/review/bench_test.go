package review_test

import (
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
