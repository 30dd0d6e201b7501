package rpc_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/rpc/rpctest"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// listingJobs remembers queries and has a number of results with a text.
type listingJobs struct {
	rpc.Jobs
	asked   []catalog.ResultQuery
	results int
	text    string
	cells   []string
	columns []string
}

func (j *listingJobs) Results(_ context.Context, q catalog.ResultQuery, take func(*catalog.Outcome, []string) bool) (catalog.ResultPage, error) {
	j.asked = append(j.asked, q)
	for i := range min(j.results, q.Size) {
		o := catalog.Outcome{Index: int64(i), Classification: catalog.Classification{Reasoning: j.text}, Trace: catalog.Trace{Cached: true, Attempts: 2, Backend: "openai"}}
		if !take(&o, j.cells) {
			return catalog.ResultPage{Next: "next", State: catalog.JobRunning}, nil
		}
	}
	return catalog.ResultPage{State: catalog.JobSucceeded, Columns: j.columns}, nil
}

func TestListJobResults_PageSizeIsCoerced(t *testing.T) {
	jobs := &listingJobs{results: 2000}
	c := start(t, setup{jobs: jobs}).rawJobs(t)
	for asked, want := range map[int32]int{-5: 100, 0: 100, 1: 1, 1000: 1000, 1001: 1000, 1 << 30: 1000} {
		res, err := c.ListJobResults(t.Context(), &credenzav1.ListJobResultsRequest{JobId: "a", PageSize: asked})
		if err != nil || len(res.GetResults()) != want {
			t.Errorf("page_size %d: %d results, %v", asked, len(res.GetResults()), err)
		}
	}
	jobs.asked = nil
	req := &credenzav1.ListJobResultsRequest{JobId: "a", PageToken: "x", Filter: credenzav1.ResultFilter_RESULT_FILTER_NEEDS_REVIEW, WithRows: true}
	if _, err := c.ListJobResults(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	equal(t, []catalog.ResultQuery{{Owner: catalog.Owner{All: true}, ID: "a", Filter: catalog.ReviewResults, Size: 100, Token: "x", Rows: true}}, jobs.asked)
}

func TestListJobResults_RefusesBadRequests(t *testing.T) {
	for name, tc := range map[string]struct {
		req   *credenzav1.ListJobResultsRequest
		field string
	}{
		"no job":               {&credenzav1.ListJobResultsRequest{}, "job_id"},
		"no such filter":       {&credenzav1.ListJobResultsRequest{JobId: "a", Filter: 9}, "filter"},
		"a long token":         {&credenzav1.ListJobResultsRequest{JobId: "a", PageToken: strings.Repeat("x", 501)}, "page_token"},
		"a token that is none": {&credenzav1.ListJobResultsRequest{JobId: "job-1", PageToken: "garbage"}, "page_token"},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, setup{}).rawJobs(t)
			if _, err := upload(t, c, jobSpec(&credenzav1.JobSpec{}), jobItems("a")); err != nil {
				t.Fatal(err)
			}
			_, err := c.ListJobResults(t.Context(), tc.req)
			wantInvalid(t, err, "INVALID_REQUEST", tc.field)
		})
	}
}

func TestListJobResults_MessagesFitClients(t *testing.T) {
	for name, jobs := range map[string]*listingJobs{
		"long texts":     {results: 1000, text: strings.Repeat("x", 10_000)},
		"long rows":      {results: 1000, cells: []string{strings.Repeat("x", 10_000)}, columns: []string{"text"}},
		"one large text": {results: 2, text: strings.Repeat("x", 3_500_000)},
	} {
		t.Run(name, func(t *testing.T) {
			req := &credenzav1.ListJobResultsRequest{JobId: "a", PageSize: 1000, WithRows: true}
			res, err := start(t, setup{jobs: jobs}).rawJobs(t).ListJobResults(t.Context(), req) // with gRPC's limit of 4 MiB
			if err != nil || len(res.GetResults()) == 0 || res.GetNextPageToken() != "next" {
				t.Errorf("%d results in %d bytes, the next page is %q, %v", len(res.GetResults()), proto.Size(res), res.GetNextPageToken(), err)
			}
		})
	}
}

func TestListJobResults_HidesSharedWork(t *testing.T) {
	for token, shows := range map[string]bool{"shop-token": false, "both-token": true} {
		s := start(t, setup{tokens: testTokens(t), jobs: &listingJobs{results: 2}})
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
		res, err := s.rawJobs(t).ListJobResults(ctx, &credenzav1.ListJobResultsRequest{JobId: "a"})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range res.GetResults() {
			if seen := r.GetTrace().GetCached() || r.GetTrace().GetAttempts() > 0; seen != shows || r.GetTrace().GetBackend() != "openai" {
				t.Errorf("%s sees %v", token, r.GetTrace())
			}
		}
	}
}

func TestListJobResults_ListsOwnJobsOnly(t *testing.T) {
	s := start(t, setup{tokens: testTokens(t), jobs: rpctest.NewJobs()})
	c := s.rawJobs(t)
	as := func(token string) context.Context {
		return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
	}
	submitted, err := c.SubmitJob(as("both-token"), &credenzav1.SubmitJobRequest{Items: items("a")})
	if err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]codes.Code{
		"shop-token": codes.NotFound, "both-token": codes.OK, "operator-token": codes.PermissionDenied, "none": codes.Unauthenticated,
	} {
		req := &credenzav1.ListJobResultsRequest{JobId: submitted.GetJob().GetJobId()}
		if _, err := c.ListJobResults(as(token), req); status.Code(err) != want {
			t.Errorf("%s: %v", token, err)
		}
	}
}

func TestListJobResults_FollowsARunningJob(t *testing.T) {
	jobs := rpctest.NewJobs()
	c := start(t, setup{jobs: jobs}).rawJobs(t)
	submitted, err := c.SubmitJob(t.Context(), &credenzav1.SubmitJobRequest{Items: items("a", "b", "c", "d", "e")})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	req := &credenzav1.ListJobResultsRequest{JobId: submitted.GetJob().GetJobId(), PageSize: 2}
	for calls := 0; ; calls++ {
		res, err := c.ListJobResults(t.Context(), req)
		if err != nil || calls > 10 {
			t.Fatal(calls, err)
		}
		for _, r := range res.GetResults() {
			names = append(names, r.GetProductName())
		}
		if req.PageToken = res.GetNextPageToken(); req.GetPageToken() == "" {
			equal(t, credenzav1.JobState_JOB_STATE_SUCCEEDED, res.GetState())
			break
		}
		jobs.Work("job-1", 1)
	}
	equal(t, []string{"a", "b", "c", "d", "e"}, names)
}
