package credenza_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/rpc/rpctest"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

type createServer = credenzav1.JobService_CreateJobServer

// takeJob reads an upload to its end and answers with a job whose name is its
// spec's.
func takeJob(names *[]string, chunks *[]int) func(createServer) error {
	return func(s createServer) error {
		first, err := s.Recv()
		if err != nil || first.GetSpec() == nil {
			return status.Errorf(codes.InvalidArgument, "no spec: %v", err)
		}
		for {
			req, err := s.Recv()
			if errors.Is(err, io.EOF) {
				return s.SendAndClose(&credenzav1.CreateJobResponse{Job: &credenzav1.Job{
					JobId: "j", DisplayName: first.GetSpec().GetDisplayName(),
				}})
			}
			if err != nil {
				return err
			}
			*chunks = append(*chunks, len(req.GetItems().GetItems()))
			for _, item := range req.GetItems().GetItems() {
				*names = append(*names, item.GetProductName())
			}
		}
	}
}

func TestCreateJobSendsAllItemsInOrder(t *testing.T) {
	for _, n := range []int{1, 99, 100, 101, 5000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var names []string
			var chunks []int
			c := dial(t, &fakeServer{jobs: fakeJobs{create: takeJob(&names, &chunks)}})
			job, err := c.CreateJob(context.Background(), named(numbers(n)...), credenza.JobSpec{Name: "spring"})
			if err != nil || job.ID != "j" || job.Name != "spring" {
				t.Errorf("got %+v, %v", job, err)
			}
			if diff := cmp.Diff(numbers(n), names); diff != "" {
				t.Error(diff)
			}
			for _, size := range chunks {
				if size > 100 {
					t.Errorf("a chunk of %d items", size)
				}
			}
		})
	}
}

func endless(taken *atomic.Int64) func(func(credenza.Item) bool) {
	return func(yield func(credenza.Item) bool) {
		for yield(credenza.Item{Description: string(make([]byte, 1000))}) {
			taken.Add(1)
		}
	}
}

func TestCreateJobIsHeldUpByTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dial(t, &fakeServer{jobs: fakeJobs{create: func(s createServer) error {
			<-s.Context().Done() // reads nothing
			return nil
		}}})
		var taken atomic.Int64
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() {
			_, err := c.CreateJob(ctx, endless(&taken), credenza.JobSpec{})
			ended <- err
		}()
		synctest.Wait()
		if n := taken.Load(); n < 100 || n > 1000 {
			t.Errorf("%d items of 1 KB were taken for a server that reads nothing", n)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCreateJobThatTheServerEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		answer func(createServer) error
		id     string
		code   credenza.Code
	}{
		"with a job, which a repeated request is": {func(s createServer) error {
			return s.SendAndClose(&credenzav1.CreateJobResponse{Job: &credenzav1.Job{JobId: "old"}})
		}, "old", ""},
		"with an error": {func(createServer) error { return status.Error(codes.ResourceExhausted, "full") }, "", "RESOURCE_EXHAUSTED"},
		"going down":    {func(createServer) error { return status.Error(codes.Unavailable, "gone") }, "", "UNAVAILABLE"},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			c := dial(t, &fakeServer{jobs: fakeJobs{create: func(s createServer) error {
				calls++
				for range 3 {
					if _, err := s.Recv(); err != nil {
						return err
					}
				}
				return tc.answer(s)
			}}})
			var taken atomic.Int64
			job, err := c.CreateJob(context.Background(), endless(&taken), credenza.JobSpec{RequestID: "key"})
			e, _ := errors.AsType[*credenza.Error](err)
			if job.ID != tc.id || (tc.code == "") != (err == nil) || (e != nil && e.Code != tc.code) {
				t.Errorf("got %+v, %v", job, err)
			}
			if calls != 1 {
				t.Errorf("%d calls were made", calls)
			}
		})
	}
}

func TestUploadEnded_IsCalledForASequenceThatBlocks(t *testing.T) {
	c := dial(t, &fakeServer{jobs: fakeJobs{create: func(createServer) error { return status.Error(codes.NotFound, "x") }}})
	answered := make(chan struct{})
	silent := func(func(credenza.Item) bool) { <-answered }
	_, err := c.CreateJob(context.Background(), silent, credenza.JobSpec{}, credenza.UploadEnded(func() { close(answered) }))
	if code(err) != "NOT_FOUND" {
		t.Errorf("got %v", err)
	}
}

