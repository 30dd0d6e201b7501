package review

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// List returns a part of a sorted list of a job's results. If some of the job's results or
// corrections are lost, what can be read is listed, and a part behind the end is DataLoss.
func (s *Service) List(ctx context.Context, q catalog.ReviewQuery) (catalog.ReviewPage, error) {
	if q.Order == catalog.ForReview && q.Descending {
		return catalog.ReviewPage{}, fault.Invalid("descending", "the order for reviews cannot be reversed: leave it out, or choose another order")
	}
	var page catalog.ReviewPage
	var picks []pick
	var job catalog.ReviewedJob
	err := s.with(ctx, q.Owner, q.ID, func(x *index) error {
		rows := x.view(&q.Filter, q.Order, q.Descending)
		page.Total, page.State, job = int64(len(rows)), x.job.State, x.job
		if q.Skip >= page.Total {
			return x.damage()
		}
		rows = rows[q.Skip:]
		picks = x.pick(rows[:min(len(rows), q.Size)])
		return nil
	})
	if err != nil {
		return catalog.ReviewPage{}, err
	}
	page.Items = make([]catalog.ReviewItem, len(picks))
	places := make([]catalog.ResultPlace, len(picks))
	for i := range picks {
		page.Items[i] = picks[i].ReviewItem
		if page.Items[i].Outcome, err = picks[i].result(); err != nil {
			return catalog.ReviewPage{}, err
		}
		places[i] = catalog.ResultPlace{Chunk: picks[i].chunk, Index: page.Items[i].Outcome.Index}
	}
	if !q.Rows || len(picks) == 0 {
		return page, nil
	}
	columns, cells, err := s.store.Rows(ctx, job, places)
	if err != nil {
		return catalog.ReviewPage{}, err
	}
	page.Columns = columns
	page.Items = page.Items[:len(cells)]
	for i := range cells {
		page.Items[i].Cells = cells[i]
	}
	return page, nil
}

// pick is a result that is read when other callers have their turn.
type pick struct {
	catalog.ReviewItem
	result func() (catalog.Outcome, error)
	chunk  int64
}

func (x *index) pick(rows []int32) []pick {
	picks := make([]pick, len(rows))
	for i, at := range rows {
		r := &x.rows[at]
		picks[i] = pick{catalog.ReviewItem{Correction: x.correction(r), HasPicture: r.is(pictured)}, x.result(int(at)), r.chunk}
	}
	return picks
}

// Summarize counts the results of a job that a filter lets through.
func (s *Service) Summarize(ctx context.Context, owner catalog.Owner, id string, f *catalog.ReviewFilter) (sum catalog.ReviewSummary, err error) {
	err = s.with(ctx, owner, id, func(x *index) error {
		if sum = x.summary(f); sum.Total == 0 {
			return x.damage()
		}
		return nil
	})
	return sum, err
}

// Corrections returns a page of the corrections in force, by index, and the token of the
// next page, empty after the last one. Lost ones are DataLoss after those that can be read.
func (s *Service) Corrections(ctx context.Context, q catalog.CorrectionQuery) (page []catalog.Correction, next string, err error) {
	after, err := parseAfter(q.Token)
	if err != nil {
		return nil, "", err
	}
	if corrected, err := s.isCorrected(ctx, q.Owner, q.ID); !corrected || err != nil {
		return nil, "", err
	}
	err = s.with(ctx, q.Owner, q.ID, func(x *index) error {
		for _, at := range x.byIndex() {
			r := &x.rows[at]
			if r.held == nil || r.index <= after {
				continue
			}
			if len(page) == q.Size {
				next = afterToken(page[len(page)-1].Index)
				return nil
			}
			page = append(page, *x.correction(r))
		}
		switch {
		case x.lost == nil:
		case len(page) == 0:
			return x.lost
		default:
			next = afterToken(page[len(page)-1].Index)
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return page, next, nil
}

// isCorrected reports whether a job has any changes. It needs no index, so that a job without
// corrections can be exported that is too large for one.
func (s *Service) isCorrected(ctx context.Context, owner catalog.Owner, id string) (bool, error) {
	job, err := s.store.Reviewed(ctx, owner, id)
	if err != nil {
		return false, err
	}
	found := errors.New("a change")
	err = s.store.Changes(ctx, job, 0, func(catalog.StoredChange) error { return found })
	if errors.Is(err, found) {
		return true, nil
	}
	return false, err
}

const afterPrefix = "after "

func afterToken(index int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(afterPrefix + strconv.FormatInt(index, 10)))
}

func parseAfter(token string) (int64, error) {
	if token == "" {
		return -1, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if index, ok := strings.CutPrefix(string(b), afterPrefix); ok && err == nil {
		if n, err := strconv.ParseInt(index, 10, 64); err == nil && n >= 0 {
			return n, nil
		}
	}
	return 0, fault.Invalid("page_token", "it is not of these corrections: send back next_page_token, or none for the first page")
}
