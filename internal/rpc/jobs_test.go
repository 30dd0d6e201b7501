package rpc_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/rpc/rpctest"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

func jobSpec(spec *credenzav1.JobSpec) *credenzav1.CreateJobRequest {
	return &credenzav1.CreateJobRequest{Part: &credenzav1.CreateJobRequest_Spec{Spec: spec}}
}

func jobItems(names ...string) *credenzav1.CreateJobRequest {
	return &credenzav1.CreateJobRequest{
		Part: &credenzav1.CreateJobRequest_Items{Items: &credenzav1.ItemChunk{Items: items(names...)}},
	}
}

func (r *running) rawJobs(t *testing.T) credenzav1.JobServiceClient {
	t.Helper()
	return credenzav1.NewJobServiceClient(r.raw(t))
}

// upload makes a raw CreateJob call of these messages.
func upload(t *testing.T, c credenzav1.JobServiceClient, messages ...*credenzav1.CreateJobRequest) (*credenzav1.Job, error) {
	t.Helper()
	stream, err := c.CreateJob(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		if err := stream.Send(m); err != nil {
			break // the call has failed already; receiving says why
		}
	}
	res, err := stream.CloseAndRecv()
	return res.GetJob(), err
}

func jobIDs(t *testing.T, c *credenza.Client, q credenza.JobQuery) []string {
	t.Helper()
	var ids []string
	for job, err := range c.Jobs(context.Background(), q) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, job.ID)
	}
	return ids
}

func TestCreateJobRefusesBadUploads(t *testing.T) {
	type messages = []*credenzav1.CreateJobRequest
	const invalid = "INVALID_REQUEST"
	ok, one := jobSpec(&credenzav1.JobSpec{}), jobItems("a")
	with := func(o *credenzav1.ClassifyOptions) messages {
		return messages{jobSpec(&credenzav1.JobSpec{Options: o}), one}
	}
	for _, tc := range []struct {
		name   string
		send   messages
		reason string
		field  string
	}{
		{"nothing at all", nil, invalid, "spec"},
		{"items first", messages{one}, invalid, "spec"},
		{"spec twice", messages{ok, one, ok}, invalid, "spec"},
		{"spec twice, and no items", messages{ok, ok}, invalid, "spec"},
		{"no items", messages{ok}, invalid, "items"},
		{"empty chunks", messages{ok, jobItems(), jobItems()}, invalid, "items"},
		{"empty message first", messages{{}}, invalid, "part"},
		{"empty message later", messages{ok, one, {}}, invalid, "part"},
		{"too many items in a message", messages{ok, jobItems(make([]string, 1001)...)}, "TOO_MANY_ITEMS", "items"},
		{"bad mode", messages{jobSpec(&credenzav1.JobSpec{Mode: 9}), one}, invalid, "spec.mode"},
		{"long name", messages{jobSpec(&credenzav1.JobSpec{DisplayName: strings.Repeat("n", 201)}), one}, invalid, "spec.display_name"},
		{"long key", messages{jobSpec(&credenzav1.JobSpec{RequestId: strings.Repeat("n", 201)}), one}, invalid, "spec.request_id"},
		{"bad size", with(&credenzav1.ClassifyOptions{BatchSize: 1001}), invalid, "spec.options.batch_size"},
		{"bad delivery", with(&credenzav1.ClassifyOptions{Delivery: 9}), invalid, "spec.options.delivery"},
		{"negative time", with(&credenzav1.ClassifyOptions{ItemTimeout: durationpb.New(-1)}), invalid, "spec.options.item_timeout"},
		{"unknown model", with(&credenzav1.ClassifyOptions{Model: "x"}), "UNKNOWN_MODEL", "spec.options.model"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{config: rpc.Config{MaxItems: 10}})
			_, err := upload(t, s.rawJobs(t), tc.send...)
			wantInvalid(t, err, tc.reason, tc.field)
			if ids := jobIDs(t, s.client(t), credenza.JobQuery{}); len(ids) > 0 {
				t.Errorf("%v was left behind", ids)
			}
		})
	}
}

func TestAnUploadHasNoBoundButThatOfItsMessages(t *testing.T) {
	s := start(t, setup{config: rpc.Config{MaxItems: 10}})
	chunk := jobItems(make([]string, 1000)...)
	job, err := upload(t, s.rawJobs(t), jobSpec(&credenzav1.JobSpec{}), chunk, chunk, chunk)
	if err != nil || job.GetProgress().GetTotal() != 3000 {
		t.Errorf("got %v, %v", job, err)
	}
}

