package credenza_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// page is one answer of ListJobResults.
type page struct {
	token   string // that asks for it
	results []string
	next    string
}

// listPages returns a client of a server with those pages, and what it was asked.
func listPages(t *testing.T, pages ...page) (*credenza.Client, *[]*credenzav1.ListJobResultsRequest) {
	asked := &[]*credenzav1.ListJobResultsRequest{}
	return dial(t, &fakeServer{jobs: fakeJobs{list: func(req *credenzav1.ListJobResultsRequest) (*credenzav1.ListJobResultsResponse, error) {
		*asked = append(*asked, req)
		for _, p := range pages {
			if p.token == req.GetPageToken() {
				return &credenzav1.ListJobResultsResponse{Results: batchOf(0, p.results...).GetResults(), NextPageToken: p.next}, nil
			}
		}
		return nil, status.Error(codes.InvalidArgument, "no such page")
	}}}), asked
}

func TestListJobResults_HasAllPages(t *testing.T) {
	for name, pages := range map[string][]page{
		"of a job that has ended":          {{"", []string{"a", "b"}, "1"}, {"1", nil, "2"}, {"2", []string{"c"}, ""}},
		"of a job that has not ended":      {{"", []string{"a", "b"}, "1"}, {"1", nil, "2"}, {"2", []string{"c"}, "3"}, {"3", nil, "3"}},
		"of a job without a result so far": {{"", []string{"a", "b", "c"}, "1"}, {"1", nil, "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, asked := listPages(t, pages...)
			query := credenza.ResultQuery{Filter: credenza.ReviewResults, PageSize: 2, WithRows: true}
			names, err := namesOf(c.ListJobResults(context.Background(), "j", query))
			if diff := cmp.Diff([]string{"a", "b", "c"}, names); err != nil || diff != "" {
				t.Errorf("%v %s", err, diff)
			}
			if len(*asked) != len(pages) {
				t.Errorf("%d calls for %d pages", len(*asked), len(pages))
			}
			for _, req := range *asked {
				if req.GetJobId() != "j" || req.GetPageSize() != 2 || !req.GetWithRows() || req.GetFilter() != credenzav1.ResultFilter_RESULT_FILTER_NEEDS_REVIEW {
					t.Errorf("asked %v", req)
				}
			}
		})
	}
}

func TestListJobResults_FetchesNoPageAhead(t *testing.T) {
	c, asked := listPages(t, page{"", []string{"a", "b"}, "1"}, page{"1", []string{"c"}, ""})
	for range c.ListJobResults(context.Background(), "j", credenza.ResultQuery{}) {
		break
	}
	if len(*asked) != 1 {
		t.Errorf("%d calls", len(*asked))
	}
}

func TestListJobResults_EndsWithAnError(t *testing.T) {
	c, _ := listPages(t, page{"", []string{"a"}, "gone"})
	names, err := namesOf(c.ListJobResults(context.Background(), "j", credenza.ResultQuery{}))
	if code(err) != credenza.CodeInvalidArgument || len(names) != 1 {
		t.Errorf("got %v, %v", names, err)
	}
	c = dial(t, &fakeServer{jobs: fakeJobs{list: func(req *credenzav1.ListJobResultsRequest) (*credenzav1.ListJobResultsResponse, error) {
		return nil, status.Errorf(codes.InvalidArgument, "filter %d", req.GetFilter())
	}}})
	_, err = namesOf(c.ListJobResults(context.Background(), "j", credenza.ResultQuery{Filter: 9}))
	if e, ok := errors.AsType[*credenza.Error](err); !ok || e.Message != "filter -1" {
		t.Errorf("a filter that is none: %v", err)
	}
}

