package jobs_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/broker"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/jobs"
	"github.com/credenza-dev/credenza/internal/review"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/taxonomy"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// heldDisk is a store whose syncs a test lets through one by one.
type heldDisk struct {
	*broker.Broker
	asked chan struct{} // a sync was asked for
	let   chan error    // its result
	open  atomic.Bool   // all syncs pass
	soon  atomic.Int64  // times that a sync was asked for later
}

func newHeldDisk(b *broker.Broker) *heldDisk {
	return &heldDisk{Broker: b, asked: make(chan struct{}, 100), let: make(chan error)}
}

func (d *heldDisk) Sync(ctx context.Context) error {
	if d.open.Load() {
		return nil
	}
	d.asked <- struct{}{}
	select {
	case err := <-d.let:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *heldDisk) SyncWithin(time.Duration) { d.soon.Add(1) }

// heldService is a service on a held disk, and a client that reaches it through gRPC.
func heldService(t *testing.T, settings ...setting) (*heldDisk, *replica, *credenza.Client) {
	t.Helper()
	b := openBroker(t, t.TempDir())
	disk := newHeldDisk(b)
	r := start(t, disk, newModel(32), settings...)
	t.Cleanup(func() {
		disk.open.Store(true)
		r.Close()
		b.Close()
	})
	return disk, r, front(t, r)
}

type noOperations struct{}

func (noOperations) Status(context.Context) (rpc.Status, error) { return rpc.Status{}, nil }

func (noOperations) Update(context.Context, rpc.SettingsChange) (rpc.Settings, error) {
	return rpc.Settings{}, nil
}

// front serves the replica's jobs through gRPC and returns a client.
func front(t *testing.T, r *replica) *credenza.Client {
	t.Helper()
	listener := serveFront(t, r)
	client, err := credenza.Dial("passthrough:///in-process", credenza.WithPlaintext(),
		credenza.WithDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// rawFront is the same with the generated client.
func rawFront(t *testing.T, r *replica) credenzav1.JobServiceClient {
	t.Helper()
	return credenzav1.NewJobServiceClient(dialFront(t, r))
}

// dialFront connects to a server in front of the replica.
func dialFront(t *testing.T, r *replica) *grpc.ClientConn {
	t.Helper()
	listener := serveFront(t, r)
	conn, err := grpc.NewClient("passthrough:///in-process", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// serveFront serves the replica's jobs through gRPC.
func serveFront(t *testing.T, r *replica) *bufconn.Listener {
	t.Helper()
	tax, err := taxonomy.Load("")
	if err != nil {
		t.Fatal(err)
	}
	server, err := rpc.NewServer(rpc.Config{}, rpc.Parts{
		Engine: r.engine, Authority: auth.New(nil), Jobs: r.Service, Reviews: review.New(r.Service, 64<<20), Operations: noOperations{}, Taxonomy: tax, Log: zap.NewNop(), Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	listener := bufconn.Listen(64 << 10)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	server.SetReady(true)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener
}

// waiting returns items that the model answers only once it is let go.
func waiting(n int) []credenza.Item {
	items := make([]credenza.Item, n)
	for i := range items {
		items[i] = credenza.Item{ProductName: "oak", Description: "wait"}
	}
	return items
}

// before fails unless the sync is asked for before the answer comes.
func before[T any](t *testing.T, disk *heldDisk, answer <-chan T) {
	t.Helper()
	select {
	case <-disk.asked:
	case got := <-answer:
		t.Fatalf("answered before the sync: %+v", got)
	case <-time.After(20 * time.Second):
		t.Fatal("neither a sync nor an answer")
	}
	select {
	case got := <-answer:
		t.Fatalf("answered during the sync: %+v", got)
	default:
	}
}

type created struct {
	job credenza.Job
	err error
}

func createBehind(t *testing.T, client *credenza.Client, n int) <-chan created {
	t.Helper()
	answer := make(chan created, 1)
	go func() {
		job, err := client.CreateJob(t.Context(), slices.Values(waiting(n)), credenza.JobSpec{RequestID: "one"})
		answer <- created{job, err}
	}()
	return answer
}

func TestSync_JobIsOnDiskBeforeItIsReported(t *testing.T) {
	disk, _, client := heldService(t)
	for round := range 2 { // the second call finds the job
		answer := createBehind(t, client, 250)
		before(t, disk, answer)
		bucket, err := disk.JetStream().KeyValue(t.Context(), "credenza_jobs")
		if err != nil {
			t.Fatal(err)
		}
		if keys, err := bucket.Keys(t.Context()); err != nil || len(keys) != 1 {
			t.Fatalf("round %d: the sync came before the record: %v, %v", round, keys, err)
		}
		disk.let <- nil
		if got := <-answer; got.err != nil || got.job.ID == "" {
			t.Fatalf("%+v", got)
		}
	}
}

func TestSync_EndIsOnDiskBeforeItIsReported(t *testing.T) {
	disk, r, client := heldService(t)
	disk.open.Store(true)
	job, err := client.CreateJob(t.Context(), slices.Values(waiting(250)), credenza.JobSpec{})
	if err != nil {
		t.Fatal(err)
	}
	disk.open.Store(false)
	summary := make(chan credenza.Summary, 1)
	go func() {
		watch := client.WatchJob(t.Context(), job.ID, "")
		for _, err := range watch.Batches() {
			if err != nil {
				t.Error(err)
			}
		}
		summary <- watch.Summary()
	}()
	close(r.model.let)
	before(t, disk, summary)
	results, err := disk.JetStream().Stream(t.Context(), "CREDENZA_RESULTS")
	if err != nil {
		t.Fatal(err)
	}
	last, err := results.GetLastMsgForSubject(t.Context(), "credenza.results.>")
	if err != nil || !strings.HasSuffix(last.Subject, ".end") {
		t.Fatalf("the sync came before the end: %v, %v", last, err)
	}
	for job, err := range client.Jobs(t.Context(), credenza.JobQuery{State: credenza.JobSucceeded}) {
		t.Fatalf("the end is listed before it is on disk: %+v, %v", job, err)
	}
	disk.open.Store(true)
	for ended := false; !ended; {
		select {
		case disk.let <- nil:
		case sum := <-summary:
			ended = true
			if sum.Succeeded != 250 {
				t.Errorf("%+v", sum)
			}
		}
	}
	if got, err := client.Job(t.Context(), job.ID); err != nil || got.State != credenza.JobSucceeded {
		t.Errorf("%+v, %v", got, err)
	}
	if disk.soon.Load() == 0 {
		t.Error("no sync of results was asked for")
	}
}

func TestSync_JobIsRefusedIfItFails(t *testing.T) {
	disk, _, client := heldService(t)
	answer := createBehind(t, client, 1)
	before(t, disk, answer)
	disk.open.Store(true)
	disk.let <- fault.Wrap(errors.New("I/O error"), fault.StorageAway, "the disk is broken")
	if got := <-answer; status.Code(got.err) != codes.Unavailable || !strings.Contains(got.err.Error(), "the disk is broken") {
		t.Fatalf("%+v", got)
	}
}

// TestSync_Always has each result on disk before it counts, or is shown.
func TestSync_Always(t *testing.T) {
	disk, r, client := heldService(t, func(c *jobs.Config) { c.Sync = 0 })
	disk.open.Store(true)
	items := waiting(2)
	items[0].Description = "wait longer"
	job, err := client.CreateJob(t.Context(), slices.Values(items), credenza.JobSpec{})
	if err != nil {
		t.Fatal(err)
	}
	disk.open.Store(false)
	close(r.model.longer)
	before(t, disk, make(chan int)) // the worker's own, for the chunk that it has in hand
	batches := make(chan int, 10)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(batches)
		for batch, err := range client.WatchJob(ctx, job.ID, "").Batches() {
			if err != nil {
				return
			}
			batches <- len(batch.Results)
		}
	}()
	before(t, disk, batches)
	disk.open.Store(true)
	for got := 0; got == 0; {
		select {
		case disk.let <- nil:
		case got = <-batches:
		}
	}
	if disk.soon.Load() != 0 {
		t.Error("a sync was put off")
	}
	cancel()
	for range batches { // until the watch has ended
	}
}