func TestJobCallsRefuseBadRequests(t *testing.T) {
	ctx := context.Background()
	long := strings.Repeat("x", 501)
	for name, tc := range map[string]struct {
		call  func(c credenzav1.JobServiceClient) error
		field string
	}{
		"get nothing": {func(c credenzav1.JobServiceClient) error {
			_, err := c.GetJob(ctx, &credenzav1.GetJobRequest{})
			return err
		}, "job_id"},
		"cancel a long name": {func(c credenzav1.JobServiceClient) error {
			_, err := c.CancelJob(ctx, &credenzav1.CancelJobRequest{JobId: long})
			return err
		}, "job_id"},
		"delete nothing": {func(c credenzav1.JobServiceClient) error {
			_, err := c.DeleteJob(ctx, &credenzav1.DeleteJobRequest{})
			return err
		}, "job_id"},
		"retry with a long key": {func(c credenzav1.JobServiceClient) error {
			_, err := c.RetryJob(ctx, &credenzav1.RetryJobRequest{JobId: "a", RequestId: long})
			return err
		}, "request_id"},
		"a page too large": {func(c credenzav1.JobServiceClient) error {
			_, err := c.ListJobs(ctx, &credenzav1.ListJobsRequest{PageSize: 1001})
			return err
		}, "page_size"},
		"a negative page": {func(c credenzav1.JobServiceClient) error {
			_, err := c.ListJobs(ctx, &credenzav1.ListJobsRequest{PageSize: -1})
			return err
		}, "page_size"},
		"no such state": {func(c credenzav1.JobServiceClient) error {
			_, err := c.ListJobs(ctx, &credenzav1.ListJobsRequest{State: 9})
			return err
		}, "state"},
		"a page of no list": {func(c credenzav1.JobServiceClient) error {
			_, err := c.ListJobs(ctx, &credenzav1.ListJobsRequest{PageToken: "x"})
			return err
		}, "page_token"},
		"watch nothing": {func(c credenzav1.JobServiceClient) error { return watchError(c, "", "") }, "job_id"},
		"a long token":  {func(c credenzav1.JobServiceClient) error { return watchError(c, "job-1", long) }, "resume_token"},
		"a token that is none": {func(c credenzav1.JobServiceClient) error {
			return watchError(c, "job-1", "garbage")
		}, "resume_token"},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, setup{}).rawJobs(t)
			if _, err := upload(t, c, jobSpec(&credenzav1.JobSpec{}), jobItems("a")); err != nil {
				t.Fatal(err)
			}
			wantInvalid(t, tc.call(c), "INVALID_REQUEST", tc.field)
		})
	}
}

func watchError(c credenzav1.JobServiceClient, id, token string) error {
	stream, err := c.WatchJob(context.Background(), &credenzav1.WatchJobRequest{JobId: id, ResumeToken: token})
	if err != nil {
		return err
	}
	return drain(stream.Recv)
}

// jobCalls are the calls that name a job.
func jobCalls(ctx context.Context, c *credenza.Client, id string) map[string]error {
	_, get := c.Job(ctx, id)
	_, cancelled := c.CancelJob(ctx, id)
	_, retry := c.Retry(ctx, id, credenza.RetryOptions{})
	var watch error
	for _, watch = range c.WatchJob(ctx, id, "").Batches() {
	}
	return map[string]error{"get": get, "cancel": cancelled, "retry": retry, "delete": c.DeleteJob(ctx, id), "watch": watch}
}

func TestJobsAreTheirOwners(t *testing.T) {
	jobs := rpctest.NewJobs()
	s := start(t, setup{tokens: testTokens(t), jobs: jobs})
	ctx := context.Background()
	shop, both := s.client(t, credenza.WithToken("shop-token")), s.client(t, credenza.WithToken("both-token"))
	mine, err := shop.CreateJob(ctx, one, credenza.JobSpec{RequestID: "key"})
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := both.CreateJob(ctx, one, credenza.JobSpec{RequestID: "key"})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, []string{mine.ID}, jobIDs(t, shop, credenza.JobQuery{}))
	equal(t, []string{theirs.ID, mine.ID}, jobIDs(t, both, credenza.JobQuery{}))
	for _, id := range []string{theirs.ID, "none"} {
		for name, err := range jobCalls(ctx, shop, id) {
			if e := clientError(t, err); e.Code != "NOT_FOUND" || e.Reason != "NOT_FOUND" || !strings.Contains(e.Message, "list the jobs") {
				t.Errorf("%s %s: got %v", name, id, err)
			}
		}
	}
	if _, err := both.CancelJob(ctx, mine.ID); err != nil {
		t.Errorf("an operator cannot cancel: %v", err)
	}
}

