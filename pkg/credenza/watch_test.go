package credenza_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/credenza-dev/credenza/internal/rpc/rpctest"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

func TestWatchOutlivesItsServer(t *testing.T) {
	for name, end := range map[string]func(*jobServer){
		"that goes down": func(s *jobServer) { s.stop(t) },
		"that breaks":    func(s *jobServer) { s.GRPC().Stop(); s.stop(t) },
	} {
		t.Run(name, func(t *testing.T) {
			jobs, ctx := rpctest.NewJobs(), context.Background()
			server := serveJobs(t, jobs, "127.0.0.1:0")
			c := server.client(t)
			job, err := c.CreateJob(ctx, named(numbers(30)...), credenza.JobSpec{Options: credenza.Options{BatchSize: 3}})
			if err != nil {
				t.Fatal(err)
			}
			jobs.Work(job.ID, 12)
			outages := 0
			watch := c.WatchJob(ctx, job.ID, "", credenza.WatchNotify(func(attempt int, err error) {
				if attempt == 1 {
					outages++
				}
				if code(err) != "UNAVAILABLE" {
					t.Errorf("notified of %v", err)
				}
			}))
			var names []string
			for batch, err := range watch.Batches() {
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range batch.Results {
					names = append(names, r.ProductName)
				}
				if batch.ID == 2 || batch.ID == 7 { // with more to come from this server, and with none
					end(server)
					jobs.Work(job.ID, 9)
					server = serveJobs(t, jobs, server.address)
				}
			}
			if diff := cmp.Diff(numbers(30), names); diff != "" {
				t.Error(diff)
			}
			if outages == 0 || watch.Summary().Total != 30 {
				t.Errorf("%d outages, summary %+v", outages, watch.Summary())
			}
		})
	}
}

func TestWatchGoesOnAtItsToken(t *testing.T) {
	jobs, ctx := rpctest.NewJobs(), context.Background()
	c := serveJobs(t, jobs, "127.0.0.1:0").client(t)
	job, err := c.CreateJob(ctx, named(numbers(9)...), credenza.JobSpec{Options: credenza.Options{BatchSize: 2}})
	if err != nil {
		t.Fatal(err)
	}
	jobs.Work(job.ID, 9)
	token := ""
	var names []string
	for round := range 10 { // a reader that leaves after each batch
		watch := c.WatchJob(ctx, job.ID, token)
		if watch.Token() != token {
			t.Errorf("the token is %q before the first batch, want %q", watch.Token(), token)
		}
		for batch, err := range watch.Batches() {
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range batch.Results {
				names = append(names, r.ProductName)
			}
			break
		}
		if token = watch.Token(); watch.Summary().Total > 0 {
			if round != 5 {
				t.Errorf("the end came in round %d", round)
			}
			break
		}
	}
	if diff := cmp.Diff(numbers(9), names); diff != "" {
		t.Error(diff)
	}
}

type watchServer = credenzav1.JobService_WatchJobServer

func jobBatch(token string, names ...string) *credenzav1.WatchJobResponse {
	return &credenzav1.WatchJobResponse{
		Event: &credenzav1.WatchJobResponse_Batch{Batch: batchOf(0, names...)}, ResumeToken: token,
	}
}

func jobSummary(token string) *credenzav1.WatchJobResponse {
	return &credenzav1.WatchJobResponse{
		Event: &credenzav1.WatchJobResponse_Summary{Summary: &credenzav1.Summary{Total: 1}}, ResumeToken: token,
	}
}

// watched is what a watch under a clock of its own came to.
type watched struct {
	names    []string
	tokens   []string        // with which the server was called
	at       []time.Duration // when it was
	attempts []int           // that were reported
	err      error
	took     time.Duration
}

// watchScript watches a server that does what the script says, call by call.
func watchScript(ctx context.Context, t *testing.T, script []func(watchServer) error, opts ...credenza.WatchOption) watched {
	t.Helper()
	var w watched
	var mu sync.Mutex // the server may be in a call that no client waits for
	began := time.Now()
	c := dial(t, &fakeServer{jobs: fakeJobs{watch: func(req *credenzav1.WatchJobRequest, s watchServer) error {
		mu.Lock()
		w.tokens, w.at = append(w.tokens, req.GetResumeToken()), append(w.at, time.Since(began))
		call := script[min(len(w.tokens), len(script))-1]
		mu.Unlock()
		return call(s)
	}}})
	opts = append(opts, credenza.WatchNotify(func(attempt int, _ error) { w.attempts = append(w.attempts, attempt) }))
	watch := c.WatchJob(ctx, "j", "begin", opts...)
	for batch, err := range watch.Batches() {
		for _, r := range batch.Results {
			w.names = append(w.names, r.ProductName)
		}
		w.err = err
	}
	mu.Lock()
	defer mu.Unlock()
	w.took = time.Since(began)
	return w
}

func away(watchServer) error { return status.Error(codes.Unavailable, "away") }

func send(messages ...*credenzav1.WatchJobResponse) func(watchServer) error {
	return func(s watchServer) error {
		for _, m := range messages {
			if err := s.Send(m); err != nil {
				return err
			}
		}
		if len(messages) > 0 && messages[len(messages)-1].GetSummary() != nil {
			return nil
		}
		return away(s)
	}
}

