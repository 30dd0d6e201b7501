package rpc_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	reflectionalpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// bubble runs a test with time of its own. Its cleanups run inside.
func bubble(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }

func serving(t *testing.T, conn *grpc.ClientConn, service string) string {
	t.Helper()
	res, err := healthv1.NewHealthClient(conn).Check(context.Background(), &healthv1.HealthCheckRequest{Service: service})
	if err != nil {
		t.Fatalf("health of %q: %v", service, err)
	}
	return res.GetStatus().String()
}

var services = []string{"", "credenza.v1.ClassificationService", "credenza.v1.JobService", "credenza.v1.OperationsService"}

func TestHealthFollowsReadiness(t *testing.T) {
	s := start(t, setup{notReady: true})
	conn := s.raw(t)
	check := func(want string) {
		t.Helper()
		for _, service := range services {
			if got := serving(t, conn, service); got != want {
				t.Errorf("%q is %s, want %s", service, got, want)
			}
		}
		if s.Ready() != (want == "SERVING") {
			t.Errorf("Ready is %v while health says %s", s.Ready(), want)
		}
	}
	check("NOT_SERVING")
	s.SetReady(true)
	check("SERVING")
	s.SetReady(false)
	check("NOT_SERVING")
}

func TestReflectionListsTheServices(t *testing.T) {
	s := start(t, setup{})
	conn := s.raw(t)
	names, err := listServices(context.Background(), conn)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range services[1:] {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not among %v", want, names)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	old, err := reflectionalpha.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	//nolint:staticcheck // deprecated, and what older tools still ask
	err = old.Send(&reflectionalpha.ServerReflectionRequest{MessageRequest: &reflectionalpha.ServerReflectionRequest_ListServices{}})
	if err != nil {
		t.Fatal(err)
	}
	//nolint:staticcheck // as above
	if res, err := old.Recv(); err != nil || len(res.GetListServicesResponse().GetService()) != len(names) {
		t.Errorf("v1alpha: got %v, %v", res, err)
	}
}

// untilTold is an engine whose calls wait for the channel, or for their end.
func untilTold(told <-chan struct{}) fakeEngine {
	return fakeEngine{run: func(ctx context.Context, call classify.Call, next classify.Source, send classify.Sink) (catalog.Summary, error) {
		select {
		case <-told:
			return echo(ctx, call, next, send)
		case <-ctx.Done():
			return catalog.Summary{}, ctx.Err()
		}
	}}
}

// begin runs a call on a goroutine and returns the channel of its error.
func begin(stream *credenza.Stream) <-chan error {
	ended := make(chan error, 1)
	go func() {
		var last error
		for _, last = range stream.Results() {
		}
		ended <- last
	}()
	return ended
}

func wantShuttingDown(t *testing.T, what string, err error) {
	t.Helper()
	if e := clientError(t, err); e.Code != "UNAVAILABLE" || e.Reason != "SHUTTING_DOWN" {
		t.Errorf("%s: got %v, want UNAVAILABLE (SHUTTING_DOWN)", what, err)
	}
}

func TestShutdownLetsStreamsEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		told := make(chan struct{})
		s := start(t, setup{engine: untilTold(told)})
		c, conn := s.client(t), s.raw(t)
		ctx := context.Background()
		watch, err := healthv1.NewHealthClient(conn).Watch(ctx, &healthv1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		stream := begin(c.ClassifyStream(ctx, []credenza.Item{{}, {}}, credenza.Options{}))
		feed := begin(c.Feed(ctx, nothing, credenza.Options{}))
		synctest.Wait()

		stopped := make(chan error, 1)
		began := time.Now()
		go func() { stopped <- s.Shutdown(ctx) }()
		wantShuttingDown(t, "feed", <-feed)
		_, err = c.Classify(ctx, credenza.Item{}, credenza.Options{})
		wantShuttingDown(t, "new call", err)
		if got := serving(t, conn, ""); got != "NOT_SERVING" {
			t.Errorf("health says %s", got)
		}
		s.SetReady(true)
		if s.Ready() || serving(t, conn, "") != "NOT_SERVING" {
			t.Error("a server that goes down became ready")
		}
		if time.Since(began) != 0 {
			t.Errorf("being told took %v", time.Since(began))
		}

		time.Sleep(20 * time.Second)
		close(told)
		if err := <-stream; err != nil {
			t.Errorf("the stream failed: %v", err)
		}
		if err := <-stopped; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if took := time.Since(began); took >= 21*time.Second {
			t.Errorf("Shutdown took %v, the last call ended after 20 s", took)
		}
		wantWatched(t, watch, "SERVING", "NOT_SERVING")
	})
}

// wantWatched checks that a watcher of health saw these states, then the end.
func wantWatched(t *testing.T, watch grpc.ServerStreamingClient[healthv1.HealthCheckResponse], want ...string) {
	t.Helper()
	var got []string
	for {
		res, err := watch.Recv()
		if err != nil {
			break
		}
		got = append(got, res.GetStatus().String())
	}
	equal(t, want, got)
}

