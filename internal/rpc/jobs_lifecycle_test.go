package rpc_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/rpc/rpctest"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

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
	equal(t, map[string]float64{"OK": 4}, s.handled(t, "WatchJob"))
}

func TestJobFaultsReachTheCaller(t *testing.T) {
	for _, tc := range []struct {
		err    error
		code   credenza.Code
		reason credenza.Reason
		retry  bool
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
		if fields["grpc.service"] != "credenza.v1.JobService" || fields["reason"] != string(tc.reason) {
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
	for name := range server.GRPC().GetServiceInfo() {
		if strings.Contains(name, "JobService") {
			t.Errorf("%s is offered", name)
		}
	}
}

func TestUploaderThatLeaves_MakesNoJob(t *testing.T) {
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

func TestShutdown_LetsUploadsEndAndEndsWatches(t *testing.T) {
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
		if err := s.Shutdown(context.Background()); err == nil || !strings.Contains(err.Error(), "1 call had to be cut off") {
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

func TestWatcherThatLeaves_EndsTheWatch(t *testing.T) {
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
