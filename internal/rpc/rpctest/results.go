package rpctest

import (
	"context"
	"strconv"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Results lists results. A token is the number of those that were passed.
func (j *Jobs) Results(_ context.Context, q catalog.ResultQuery, take func(*catalog.Outcome, []string) bool) (catalog.ResultPage, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	b, err := j.find(q.Owner, q.ID)
	if err != nil {
		return catalog.ResultPage{}, err
	}
	passed := 0
	if q.Token != "" {
		if passed, err = strconv.Atoi(q.Token); err != nil {
			return catalog.ResultPage{}, fault.Invalid("page_token", "it is not of this job: send next_page_token as it came")
		}
	}
	page := catalog.ResultPage{State: b.State}
	taken := 0
	for _, e := range b.items[min(passed, len(b.items)):b.Progress.Done] {
		o := outcomeOf(e)
		if q.Filter.Has(&o) {
			if taken == q.Size || !take(&o, cellsOf(e, q.Rows, &page)) {
				page.Next = strconv.Itoa(passed)
				return page, nil
			}
			taken++
		}
		passed++
	}
	if !b.State.Ended() {
		page.Next = strconv.Itoa(passed)
	}
	return page, nil
}

// cellsOf returns an item's row, and its columns in the page.
func cellsOf(e entry, wanted bool, page *catalog.ResultPage) []string {
	if !wanted || e.item.Row == nil {
		return nil
	}
	page.Columns = e.item.Row.Columns
	return e.item.Row.Cells
}