func TestCreateJobRefusesTooLargeAnItem(t *testing.T) {
	var names []string
	var chunks []int
	c := dial(t, &fakeServer{jobs: fakeJobs{create: takeJob(&names, &chunks)}}, credenza.WithMaxMessageBytes(10_000))
	items := func(yield func(credenza.Item) bool) {
		_ = yield(credenza.Item{}) && yield(credenza.Item{ImageData: make([]byte, 20_000)}) && yield(credenza.Item{})
	}
	_, err := c.CreateJob(context.Background(), items, credenza.JobSpec{})
	if e, ok := errors.AsType[*credenza.Error](err); !ok || e.Code != "INVALID_ARGUMENT" || e.Reason != "INVALID_REQUEST" {
		t.Errorf("got %v", err)
	}
}

// A sequence has no error of its own: cancelling is how it says that it is not
// whole, and however the end of the sequence and that of the context fall, half a
// catalogue must not become a job.
func TestCreateJob_CancelledSequenceMakesNoJob(t *testing.T) {
	jobs := rpctest.NewJobs()
	c := serveJobs(t, jobs, "127.0.0.1:0").client(t)
	for i := range 100 {
		ctx, cancel := context.WithCancel(context.Background())
		items := func(yield func(credenza.Item) bool) {
			for range i {
				if !yield(credenza.Item{ProductName: "a"}) {
					return
				}
			}
			cancel()
		}
		if job, err := c.CreateJob(ctx, items, credenza.JobSpec{}); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %+v, %v", job, err)
		}
	}
	left, _, err := jobs.List(context.Background(), catalog.JobQuery{Owner: catalog.Owner{All: true}, Size: 1})
	if err != nil || len(left) > 0 {
		t.Errorf("got %+v, %v", left, err)
	}
}

func TestJob_FromCreationToDeletion(t *testing.T) {
	jobs := rpctest.NewJobs()
	c, ctx := serveJobs(t, jobs, "127.0.0.1:0").client(t), context.Background()
	items := named("a", rpctest.Flawed+" 1", "c", rpctest.Flawed+" 3", "e")
	job, err := c.CreateJob(ctx, items, credenza.JobSpec{Name: "spring", RequestID: "key"})
	if err != nil || job.State != credenza.JobQueued || job.Progress.Total != 5 || job.Created.IsZero() || !job.Started.IsZero() {
		t.Fatalf("got %+v, %v", job, err)
	}
	if again, err := c.CreateJob(ctx, named("b"), credenza.JobSpec{RequestID: "key"}); err != nil || again.ID != job.ID {
		t.Errorf("the same request made %+v, %v", again, err)
	}
	if _, err := c.Retry(ctx, job.ID, credenza.RetryOptions{}); code(err) != "FAILED_PRECONDITION" {
		t.Errorf("a job that runs was retried: %v", err)
	}
	jobs.Work(job.ID, 4)
	job, err = c.CancelJob(ctx, job.ID)
	if err != nil || job.State != credenza.JobCancelled || job.Progress != (credenza.Progress{Done: 4, Failed: 2, Total: 5}) ||
		job.FailuresByReason["UPSTREAM_UNAVAILABLE"] != 2 || job.Ended.IsZero() {
		t.Errorf("got %+v, %v", job, err)
	}
	retry, err := c.Retry(ctx, job.ID, credenza.RetryOptions{RequestID: "retry"})
	if err != nil || retry.RetryOf != job.ID || retry.Progress.Total != 2 {
		t.Fatalf("got %+v, %v", retry, err)
	}
	jobs.Work(retry.ID, 2)
	var indexes []int64
	for result, err := range c.WatchJob(ctx, retry.ID, "").Results() {
		if err != nil {
			t.Fatal(err)
		}
		indexes = append(indexes, result.Index)
	}
	if diff := cmp.Diff([]int64{1, 3}, indexes); diff != "" {
		t.Error(diff)
	}
	if err := c.DeleteJob(ctx, job.ID); err != nil {
		t.Error(err)
	}
	if _, err := c.Job(ctx, job.ID); code(err) != "NOT_FOUND" {
		t.Errorf("a deleted job is there: %v", err)
	}
	for left, err := range c.Jobs(ctx, credenza.JobQuery{}) {
		if err != nil || left.ID != retry.ID {
			t.Errorf("got %+v, %v", left, err)
		}
	}
}

// code is the code of the client's error, empty for none.
func code(err error) credenza.Code {
	if e, ok := errors.AsType[*credenza.Error](err); ok {
		return e.Code
	}
	return ""
}