func TestShutdownCutsOffWhatDoesNotEnd(t *testing.T) {
	for _, tc := range []struct {
		name string
		time time.Duration // 0: no deadline
		want time.Duration
	}{
		{"with a deadline", 5 * time.Second, 5 * time.Second},
		{"without", 0, 30 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := start(t, setup{engine: untilTold(nil)})
				c := s.client(t)
				stream := begin(c.ClassifyStream(context.Background(), []credenza.Item{{}}, credenza.Options{}))
				synctest.Wait()
				ctx := context.Background()
				if tc.time > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tc.time)
					defer cancel()
				}
				began := time.Now()
				err := s.Shutdown(ctx)
				if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 call had to be cut off") {
					t.Errorf("Shutdown: %v", err)
				}
				if took := time.Since(began); took != tc.want {
					t.Errorf("Shutdown took %v, want %v", took, tc.want)
				}
				wantShuttingDown(t, "stream", <-stream)
				if again := s.Shutdown(context.Background()); again == nil || again.Error() != err.Error() {
					t.Errorf("a second Shutdown says %v", again)
				}
			})
		})
	}
}

func TestQuietFeedEndsWithItsEngine(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, setup{engine: failingEngine(errors.New("broken"))})
		more := make(chan struct{})
		feed := begin(s.client(t).Feed(context.Background(), func(func(credenza.Item) bool) { <-more }, credenza.Options{}))
		synctest.Wait()
		// Nothing comes in and nothing ends the receiving, and yet the handler is back.
		if s.logs.Len() != 1 {
			t.Errorf("%d calls have ended, want 1", s.logs.Len())
		}
		close(more) // for the client, which waits for its sequence
		if e := clientError(t, <-feed); e.Code != "INTERNAL" {
			t.Errorf("got %v", e)
		}
	})
}

func TestShutdown_EndsQuietFeedsAtOnce(t *testing.T) {
	for name, first := range map[string]*credenzav1.ClassifyFeedRequest{"before its spec": nil, "after it": feedSpec(nil)} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := start(t, setup{})
				feed, err := s.rawItems(t).ClassifyFeed(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				if first != nil {
					if err := feed.Send(first); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				began := time.Now()
				if err := s.Shutdown(context.Background()); err != nil {
					t.Errorf("Shutdown: %v", err)
				}
				if took := time.Since(began); took != 0 {
					t.Errorf("Shutdown took %v", took)
				}
				if err := drain(feed.Recv); status.Code(err) != codes.Unavailable {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestCallerThatLeaves_EndsTheCall(t *testing.T) {
	bubble(t, func(t *testing.T) {
		type end struct {
			at  time.Time
			err error
		}
		ended := make(chan end, 1)
		s := start(t, setup{engine: fakeEngine{run: func(ctx context.Context, _ classify.Call, next classify.Source, _ classify.Sink) (catalog.Summary, error) {
			<-ctx.Done()
			_, err := next(ctx)
			ended <- end{time.Now(), err}
			return catalog.Summary{}, err
		}}})
		for name, call := range map[string]func(context.Context, *credenza.Client) *credenza.Stream{
			"stream": func(ctx context.Context, c *credenza.Client) *credenza.Stream {
				return c.ClassifyStream(ctx, []credenza.Item{{}}, credenza.Options{})
			},
			"feed": func(ctx context.Context, c *credenza.Client) *credenza.Stream {
				return c.Feed(ctx, nothing, credenza.Options{})
			},
		} {
			ctx, cancel := context.WithCancel(context.Background())
			err := begin(call(ctx, s.client(t)))
			synctest.Wait()
			left := time.Now()
			cancel()
			e := <-ended
			if d := e.at.Sub(left); d != 0 || !errors.Is(e.err, context.Canceled) {
				t.Errorf("%s: the engine learned of it after %v, and its source said %v", name, d, e.err)
			}
			if err := <-err; !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v, want context.Canceled", name, err)
			}
		}
	})
}

func TestCallersDeadlineReachesTheEngine(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, setup{engine: untilTold(nil)})
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		err := <-begin(s.client(t).ClassifyStream(ctx, []credenza.Item{{}}, credenza.Options{}))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestClientsMayPingEveryTenSeconds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := start(t, setup{})
		conn := s.raw(t, grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: 10 * time.Second, Timeout: time.Second, PermitWithoutStream: true,
		}), grpc.WithIdleTimeout(0))
		serving(t, conn, "")
		// gRPC hands out a connection before it calls it ready.
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		if conn.WaitForStateChange(ctx, connectivity.Ready) {
			t.Errorf("the connection became %v", conn.GetState())
		}
	})
}

func TestServeAndShutdownInAnyOrder(t *testing.T) {
	s := start(t, setup{}) // Serve may or may not have begun
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	_, err := s.client(t).Taxonomy(context.Background())
	if e := clientError(t, err); e.Code != "UNAVAILABLE" {
		t.Errorf("got %v", e)
	}
}
