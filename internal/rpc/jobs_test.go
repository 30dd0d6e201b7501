package rpc_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
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
	_, retry := c.RetryJob(ctx, id, "")
	var watch error
	for _, watch = range c.WatchJob(ctx, id, "").Batches() {
	}
	return map[string]error{"get": get, "cancel": cancelled, "retry": retry, "delete": c.DeleteJob(ctx, id), "watch": watch}
}

func TestJobsAreTheirOwners(t *testing.T) {
	jobs := rpctest.NewJobs()
	s := start(t, setup{config: rpc.Config{Tokens: testTokens(t)}, jobs: jobs})
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
		t.Errorf("who operates cannot cancel: %v", err)
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
			Message: "the storage is away", RetryOf: "i",
		}, got)
		if got.State.Ended() != state.Ended() {
			t.Errorf("Ended of %s is %v", got.State, got.State.Ended())
		}
	}
}

func TestListJobsByPages(t *testing.T) {
	var asked []catalog.JobQuery
	jobs := rpctest.NewJobs()
	s := start(t, setup{jobs: &fakeJobs{Jobs: jobs, list: func(q catalog.JobQuery) { asked = append(asked, q) }}})
	c := s.client(t)
	for range 5 {
		if _, err := c.CreateJob(context.Background(), one, credenza.JobSpec{}); err != nil {
			t.Fatal(err)
		}
	}
	jobs.Work("job-2", 1)
	equal(t, []string{"job-5", "job-4", "job-3", "job-2", "job-1"}, jobIDs(t, c, credenza.JobQuery{PageSize: 2}))
	equal(t, []string{"job-2"}, jobIDs(t, c, credenza.JobQuery{State: credenza.JobSucceeded}))
	equal(t, []string(nil), jobIDs(t, c, credenza.JobQuery{State: credenza.JobFailed}))
	all := catalog.Owner{All: true}
	equal(t, []catalog.JobQuery{
		{Owner: all, Size: 2},
		{Owner: all, Size: 2, Token: "job-4"},
		{Owner: all, Size: 2, Token: "job-2"},
		{Owner: all, Size: 50, State: catalog.JobSucceeded},
		{Owner: all, Size: 50, State: catalog.JobFailed},
	}, asked)
	for _, err := range c.Jobs(context.Background(), credenza.JobQuery{State: "LOST"}) {
		if e := clientError(t, err); e.Code != "INVALID_ARGUMENT" || e.Fields[0].Field != "state" {
			t.Errorf("got %v", err)
		}
	}
}

func TestWatchJobSendsWhatHappened(t *testing.T) {
	jobs := rpctest.NewJobs()
	s := start(t, setup{jobs: jobs})
	c := s.rawJobs(t)
	if _, err := upload(t, c, jobSpec(&credenzav1.JobSpec{Options: &credenzav1.ClassifyOptions{BatchSize: 2}}), jobItems("a", rpctest.Flawed, "c")); err != nil {
		t.Fatal(err)
	}
	jobs.Work("job-1", 3)
	for token, want := range map[string]string{"": "2/3 3/3 end", "seen-1": "3/3 end", "seen-2": "end", "seen-3": "end"} {
		stream, err := c.WatchJob(context.Background(), &credenzav1.WatchJobRequest{JobId: "job-1", ResumeToken: token})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		err = drain(func() (any, error) {
			m, err := stream.Recv()
			if p := m.GetBatch().GetProgress(); p != nil {
				got = append(got, string(rune('0'+p.GetDone()))+"/"+string(rune('0'+p.GetTotal())))
			}
			if sum := m.GetSummary(); sum != nil {
				got = append(got, "end")
				equal(t, map[string]int64{"UPSTREAM_UNAVAILABLE": 1}, sum.GetFailuresByReason())
			}
			return m, err
		})
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("after %q: got %v, %v, want %s", token, got, err, want)
		}
	}
}

func TestJobFaultsReachTheCaller(t *testing.T) {
	for _, tc := range []struct {
		err          error
		code, reason string
		retry        bool
	}{
		{fault.New(fault.StorageAway, "the storage is away: try again"), "UNAVAILABLE", "STORAGE_AWAY", false},
		{fault.New(fault.StorageFull, "the storage is full: delete jobs"), "RESOURCE_EXHAUSTED", "STORAGE_FULL", true},
		{fault.New(fault.Conflict, "it runs: wait"), "FAILED_PRECONDITION", "CONFLICT", false},
		{errors.New("secret"), "INTERNAL", "INTERNAL", false},
	} {
		s := start(t, setup{jobs: &fakeJobs{get: func(context.Context) (catalog.Job, error) { return catalog.Job{}, tc.err }}})
		_, err := s.client(t).Job(context.Background(), "j")
		if e := clientError(t, err); e.Code != tc.code || e.Reason != tc.reason || (e.RetryAfter > 0) != tc.retry || strings.Contains(e.Message, "secret") {
			t.Errorf("got %v, want %s (%s)", err, tc.code, tc.reason)
		}
		fields := s.logs.All()[0].ContextMap()
		if fields["grpc.service"] != "credenza.v1.JobService" || fields["reason"] != tc.reason {
			t.Errorf("the log has %v", fields)
		}
	}
}

