package rpc_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/rpc/rpctest"
	"github.com/credenza-dev/credenza/internal/taxonomy"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeEngine does what its functions say, and echoes items without them.
type fakeEngine struct {
	run      func(ctx context.Context, call classify.Call, next classify.Source, send classify.Sink) (catalog.Summary, error)
	classify func(ctx context.Context, call classify.Call, item *catalog.Item) (catalog.Outcome, error)
}

func (e *fakeEngine) Run(ctx context.Context, call classify.Call, next classify.Source, send classify.Sink) (catalog.Summary, error) {
	if e.run != nil {
		return e.run(ctx, call, next, send)
	}
	return echo(ctx, call, next, send)
}

func (e *fakeEngine) Classify(ctx context.Context, call classify.Call, item *catalog.Item) (catalog.Outcome, error) {
	if e.classify != nil {
		return e.classify(ctx, call, item)
	}
	return sofa(0, item), nil
}

func sofa(index int64, item *catalog.Item) catalog.Outcome {
	return catalog.Outcome{Index: index, ID: item.ID, Name: item.Name, Classification: catalog.Classification{Category: "SOFA"}}
}

// echo answers each item in a batch of its own.
func echo(ctx context.Context, call classify.Call, next classify.Source, send classify.Sink) (catalog.Summary, error) {
	var s catalog.Summary
	for {
		item, err := next(ctx)
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return s, err
		}
		o := sofa(s.Total, item)
		s.Add(&o)
		batch := catalog.Batch{
			ID: s.Total, Outcomes: []catalog.Outcome{o}, At: time.Unix(1, 0),
			Progress: catalog.Progress{Done: s.Total, Total: call.Total},
		}
		if err := send(batch); err != nil {
			return s, err
		}
	}
}

// fakeOperations remembers the last change.
type fakeOperations struct {
	status   rpc.Status
	settings rpc.Settings
	level    zap.AtomicLevel // of the server's log
	err      error
}

func (o *fakeOperations) Status(context.Context) (rpc.Status, error) { return o.status, o.err }

func (o *fakeOperations) Update(_ context.Context, change rpc.SettingsChange) (rpc.Settings, error) {
	if change.MaxWorkers != nil {
		o.settings.MaxWorkers = *change.MaxWorkers
	}
	if change.LogLevel != nil {
		o.settings.LogLevel = *change.LogLevel
		o.level.SetLevel(*change.LogLevel)
	}
	return o.settings, o.err
}

// setup is what a test wants of its server; its zero value is a ready server in
// the process, without tokens.
type setup struct {
	config     rpc.Config
	tokens     *auth.Tokens
	engine     fakeEngine
	operations fakeOperations
	jobs       rpc.Jobs // nil: a fake one without jobs
	reviews    rpc.Reviews
	listen     func(net.Listener) net.Listener
	notReady   bool
}

type running struct {
	*rpc.Server
	listener *bufconn.Listener
	logs     *observer.ObservedLogs
	metrics  *prometheus.Registry
}

var testTaxonomy = &taxonomy.Taxonomy{
	Version:    "v-test",
	Categories: []taxonomy.Category{{Name: "SOFA", Description: "to sit on", Placements: []string{"living room"}}},
	Styles: []taxonomy.Style{{
		Name: "MODERN", Description: "plain", Keywords: []string{"clean"}, Palette: []string{"white"}, Tags: []string{"sleek"},
	}},
}

// start runs a server in the process and shuts it down with the test.
func start(t *testing.T, s setup) *running {
	t.Helper()
	s.operations.level = zap.NewAtomicLevelAt(zapcore.DebugLevel)
	core, logs := observer.New(s.operations.level)
	r := &running{listener: bufconn.Listen(64 << 10), logs: logs, metrics: prometheus.NewRegistry()}
	if s.jobs == nil {
		s.jobs = rpctest.NewJobs()
	}
	var err error
	r.Server, err = rpc.NewServer(s.config, rpc.Parts{
		Engine: &s.engine, Authority: auth.New(s.tokens), Jobs: s.jobs, Reviews: s.reviews, Operations: &s.operations, Taxonomy: testTaxonomy, Log: zap.New(core), Metrics: r.metrics,
	})
	if err != nil {
		t.Fatal(err)
	}
	var listener net.Listener = r.listener
	if s.listen != nil {
		listener = s.listen(listener)
	}
	served := make(chan error, 1)
	go func() { served <- r.Serve(listener) }()
	r.SetReady(!s.notReady)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = r.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return r
}

// client dials the server with the public client.
func (r *running) client(t *testing.T, opts ...credenza.Option) *credenza.Client {
	t.Helper()
	opts = append([]credenza.Option{
		credenza.WithPlaintext(), credenza.WithTokenOverPlaintext(),
		credenza.WithDialer(func(ctx context.Context, _ string) (net.Conn, error) { return r.listener.DialContext(ctx) }),
	}, opts...)
	c, err := credenza.Dial("passthrough:///in-process", opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// raw dials the server with what any other program would use.
func (r *running) raw(t *testing.T, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	opts = append([]grpc.DialOption{
		plaintext(),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return r.listener.DialContext(ctx) }),
	}, opts...)
	conn, err := grpc.NewClient("passthrough:///in-process", opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (r *running) rawItems(t *testing.T) credenzav1.ClassificationServiceClient {
	t.Helper()
	return credenzav1.NewClassificationServiceClient(r.raw(t))
}

func items(names ...string) []*credenzav1.Item {
	list := make([]*credenzav1.Item, len(names))
	for i, name := range names {
		list[i] = &credenzav1.Item{ProductName: name}
	}
	return list
}

// stream makes a raw ClassifyStream call and returns the error that ended it.
func streamError(ctx context.Context, c credenzav1.ClassificationServiceClient, req *credenzav1.ClassifyStreamRequest) error {
	stream, err := c.ClassifyStream(ctx, req)
	if err != nil {
		return err
	}
	return drain(stream.Recv)
}

// drain receives until the end. A stream that ended well is nil.
func drain[T any](recv func() (T, error)) error {
	for {
		_, err := recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// clientError is the public client's error, or a failed test.
func clientError(t *testing.T, err error) *credenza.Error {
	t.Helper()
	e, ok := errors.AsType[*credenza.Error](err)
	if !ok {
		t.Fatalf("got %v (%T), want a *credenza.Error", err, err)
	}
	return e
}
