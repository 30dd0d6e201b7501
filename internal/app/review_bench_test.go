package app_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// heap returns the bytes in use.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkReview measures calls for a job of 100,000 results through a real connection.
// "index" is the first call, which makes the index, with its size; each of the others is
// one call that cannot be answered from what the call before left.
func BenchmarkReview(b *testing.B) {
	r := serveReviews(b, "--max-items=100000")
	items := furniture(100_000)
	for i := range items {
		items[i].Tags = []string{"solid", "handmade", "living room"}
	}
	id := r.job(b, items, credenza.Options{})
	page := func(b *testing.B, req *credenzav1.ListReviewItemsRequest) {
		b.Helper()
		req.JobId, req.PageSize = id, max(req.PageSize, 100)
		if res := r.list(b, req); len(res.GetItems()) == 0 {
			b.Fatal(res)
		}
	}
	before, start := heap(), time.Now()
	page(b, &credenzav1.ListReviewItemsRequest{})
	took, size := time.Since(start), heap()-before
	b.Run("index", func(b *testing.B) {
		b.ReportMetric(float64(took.Milliseconds()), "ms")
		b.ReportMetric(size/(1<<20), "MiB")
		b.ReportMetric(0, "ns/op")
	})
	change := func() { // makes all views out of date
		r.put(b, correct(id, &credenzav1.Correction{Index: 7}))
	}
	for _, tc := range []struct {
		name string
		req  *credenzav1.ListReviewItemsRequest
	}{
		{"page", &credenzav1.ListReviewItemsRequest{}},
		{"page of 1000", &credenzav1.ListReviewItemsRequest{PageSize: 1000}},
		{"page by confidence", &credenzav1.ListReviewItemsRequest{Order: credenzav1.ReviewOrder_REVIEW_ORDER_CONFIDENCE}},
		{"page of a query", &credenzav1.ListReviewItemsRequest{Filter: &credenzav1.ReviewFilter{Query: "leather 77"}}},
		{"page with rows", &credenzav1.ListReviewItemsRequest{WithRows: true}},
		{"page by confidence with rows", &credenzav1.ListReviewItemsRequest{Order: credenzav1.ReviewOrder_REVIEW_ORDER_CONFIDENCE, WithRows: true}},
	} {
		b.Run(tc.name, func(b *testing.B) {
			page(b, tc.req)
			for i := 0; b.Loop(); i++ {
				tc.req.Skip = int64(i % 10 * 100)
				page(b, tc.req)
			}
		})
	}
	for _, tc := range []struct {
		name string
		req  *credenzav1.ListReviewItemsRequest
	}{
		{"filter", &credenzav1.ListReviewItemsRequest{Filter: &credenzav1.ReviewFilter{Categories: []string{"SOFA"}, Failed: new(bool)}}},
		{"query", &credenzav1.ListReviewItemsRequest{Filter: &credenzav1.ReviewFilter{Query: "leather 77"}}},
		{"sort by name", &credenzav1.ListReviewItemsRequest{Order: credenzav1.ReviewOrder_REVIEW_ORDER_NAME}},
		{"sort by category", &credenzav1.ListReviewItemsRequest{Order: credenzav1.ReviewOrder_REVIEW_ORDER_CATEGORY, Descending: true}},
		{"sort for review", &credenzav1.ListReviewItemsRequest{Order: credenzav1.ReviewOrder_REVIEW_ORDER_REVIEW}},
	} {
		b.Run(tc.name, func(b *testing.B) {
			start := time.Now()
			page(b, tc.req)
			first := time.Since(start)
			for b.Loop() {
				b.StopTimer()
				change()
				b.StartTimer()
				page(b, tc.req)
			}
			b.ReportMetric(float64(first.Microseconds())/1000, "first-ms")
		})
	}
	b.Run("summary", func(b *testing.B) {
		for b.Loop() {
			if _, err := r.SummarizeReview(b.Context(), &credenzav1.SummarizeReviewRequest{JobId: id}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("correction", func(b *testing.B) {
		for b.Loop() {
			change()
		}
	})
	b.Run("bulk change of all and its undo", func(b *testing.B) {
		for b.Loop() {
			res := r.put(b, correctAll(id, nil, &credenzav1.Correction{Category: "BED"}))
			if back := r.put(b, undo(id, res.GetChangeId())); res.GetChanged() != 100_000 || back.GetChanged() != 100_000 {
				b.Fatal(res, back)
			}
		}
	})
}
