package rpc

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/credenza-dev/credenza/internal/catalog"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// Results on a page, and the bytes that they may take besides those of the first one:
// clients take 4 MiB unless they are told otherwise.
const (
	defaultResults = 100
	maxResults     = 1000
	maxPageBytes   = 3 << 20
)

var resultFilters = map[credenzav1.ResultFilter]catalog.ResultFilter{
	credenzav1.ResultFilter_RESULT_FILTER_FAILED:       catalog.FailedResults,
	credenzav1.ResultFilter_RESULT_FILTER_NEEDS_REVIEW: catalog.ReviewResults,
}

// ListJobResults answers with a page of a job's results.
func (j *jobs) ListJobResults(ctx context.Context, req *credenzav1.ListJobResultsRequest) (*credenzav1.ListJobResultsResponse, error) {
	p := resultPage{withRows: req.GetWithRows()}
	page, err := j.jobs.Results(ctx, catalog.ResultQuery{
		Owner: ownerOf(ctx), ID: req.GetJobId(), Filter: resultFilters[req.GetFilter()],
		Size: pageSize(req.GetPageSize()), Token: req.GetPageToken(), Rows: p.withRows,
	}, p.take)
	if err != nil {
		return nil, err
	}
	hideShared(ctx, p.results...)
	res := &credenzav1.ListJobResultsResponse{Results: p.results, NextPageToken: page.Next, State: jobStates[page.State]}
	if page.Columns != nil {
		res.Columns, res.Rows = texts(page.Columns), p.rows
	}
	return res, nil
}

// resultPage is a page in the making.
type resultPage struct {
	results  []*credenzav1.ItemResult
	rows     []*credenzav1.Row
	withRows bool
	bytes    int
}

// take adds a result and its row. It returns false if the page has no room for them.
func (p *resultPage) take(o *catalog.Outcome, cells []string) bool {
	result := outcomeToProto(o)
	size := proto.Size(result)
	var row *credenzav1.Row
	if p.withRows {
		row = &credenzav1.Row{Cells: texts(cells)}
		size += proto.Size(row)
	}
	if len(p.results) > 0 && p.bytes+size > maxPageBytes {
		return false
	}
	p.bytes += size
	p.results = append(p.results, result)
	if row != nil {
		p.rows = append(p.rows, row)
	}
	return true
}
