package credenza

import (
	"context"
	"iter"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// ResultFilter is which results of a job are listed.
type ResultFilter int

// The filters.
const (
	AllResults ResultFilter = iota
	// FailedResults have an Err.
	FailedResults
	// ReviewResults have Classification.NeedsReview.
	ReviewResults
)

// ResultQuery selects results of a job. The zero value selects all.
type ResultQuery struct {
	Filter ResultFilter
	// PageSize is how many are fetched at once, at most 1,000; 0 takes the server's.
	PageSize int
	// WithRows sets Result.Row, if the job was created from rows.
	WithRows bool
}

// Row is a row of a table.
type Row struct {
	Columns []string
	// Cells has one for each column; blank ones at the end may be missing.
	Cells []string
}

func filterToProto(f ResultFilter) credenzav1.ResultFilter {
	return valueAt(int(f), credenzav1.ResultFilter_RESULT_FILTER_ALL, credenzav1.ResultFilter_RESULT_FILTER_FAILED,
		credenzav1.ResultFilter_RESULT_FILTER_NEEDS_REVIEW)
}

// ListJobResults iterates over the results of a job, in the order in which they were
// stored, and fetches them page by page. Of a job that has not ended, it ends with those
// that there are; WatchJob waits for the others. An error is an *Error and the last
// thing that comes.
func (c *Client) ListJobResults(ctx context.Context, id string, q ResultQuery) iter.Seq2[Result, error] {
	return pages(func(token string) ([]Result, string, error) {
		res, err := c.jobs.ListJobResults(ctx, &credenzav1.ListJobResultsRequest{
			JobId: text(id), PageSize: clampInt32(q.PageSize), PageToken: token, Filter: filterToProto(q.Filter), WithRows: q.WithRows,
		})
		results := converted(res.GetResults(), resultFromProto)
		for i := range results {
			results[i].Row = rowFromProto(res, i)
		}
		return results, res.GetNextPageToken(), err
	})
}

// pages iterates over what is on pages, of which fetch returns the one of a token, with the
// token of the next one.
func pages[T any](fetch func(token string) (page []T, next string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for token := ""; ; {
			page, next, err := fetch(token)
			if err != nil {
				var none T
				yield(none, errorFrom(err))
				return
			}
			for _, each := range page {
				if !yield(each, nil) {
					return
				}
			}
			if next == "" || next == token { // the same: nothing came since
				return
			}
			token = next
		}
	}
}

// rowFromProto returns the row of one result of a page, nil if there is none.
func rowFromProto(res *credenzav1.ListJobResultsResponse, i int) *Row {
	if i >= len(res.GetRows()) || len(res.GetRows()[i].GetCells()) == 0 {
		return nil
	}
	return &Row{Columns: res.GetColumns(), Cells: res.GetRows()[i].GetCells()}
}
