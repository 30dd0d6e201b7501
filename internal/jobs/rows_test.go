package jobs_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/jobs"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// listRows lists a job with its rows, in small pages, and returns the cells by index.
func listRows(t *testing.T, c credenzav1.JobServiceClient, id string, columns []string) map[int64][]string {
	t.Helper()
	rows := map[int64][]string{}
	req := &credenzav1.ListJobResultsRequest{JobId: id, PageSize: 40, WithRows: true}
	for {
		res, err := c.ListJobResults(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(res.GetResults()); n != len(res.GetRows()) || n > 0 && !slices.Equal(res.GetColumns(), columns) {
			t.Fatalf("%d results, %d rows, the columns %q", n, len(res.GetRows()), res.GetColumns())
		}
		for i, r := range res.GetResults() {
			rows[r.GetIndex()] = res.GetRows()[i].GetCells()
		}
		if req.PageToken = res.GetNextPageToken(); req.GetPageToken() == "" {
			return rows
		}
	}
}

func TestRows_ComeBackWithTheirResults(t *testing.T) {
	r := single(t)
	c := rawFront(t, r)
	columns := []string{"name", "description", "SKU", "SKU", "", "number"}
	req := &credenzav1.SubmitJobRequest{Rows: &credenzav1.RowChunk{Columns: columns}, Spec: &credenzav1.JobSpec{Mode: credenzav1.Mode_MODE_TEXT}}
	want := map[int64][]string{}
	for i := range 333 {
		cells := []string{fmt.Sprint("oak chair ", i), "", "a", "b", "none", "9007199254740993"}
		switch {
		case i%100 == 7: // an object of its own
			cells[4] = strings.Repeat("x", 100_000)
		case i%100 == 8: // one cell too many
			cells = append(cells, "7th")
		case i%10 == 3:
			cells[1] = "down"
		case i%10 == 4:
			cells = cells[:1]
		}
		want[int64(i)] = cells
		req.Rows.Rows = append(req.Rows.Rows, &credenzav1.Row{Cells: cells})
	}
	res, err := c.SubmitJob(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	id := res.GetJob().GetJobId()
	s := r.watch(t, id, nil, 0)
	if s.summary.FailuresByReason["INVALID_ITEM"] != 4 {
		t.Errorf("%+v", s.summary)
	}
	check := func(got, want map[int64][]string) {
		t.Helper()
		if len(got) != len(want) {
			t.Errorf("%d rows, want %d", len(got), len(want))
		}
		for i, cells := range want {
			if !slices.Equal(got[i], cells) {
				t.Errorf("row %d is %.100q, want %.100q", i, got[i], cells)
			}
		}
	}
	check(listRows(t, c, id, columns), want)

	retried, err := c.RetryJob(t.Context(), &credenzav1.RetryJobRequest{JobId: id})
	if err != nil {
		t.Fatal(err)
	}
	r.watch(t, retried.GetJob().GetJobId(), nil, 0)
	for i := range want {
		if s.outcomes[i].Err == nil || !s.outcomes[i].Err.Retryable() {
			delete(want, i)
		}
	}
	check(listRows(t, c, retried.GetJob().GetJobId(), columns), want)

	plain, err := c.ListJobResults(t.Context(), &credenzav1.ListJobResultsRequest{JobId: id})
	if err != nil || len(plain.GetRows())+len(plain.GetColumns()) > 0 {
		t.Errorf("rows came unasked: %d, %v", len(plain.GetRows()), err)
	}
}

// TestRows_NextToItems has items before and after the rows of a job.
func TestRows_NextToItems(t *testing.T) {
	r := single(t)
	columns := []string{"name"}
	items := goods(330, func(i int, it *catalog.Item) {
		if i >= 150 && i < 250 {
			it.Row = &catalog.Row{Columns: columns, Cells: []string{it.Name}}
		}
	})
	job := r.create(t, textual, items)
	r.watch(t, job.ID, nil, 0).complete(t, items)
	c := rawFront(t, r)
	req := &credenzav1.ListJobResultsRequest{JobId: job.ID, PageSize: 1000, WithRows: true}
	res, err := c.ListJobResults(t.Context(), req)
	if err != nil || len(res.GetRows()) != 330 || !slices.Equal(res.GetColumns(), columns) {
		t.Fatal(len(res.GetRows()), res.GetColumns(), err)
	}
	for i, result := range res.GetResults() {
		n := result.GetIndex()
		if cells := res.GetRows()[i].GetCells(); (len(cells) == 1 && cells[0] == result.GetProductName()) != (n >= 150 && n < 250) {
			t.Errorf("item %d has the row %q", n, cells)
		}
	}
	none := r.create(t, textual, goods(3, nil))
	r.watch(t, none.ID, nil, 0)
	res, err = c.ListJobResults(t.Context(), &credenzav1.ListJobResultsRequest{JobId: none.ID, WithRows: true})
	if err != nil || len(res.GetResults()) != 3 || len(res.GetRows())+len(res.GetColumns()) > 0 {
		t.Errorf("%v, %v", res, err)
	}
}

// TestRows_WithACellTooManyStayBad has one server store such rows, in a chunk and as objects,
// and another one read and classify them.
func TestRows_WithACellTooManyStayBad(t *testing.T) {
	dir := t.TempDir()
	b := openBroker(t, dir)
	r := start(t, b, newModel(4))
	r.Drain(t.Context()) // it takes jobs in and works on none
	columns := []string{"name", "stock"}
	req := &credenzav1.SubmitJobRequest{Rows: &credenzav1.RowChunk{Columns: columns}, Spec: &credenzav1.JobSpec{Mode: credenzav1.Mode_MODE_TEXT}}
	want := map[int64][]string{0: {"chair", "1"}, 1: {"chair", "2", "more"}, 2: {"chair", strings.Repeat("x", 100_000), "more"}, 3: {"chair", strings.Repeat("x", 100_000)}}
	for i := range int64(len(want)) {
		req.Rows.Rows = append(req.Rows.Rows, &credenzav1.Row{Cells: want[i]})
	}
	c := rawFront(t, r)
	res, err := c.SubmitJob(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	id := res.GetJob().GetJobId()
	if done := getJob(t, c, id).GetProgress().GetDone(); done > 0 {
		t.Fatalf("%d results came from the first server", done)
	}
	r.Close()
	b.Close()

	b = openBroker(t, dir)
	defer b.Close()
	r = start(t, b, newModel(4))
	defer r.Close()
	c = rawFront(t, r)
	s := r.watch(t, id, nil, 0)
	for i, cells := range want {
		bad := s.outcomes[i].Err != nil && s.outcomes[i].Err.Reason.String() == "INVALID_ITEM"
		if bad != (len(cells) > len(columns)) || !bad && s.outcomes[i].Err != nil {
			t.Errorf("row %d: %v", i, s.outcomes[i].Err)
		}
	}
	for i, cells := range listRows(t, c, id, columns) {
		if !slices.Equal(cells, want[i]) {
			t.Errorf("row %d is %.50q", i, cells)
		}
	}
}

// TestListJobResults_OfJobsThatAreBeingDeleted lists rows while jobs are deleted. What is
// removed with a job is neither lost nor out of reach.
func TestListJobResults_OfJobsThatAreBeingDeleted(t *testing.T) {
	r := single(t)
	c := rawFront(t, r)
	var deleted []catalog.Job
	for range 8 {
		items := goods(400, func(_ int, it *catalog.Item) {
			it.Row = &catalog.Row{Columns: []string{"name"}, Cells: []string{it.Name}}
		})
		job := r.create(t, textual, items)
		r.watch(t, job.ID, nil, 0)
		deleted = append(deleted, job)
	}
	var working sync.WaitGroup
	defer working.Wait()
	for _, job := range deleted {
		for range 2 {
			working.Go(func() { listUntilGone(t, c, job.ID) })
		}
	}
	for _, job := range deleted {
		if err := r.Delete(t.Context(), allOwners, job.ID); err != nil {
			t.Error(err)
		}
	}
}

// listUntilGone lists the first row of a job again and again, until there is no such job.
func listUntilGone(t *testing.T, c credenzav1.JobServiceClient, id string) {
	t.Helper()
	for {
		_, err := c.ListJobResults(t.Context(), &credenzav1.ListJobResultsRequest{JobId: id, PageSize: 1, WithRows: true})
		if status.Code(err) == codes.NotFound {
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
	}
}

// TestRows_CountAsBytes asks how many bytes the caps are told of.
func TestRows_CountAsBytes(t *testing.T) {
	for name, row := range map[string]*catalog.Row{
		"cells":   {Columns: []string{"a"}, Cells: []string{strings.Repeat("x", 50<<10)}},
		"objects": {Columns: []string{"a"}, Cells: []string{strings.Repeat("x", 100<<10)}},
		"columns": {Columns: slices.Repeat([]string{strings.Repeat("x", 120)}, 1000), Cells: []string{strings.Repeat("x", 60<<10)}},
	} {
		t.Run(name, func(t *testing.T) {
			held := &countedCaps{}
			r := single(t, func(c *jobs.Config) { c.Caps = held })
			r.create(t, textual, goods(300, func(_ int, it *catalog.Item) { it.Row = row }))
			want := int64(300 * len(row.Cells[0]))
			if len(row.Columns) > 1 {
				want += 100 * 120_000
			}
			if held.bytes < want || held.bytes > want*5/4 {
				t.Errorf("%d bytes are counted, want %d", held.bytes, want)
			}
		})
	}
}

// countedCaps has no caps, and remembers the bytes of the last job.
type countedCaps struct{ bytes int64 }

func (c *countedCaps) HoldJob(_ context.Context, _, _ string, bytes int64, _ func() []catalog.KeptJob) error {
	c.bytes = bytes
	return nil
}

func (*countedCaps) ReleaseJob(context.Context, string, string) {}

func (*countedCaps) GrowJob(context.Context, string, int64, func() []catalog.KeptJob) error {
	return nil
}

// TestRows_OfFewPagesAreReadAtOnce lists the same rows in many calls.
func TestRows_OfFewPagesAreReadAtOnce(t *testing.T) {
	const most = 8
	r := single(t)
	row := &catalog.Row{Columns: []string{"name"}, Cells: []string{"oak chair"}}
	job := r.create(t, textual, goods(10, func(_ int, it *catalog.Item) { it.Row = row }))
	r.watch(t, job.ID, nil, 0)
	var calls, reading, peak atomic.Int64
	full := make(chan struct{})
	var listing sync.WaitGroup
	for range 3 * most {
		listing.Go(func() {
			first := true
			_, err := r.Results(t.Context(), catalog.ResultQuery{Owner: allOwners, ID: job.ID, Size: 10, Rows: true}, func(_ *catalog.Outcome, cells []string) bool {
				if first {
					first = false
					peak.Store(max(peak.Load(), reading.Add(1)))
					if calls.Add(1) == most {
						close(full)
					}
					<-full
				}
				return len(cells) == 1
			})
			reading.Add(-1)
			if err != nil {
				t.Error(err)
			}
		})
	}
	listing.Wait()
	if calls.Load() != 3*most || peak.Load() > most {
		t.Errorf("%d calls have listed rows, up to %d at once, want %d and %d", calls.Load(), peak.Load(), 3*most, most)
	}
}

// TestRows_OfAReviewHaveABound reads rows that take 8 MiB, and some while no page may be
// read.
func TestRows_OfAReviewHaveABound(t *testing.T) {
	r := single(t)
	const items, bytes = 100, 80 << 10
	job := r.create(t, textual, goods(items, func(_ int, it *catalog.Item) {
		it.Row = &catalog.Row{Columns: []string{"name"}, Cells: []string{strings.Repeat("x", bytes)}}
	}))
	r.watch(t, job.ID, nil, 0)
	reviewed, err := r.Reviewed(t.Context(), allOwners, job.ID)
	if err != nil {
		t.Fatal(err)
	}
	var places []catalog.ResultPlace
	_, err = r.ResultsAfter(t.Context(), reviewed, 0, func(_ uint64, chunk int64, outcomes []catalog.Outcome) error {
		for i := range outcomes {
			places = append(places, catalog.ResultPlace{Chunk: chunk, Index: outcomes[i].Index})
		}
		return nil
	})
	if err != nil || len(places) != items {
		t.Fatal(len(places), err)
	}
	for len(places) > 0 {
		columns, cells, err := r.Rows(t.Context(), reviewed, places)
		if err != nil || len(columns) != 1 || len(cells) == 0 || len(cells)*bytes > 4<<20 {
			t.Fatal(len(columns), len(cells), err)
		}
		for _, row := range cells {
			if len(row) != 1 || len(row[0]) != bytes {
				t.Fatal("a row is another one")
			}
		}
		places = places[len(cells):]
	}
	within, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	full, end := make(chan struct{}, items), make(chan struct{})
	var listing sync.WaitGroup
	for range 8 {
		listing.Go(func() {
			first := true
			_, err := r.Results(t.Context(), catalog.ResultQuery{Owner: allOwners, ID: job.ID, Size: 2, Rows: true}, func(*catalog.Outcome, []string) bool {
				if first {
					first = false
					full <- struct{}{}
					<-end
				}
				return true
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	for range 8 {
		<-full
	}
	if _, _, err := r.Rows(within, reviewed, []catalog.ResultPlace{{}}); err == nil {
		t.Error("rows were read in addition to those of as many pages as may be read at once")
	}
	close(end)
	listing.Wait()
}