func TestListJobResults_HasTheRows(t *testing.T) {
	c := dial(t, &fakeServer{jobs: fakeJobs{list: func(*credenzav1.ListJobResultsRequest) (*credenzav1.ListJobResultsResponse, error) {
		return &credenzav1.ListJobResultsResponse{
			Results: batchOf(0, "a", "b").GetResults(), Columns: []string{"Titel", "Preis"},
			Rows: []*credenzav1.Row{{Cells: []string{"Stuhl", "12"}}, {}},
		}, nil
	}}})
	var rows []*credenza.Row
	for r, err := range c.ListJobResults(context.Background(), "j", credenza.ResultQuery{WithRows: true}) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r.Row)
	}
	if diff := cmp.Diff([]*credenza.Row{{Columns: []string{"Titel", "Preis"}, Cells: []string{"Stuhl", "12"}}, nil}, rows); diff != "" {
		t.Error(diff)
	}
}

func TestJobCalls_SendWhatTheyAreGiven(t *testing.T) {
	var submitted *credenzav1.SubmitJobRequest
	var paused *credenzav1.PauseJobRequest
	c := dial(t, &fakeServer{jobs: fakeJobs{
		submit: func(req *credenzav1.SubmitJobRequest) (*credenzav1.SubmitJobResponse, error) {
			submitted = req
			return &credenzav1.SubmitJobResponse{Job: &credenzav1.Job{JobId: "j", State: credenzav1.JobState_JOB_STATE_QUEUED}}, nil
		},
		pause: func(req *credenzav1.PauseJobRequest) (*credenzav1.PauseJobResponse, error) {
			paused = req
			return &credenzav1.PauseJobResponse{Job: &credenzav1.Job{State: credenzav1.JobState_JOB_STATE_PAUSED, Message: req.GetReason()}}, nil
		},
		resume: func(*credenzav1.ResumeJobRequest) (*credenzav1.ResumeJobResponse, error) {
			return nil, status.Error(codes.FailedPrecondition, "it has ended")
		},
	}}, credenza.WithMaxMessageBytes(10_000))
	ctx := context.Background()
	job, err := c.SubmitJob(ctx, []credenza.Item{{ProductName: "a"}}, credenza.JobSpec{Name: "n", RequestID: "r", Options: credenza.Options{Mode: credenza.Text}})
	if spec := submitted.GetSpec(); err != nil || job.ID != "j" || job.State != credenza.JobQueued || spec.GetDisplayName() != "n" ||
		spec.GetRequestId() != "r" || spec.GetMode() != credenzav1.Mode_MODE_TEXT || submitted.GetItems()[0].GetProductName() != "a" {
		t.Errorf("%+v, %v, for %v", job, err, submitted)
	}
	if _, err = c.SubmitJob(ctx, []credenza.Item{{ImageData: make([]byte, 20_000)}}, credenza.JobSpec{}); code(err) != credenza.CodeInvalidArgument {
		t.Errorf("too large: %v", err)
	}
	job, err = c.PauseJob(ctx, "j", credenza.PauseOptions{Reason: "prices change"})
	if err != nil || job.State != credenza.JobPaused || job.State.Ended() || job.Message != "prices change" || paused.GetJobId() != "j" {
		t.Errorf("%+v, %v", job, err)
	}
	if _, err = c.ResumeJob(ctx, "j"); code(err) != credenza.CodeFailedPrecondition {
		t.Errorf("got %v", err)
	}
}

func TestCreateJobFromRows_SendsTheColumnsOnce(t *testing.T) {
	var s rowServer
	c := dial(t, &fakeServer{jobs: fakeJobs{create: s.create}})
	rows := func(yield func([]string) bool) {
		for _, name := range numbers(1000) {
			if !yield([]string{name}) {
				return
			}
		}
	}
	job, err := c.CreateJobFromRows(context.Background(), []string{"Titel"}, rows, credenza.JobSpec{},
		credenza.UploadOverrides(credenza.Overrides{"product_name": "Titel"}))
	if err != nil || job.ID != "j" || len(s.rows) != 1000 || s.mapped[0]["product_name"] != "Titel" {
		t.Errorf("%+v, %v, %d rows, %v", job, err, len(s.rows), s.mapped[0])
	}
	for i, columns := range s.columns {
		if (columns != nil) != (i == 0) {
			t.Errorf("chunk %d has the columns %q", i, columns)
		}
	}
}