func TestRepeatedRequestNeedsNoItems(t *testing.T) {
	s := start(t, setup{})
	c := s.rawJobs(t)
	spec := jobSpec(&credenzav1.JobSpec{RequestId: "key"})
	first, err := upload(t, c, spec, jobItems("a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := upload(t, c, spec)
	if err != nil || again.GetJobId() != first.GetJobId() || again.GetProgress().GetTotal() != 2 {
		t.Errorf("got %v, %v", again, err)
	}
	// The answer comes before the upload has ended.
	stream, err := c.CreateJob(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(spec); err != nil {
		t.Fatal(err)
	}
	res := &credenzav1.CreateJobResponse{}
	if err := stream.RecvMsg(res); err != nil || res.GetJob().GetJobId() != first.GetJobId() {
		t.Errorf("got %v, %v", res, err)
	}
}

func TestServerWithoutStorageHasNoJobService(t *testing.T) {
	p := parts()
	server, err := rpc.NewServer(rpc.Config{}, p)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	server.HTTP().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/credenza.v1.JobService/ListJobs", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("it is offered: %d", w.Code)
	}
}

func TestUploaderWhoLeavesMakesNoJob(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, setup{})
		ctx, cancel := context.WithCancel(context.Background())
		stream, err := s.rawJobs(t).CreateJob(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(stream.Send(jobSpec(&credenzav1.JobSpec{})), stream.Send(jobItems("a"))); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		if lines := s.logs.All(); len(lines) != 1 || lines[0].ContextMap()["grpc.code"] != "Canceled" {
			t.Errorf("the upload has not ended: %v", lines)
		}
		if ids := jobIDs(t, s.client(t), credenza.JobQuery{}); len(ids) > 0 {
			t.Errorf("%v was left behind", ids)
		}
	})
}

func TestShutdownLetsUploadsEndAndTellsWatchers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, setup{})
		c, ctx := s.rawJobs(t), context.Background()
		if _, err := upload(t, c, jobSpec(&credenzav1.JobSpec{}), jobItems("a")); err != nil {
			t.Fatal(err)
		}
		loading, err := c.CreateJob(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := loading.Send(jobSpec(&credenzav1.JobSpec{})); err != nil {
			t.Fatal(err)
		}
		watching := make(chan error, 1)
		go func() { watching <- watchError(c, "job-1", "") }()
		synctest.Wait()

		began, stopped := time.Now(), make(chan error, 1)
		go func() { stopped <- s.Shutdown(ctx) }()
		if err := <-watching; status.Code(err) != codes.Unavailable || time.Since(began) != 0 {
			t.Errorf("the watcher got %v after %v", err, time.Since(began))
		}
		time.Sleep(20 * time.Second)
		if err := loading.Send(jobItems("b")); err != nil {
			t.Fatal(err)
		}
		if res, err := loading.CloseAndRecv(); err != nil || res.GetJob().GetJobId() != "job-2" {
			t.Errorf("got %v, %v", res, err)
		}
		if err := <-stopped; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

func TestShutdownCutsOffQuietUploads(t *testing.T) {
	bubble(t, func(t *testing.T) {
		jobs := rpctest.NewJobs()
		s := start(t, setup{jobs: jobs})
		stream, err := s.rawJobs(t).CreateJob(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(stream.Send(jobSpec(&credenzav1.JobSpec{})), stream.Send(jobItems("a"))); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := s.Shutdown(context.Background()); err == nil || !strings.Contains(err.Error(), "1 calls were cut off") {
			t.Errorf("Shutdown: %v", err)
		}
		if err := stream.RecvMsg(&credenzav1.CreateJobResponse{}); status.Code(err) != codes.Unavailable {
			t.Errorf("got %v", err)
		}
		if left, _, _ := jobs.List(context.Background(), catalog.JobQuery{Owner: catalog.Owner{All: true}, Size: 1}); len(left) > 0 {
			t.Errorf("%v was left behind", left)
		}
	})
}

func TestWatcherWhoLeavesEndsTheWatch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, setup{})
		c := s.client(t)
		if _, err := c.CreateJob(context.Background(), one, credenza.JobSpec{}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() {
			for _, err := range c.WatchJob(ctx, "job-1", "").Batches() {
				ended <- err
			}
		}()
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		if last := s.logs.All()[1].ContextMap(); last["grpc.method"] != "WatchJob" || last["grpc.code"] != "Canceled" {
			t.Errorf("got %v", last)
		}
	})
}
