package app_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// lostData is a service whose data folder a test does away with.
type lostData struct {
	app    *app.App
	client *credenza.Client
	health healthv1.HealthClient
	log    *buffer
	dir    string
}

func withData(t *testing.T) *lostData {
	t.Helper()
	model, err := llmsim.New(llmsim.Config{Latency: llmsim.Latency{Median: 10 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(model)
	t.Cleanup(web.Close)
	l := &lostData{log: &buffer{}, dir: filepath.Join(t.TempDir(), "data")}
	l.app, err = app.Start(t.Context(), settings(t, "--openai-base-url="+web.URL+"/v1", "--openai-api-key=sk-test",
		"--drain-timeout=1s", "--log-level=warn", "--data-dir="+l.dir), app.Options{LogTo: l.log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.app.Close(context.Background()) })
	conn, err := grpc.NewClient(l.app.GRPCAddr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	l.health = healthv1.NewHealthClient(conn)
	if l.client, err = credenza.Dial(l.app.GRPCAddr(), credenza.WithPlaintext()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.client.Close() })
	return l
}

// ready reports what the probes say, gRPC's and HTTP's.
func (l *lostData) ready(t *testing.T) (grpcReady, httpReady bool) {
	t.Helper()
	res, err := http.Get("http://" + l.app.HTTPAddr() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	got, err := l.health.Check(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return got.GetStatus() == healthv1.HealthCheckResponse_SERVING, res.StatusCode == http.StatusOK
}

// becomes waits until both probes agree, for as long as a loss may go unnoticed.
func (l *lostData) becomes(t *testing.T, ready bool) {
	t.Helper()
	const noticed = 5 * time.Second
	began := time.Now()
	testkit.Await(t, fmt.Sprint("both probes say ", ready), func() bool {
		byGRPC, byHTTP := l.ready(t)
		return byGRPC == ready && byHTTP == ready
	})
	if took := time.Since(began); took > noticed {
		t.Fatalf("the probes say %v after %v, want at most %v", ready, took, noticed)
	}
}

// refusesJobs fails unless every call about jobs is answered with UNAVAILABLE and the
// reason.
func (l *lostData) refusesJobs(t *testing.T, id string) {
	t.Helper()
	_, create := l.client.CreateJob(t.Context(), slices.Values(goods(1, nil)), credenza.JobSpec{})
	_, get := l.client.Job(t.Context(), id)
	_, cancel := l.client.CancelJob(t.Context(), id)
	_, retry := l.client.Retry(t.Context(), id, credenza.RetryOptions{})
	var list error
	for _, list = range l.client.Jobs(t.Context(), credenza.JobQuery{}) {
	}
	for call, err := range map[string]error{
		"CreateJob": create, "GetJob": get, "CancelJob": cancel, "RetryJob": retry, "ListJobs": list, "DeleteJob": l.client.DeleteJob(t.Context(), id),
	} {
		if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "the data folder of the service was removed or replaced") {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func TestALostDataFolder(t *testing.T) {
	for name, lose := range map[string]func(dir string) error{
		"removed":               os.RemoveAll,
		"moved away":            func(dir string) error { return os.Rename(dir, dir+".old") },
		"its store removed":     func(dir string) error { return os.RemoveAll(filepath.Join(dir, "jetstream")) },
		"its streams removed":   func(dir string) error { return os.RemoveAll(filepath.Join(dir, "jetstream", "$G", "streams")) },
		"replaced by an empty":  func(dir string) error { return join(os.Rename(dir, dir+".old"), os.Mkdir(dir, 0o700)) },
		"replaced by a copy":    func(dir string) error { return join(os.Rename(dir, dir+".old"), os.CopyFS(dir, os.DirFS(dir+".old"))) },
		"replaced by a service": replaceByService(t),
	} {
		t.Run(name, func(t *testing.T) {
			l := withData(t)
			job, err := l.client.CreateJob(t.Context(), slices.Values(goods(50, nil)), credenza.JobSpec{})
			if err != nil {
				t.Fatal(err)
			}
			l.becomes(t, true)
			if err := lose(l.dir); err != nil {
				t.Fatal(err)
			}
			l.becomes(t, false)
			l.refusesJobs(t, job.ID)
			classify(t, l.client, goods(20, nil), credenza.Options{})
			lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(l.log.String()), "\n"), func(line string) bool {
				return strings.Contains(line, "finished call") // each refusal has its own
			})
			if len(lines) != 1 || !strings.Contains(lines[0], "nothing can be stored") {
				t.Errorf("the log says it in %d lines:\n%s", len(lines), strings.Join(lines, "\n"))
			}
		})
	}
}

func join(first, then error) error {
	if first != nil {
		return first
	}
	return then
}

// replaceByService has another service take over the folder's name.
func replaceByService(t *testing.T) func(dir string) error {
	t.Helper()
	return func(dir string) error {
		if err := os.Rename(dir, dir+".old"); err != nil {
			return err
		}
		other, err := app.Start(t.Context(), settings(t, "--data-dir="+dir), app.Options{LogTo: &buffer{}})
		if err == nil {
			t.Cleanup(func() { _ = other.Close(context.Background()) })
		}
		return err
	}
}

// TestADataFolderThatComesBack is taken up again, with the job that ran.
func TestADataFolderThatComesBack(t *testing.T) {
	l := withData(t)
	items := goods(3000, nil)
	job, err := l.client.CreateJob(t.Context(), slices.Values(items), credenza.JobSpec{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(l.dir, l.dir+".away"); err != nil {
		t.Fatal(err)
	}
	l.becomes(t, false)
	l.refusesJobs(t, job.ID)
	// The store may have written to the old name meanwhile.
	if err := join(os.RemoveAll(l.dir), os.Rename(l.dir+".away", l.dir)); err != nil {
		t.Fatal(err)
	}
	l.becomes(t, true)
	results := map[int64]bool{}
	for r, err := range l.client.WatchJob(t.Context(), job.ID, "").Results() {
		if err != nil || r.Err != nil || results[r.Index] {
			t.Fatal(r, err)
		}
		results[r.Index] = true
	}
	if len(results) != len(items) {
		t.Errorf("%d of %d results", len(results), len(items))
	}
}

// TestAWatchIsToldOfALostFolder has a reader of a job that waits.
func TestAWatchIsToldOfALostFolder(t *testing.T) {
	l := withData(t)
	items := goods(100_000, nil)
	job, err := l.client.CreateJob(t.Context(), slices.Values(items), credenza.JobSpec{})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(l.app.GRPCAddr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := os.RemoveAll(l.dir); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := watchRaw(ctx, conn, job.ID); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "the data folder") {
		t.Fatal(err)
	}
}

// watchRaw watches a job with no client that would take the watch up again.
func watchRaw(ctx context.Context, conn *grpc.ClientConn, id string) error {
	stream, err := credenzav1.NewJobServiceClient(conn).WatchJob(ctx, &credenzav1.WatchJobRequest{JobId: id})
	for err == nil {
		_, err = stream.Recv()
	}
	return err
}