func TestWatch_BacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watchScript(context.Background(), t, []func(watchServer) error{
			send(jobBatch("one", "a")), away, away, away, away, away, away, away, away,
			send(&credenzav1.WatchJobResponse{ResumeToken: "quiet"}), // moves on without results
			send(jobBatch("two", "b"), jobSummary("three")),
		})
		if diff := cmp.Diff([]string{"a", "b"}, w.names); diff != "" || w.err != nil {
			t.Errorf("%s%v", diff, w.err)
		}
		want := []string{"begin", "one", "one", "one", "one", "one", "one", "one", "one", "one", "quiet"}
		if diff := cmp.Diff(want, w.tokens); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 1}, w.attempts); diff != "" {
			t.Error(diff)
		}
		pause := 200 * time.Millisecond
		for i := 1; i < 10; i++ {
			if got := w.at[i] - w.at[i-1]; got < pause/2 || got > pause*3/2 {
				t.Errorf("attempt %d came after %v, want about %v", i, got, pause)
			}
			pause = min(2*pause, 5*time.Second)
		}
		if got := w.at[10] - w.at[9]; got > 300*time.Millisecond {
			t.Errorf("the first attempt of a second outage came after %v", got)
		}
	})
}

// A connection that failed for long is tried ever more rarely by gRPC, which a
// watch must not wait for.
func TestWatchFindsAServerSoonAfterALongOutage(t *testing.T) {
	const outage = 30 * time.Minute
	synctest.Test(t, func(t *testing.T) {
		listener, began := bufconn.Listen(64<<10), time.Now()
		server := grpc.NewServer(grpc.WaitForHandlers(true))
		credenzav1.RegisterJobServiceServer(server, &fakeJobs{watch: func(_ *credenzav1.WatchJobRequest, s watchServer) error {
			return s.Send(jobSummary("one"))
		}})
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		c, err := credenza.Dial("passthrough:///in-process", credenza.WithPlaintext(),
			credenza.WithDialer(func(ctx context.Context, _ string) (net.Conn, error) {
				if time.Since(began) < outage {
					return nil, errors.New("refused")
				}
				return listener.DialContext(ctx)
			}))
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range c.WatchJob(context.Background(), "j", "").Batches() {
			t.Error(err)
		}
		if late := time.Since(began) - outage; late > 15*time.Second {
			t.Errorf("the server was found %v after it was back", late)
		}
		_ = c.Close()
		server.Stop()
		<-served
	})
}

func TestWatch_EndsForPermanentErrors(t *testing.T) {
	retry, err := status.New(codes.ResourceExhausted, "full").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		err    error
		code   credenza.Code
		passes bool
		wait   time.Duration
	}{
		"no such job":     {status.Error(codes.NotFound, "x"), "NOT_FOUND", false, 0},
		"a bad token":     {status.Error(codes.InvalidArgument, "x"), "INVALID_ARGUMENT", false, 0},
		"no rights":       {status.Error(codes.PermissionDenied, "x"), "PERMISSION_DENIED", false, 0},
		"no summary":      {nil, "INTERNAL", false, 0},
		"come back later": {retry.Err(), "", true, time.Minute},
		"away":            {status.Error(codes.Unavailable, "x"), "", true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := watchScript(context.Background(), t, []func(watchServer) error{
					func(watchServer) error { return tc.err }, send(jobSummary("one")),
				})
				if code(w.err) != tc.code || (len(w.tokens) > 1) != tc.passes || w.took < tc.wait {
					t.Errorf("got %v after %d calls and %v", w.err, len(w.tokens), w.took)
				}
			})
		})
	}
}

func TestWatchPatience(t *testing.T) {
	const patience = 30 * time.Second
	after := func(d time.Duration, then func(watchServer) error) func(watchServer) error {
		return func(s watchServer) error {
			time.Sleep(d)
			return then(s)
		}
	}
	for name, tc := range map[string]struct {
		script   []func(watchServer) error
		from, to time.Duration // within which it is given up
	}{
		"from the beginning":          {[]func(watchServer) error{away}, patience - 10*time.Second, patience},
		"after a message":             {[]func(watchServer) error{after(time.Hour, send(jobBatch("one", "a"))), away}, time.Hour + patience - 10*time.Second, time.Hour + patience},
		"after a quiet hour":          {[]func(watchServer) error{after(time.Hour, away), away}, time.Hour + patience - 10*time.Second, time.Hour + patience},
		"a quiet hour ends an outage": {[]func(watchServer) error{away, away, after(time.Hour, away), away}, time.Hour + patience - 10*time.Second, time.Hour + patience + time.Second},
		"a short connection does not": {[]func(watchServer) error{after(10*time.Second, away)}, patience, patience + 20*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := watchScript(context.Background(), t, tc.script, credenza.WatchPatience(patience))
				if code(w.err) != "UNAVAILABLE" || w.took < tc.from || w.took > tc.to {
					t.Errorf("got %v after %v, want it after %v to %v", w.err, w.took, tc.from, tc.to)
				}
			})
		})
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	for name, script := range map[string]func(watchServer) error{
		"while it waits for a server":  away,
		"while it waits for a message": func(s watchServer) error { <-s.Context().Done(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
				defer cancel()
				w := watchScript(ctx, t, []func(watchServer) error{script})
				if !errors.Is(w.err, context.DeadlineExceeded) || w.took != time.Hour {
					t.Errorf("got %v after %v", w.err, w.took)
				}
			})
		})
	}
}

func TestWatchThatIsLeftEndsItsCall(t *testing.T) {
	ended := make(chan error, 1)
	c := dial(t, &fakeServer{jobs: fakeJobs{watch: func(_ *credenzav1.WatchJobRequest, s watchServer) error {
		if err := s.Send(jobBatch("one", "a")); err != nil {
			return err
		}
		<-s.Context().Done()
		ended <- s.Context().Err()
		return nil
	}}})
	watch := c.WatchJob(context.Background(), "j", "")
	for _, err := range watch.Results() {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for _, err := range watch.Results() {
		if code(err) != "FAILED_PRECONDITION" {
			t.Errorf("a second iteration: %v", err)
		}
	}
}