func one(yield func(credenza.Item) bool) { yield(credenza.Item{ProductName: "a"}) }

func TestWithoutTokensEverybodySeesAll(t *testing.T) {
	var got []catalog.Owner
	s := start(t, setup{jobs: &fakeJobs{Jobs: rpctest.NewJobs(), create: func(spec catalog.JobSpec) { got = append(got, spec.Owner) }}})
	c := s.client(t)
	if _, err := c.CreateJob(context.Background(), one, credenza.JobSpec{}); err != nil {
		t.Fatal(err)
	}
	equal(t, []catalog.Owner{{All: true}}, got)
	equal(t, 1, len(jobIDs(t, s.client(t), credenza.JobQuery{})))
}

// fakeJobs looks at what comes, or fails.
type fakeJobs struct {
	*rpctest.Jobs
	create func(catalog.JobSpec)
	get    func(context.Context) (catalog.Job, error)
	list   func(catalog.JobQuery)
}

func (f *fakeJobs) Create(ctx context.Context, spec catalog.JobSpec, next classify.Source) (catalog.Job, error) {
	if f.create != nil {
		f.create(spec)
	}
	return f.Jobs.Create(ctx, spec, next)
}

func (f *fakeJobs) Get(ctx context.Context, who catalog.Owner, id string) (catalog.Job, error) {
	if f.get != nil {
		return f.get(ctx)
	}
	return f.Jobs.Get(ctx, who, id)
}

func (f *fakeJobs) List(ctx context.Context, q catalog.JobQuery) ([]catalog.Job, string, error) {
	if f.list != nil {
		f.list(q)
	}
	return f.Jobs.List(ctx, q)
}

func TestJobSpecsArriveAsSent(t *testing.T) {
	var got catalog.JobSpec
	s := start(t, setup{
		config: rpc.Config{Models: []string{"small"}},
		jobs:   &fakeJobs{Jobs: rpctest.NewJobs(), create: func(spec catalog.JobSpec) { got = spec }},
	})
	_, err := s.client(t).CreateJob(context.Background(), one, credenza.JobSpec{
		Name: "spring", RequestID: "key",
		Options: credenza.Options{
			Mode: credenza.Image, BatchSize: 7, InOrder: true, Cache: credenza.CacheBypass,
			FailWithoutPicture: true, Model: "small", ItemTimeout: 3 * time.Second,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, catalog.JobSpec{
		Name: "spring", RequestID: "key", Owner: catalog.Owner{All: true},
		Options: catalog.Options{
			Mode: catalog.ModeImage, BatchSize: 7, Delivery: catalog.InOrder, Priority: catalog.Bulk,
			CachePolicy: catalog.CacheBypass, ImageFallback: catalog.FallbackError, Model: "small", ItemTimeout: 3 * time.Second,
		},
	}, got)
}

func TestJobsArriveAsSent(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)
	states := map[catalog.JobState]credenza.JobState{
		catalog.JobQueued: credenza.JobQueued, catalog.JobRunning: credenza.JobRunning,
		catalog.JobSucceeded: credenza.JobSucceeded, catalog.JobCancelled: credenza.JobCancelled, catalog.JobFailed: credenza.JobFailed,
	}
	for state, want := range states {
		job := catalog.Job{
			ID: "j", Name: "cut \xc3", State: state, Progress: catalog.Progress{Done: 2, Failed: 1, Total: 3},
			Failures: map[string]int64{"REFUSED": 1}, Created: at, Message: "the storage is away", RetryOf: "i",
			Usage: catalog.Usage{Prompt: 4, CachedPrompt: 3, Completion: 5},
		}
		if state.Ended() {
			job.Started, job.Ended = at.Add(time.Second), at.Add(time.Minute)
		}
		s := start(t, setup{jobs: &fakeJobs{get: func(context.Context) (catalog.Job, error) { return job, nil }}})
		got, err := s.client(t).Job(context.Background(), "j")
		if err != nil {
			t.Fatal(err)
		}
		equal(t, credenza.Job{
			ID: "j", Name: "cut ", State: want, Progress: credenza.Progress{Done: 2, Failed: 1, Total: 3},
			FailuresByReason: map[string]int64{"REFUSED": 1}, Created: at, Started: job.Started, Ended: job.Ended,
			Message: "the storage is away", RetryOf: "i", PromptTokens: 4, CompletionTokens: 5,
		}, got)
		if got.State.Ended() != state.Ended() {
			t.Errorf("Ended of %s is %v", got.State, got.State.Ended())
		}
	}
}
