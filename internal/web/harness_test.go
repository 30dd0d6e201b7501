package web_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/internal/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeEngine does what its function says, and echoes items without one.
type fakeEngine struct {
	run func(ctx context.Context, call classify.Call, next classify.Source, send classify.Sink) (catalog.Summary, error)
}

func (e *fakeEngine) Run(ctx context.Context, call classify.Call, next classify.Source, send classify.Sink) (catalog.Summary, error) {
	if e.run != nil {
		return e.run(ctx, call, next, send)
	}
	return echo(ctx, call, next, send)
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
		o := sofa(s.Total, item.Name)
		s.Add(&o)
		if err := send(batchOf(s.Total, call.Options.Mode.KindOf(item), o)); err != nil {
			return s, err
		}
	}
}

func sofa(index int64, name string) catalog.Outcome {
	return catalog.Outcome{Index: index, Name: name, Classification: catalog.Classification{Category: "SOFA", PrimaryStyle: "SHABBY_CHIC"}}
}

func batchOf(id int64, kind catalog.Kind, outcomes ...catalog.Outcome) catalog.Batch {
	return catalog.Batch{ID: id, Kind: kind, Outcomes: outcomes, At: time.Unix(1, 0)}
}

// fakeCallers knows all callers, or fails.
type fakeCallers struct{ err error }

func (c *fakeCallers) Caller(*http.Request) (catalog.Caller, error) {
	return catalog.Caller{ID: "call:1"}, c.err
}

func (c *fakeCallers) Uploader(*http.Request) (catalog.Caller, catalog.Owner, error) {
	return catalog.Caller{ID: "call:1"}, catalog.Owner{Name: "shop"}, c.err
}

func (c *fakeCallers) Identified(r *http.Request) *http.Request { return r }

func (c *fakeCallers) Share(r *http.Request) (string, bool) { return r.RemoteAddr, c.err == nil }

// fakeServices says which path it was asked for.
type fakeServices struct{ http.HandlerFunc }

func (fakeServices) Uploads(path string) bool { return strings.HasSuffix(path, "/Upload") }

// setup is what a test wants of its server; its zero value answers everything.
type setup struct {
	config   web.Config
	engine   fakeEngine
	callers  fakeCallers
	services http.HandlerFunc
	uploads  web.Uploads // nil: no file is taken
	page     fs.FS       // nil: there is none
}

type running struct {
	*web.Server
	client  *http.Client
	ready   atomic.Bool
	logs    *observer.ObservedLogs
	metrics *prometheus.Registry
	pipe    *testkit.Pipe
}

// start serves in memory, in a synctest bubble or out of one, and shuts down with
// the test.
func start(t *testing.T, s setup) *running {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	r := &running{logs: logs, metrics: prometheus.NewRegistry(), pipe: testkit.NewPipe()}
	r.ready.Store(true)
	if s.services == nil {
		s.services = func(w http.ResponseWriter, req *http.Request) { _, _ = io.WriteString(w, req.URL.Path) }
	}
	var err error
	r.Server, err = web.New(s.config, web.Parts{
		Engine: &s.engine, Callers: &s.callers, Services: fakeServices{s.services}, Uploads: s.uploads, Page: s.page,
		Ready: r.ready.Load, Log: zap.New(core), Metrics: r.metrics,
	})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- r.Serve(r.pipe) }()
	transport := &http.Transport{DialContext: r.pipe.DialContext}
	r.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = r.Drain(ctx)
		if err := r.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return r
}

// dial connects as a client that writes its requests by hand.
func (r *running) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := r.pipe.DialContext(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

type reply struct {
	status int
	header http.Header
	body   string
}

// ask makes one request and reads the whole answer. Headers are "Name: value".
func (r *running) ask(t *testing.T, method, path, body string, headers ...string) reply {
	t.Helper()
	res := r.begin(t, method, path, body, headers...)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(text)}
}

// begin makes one request and returns when the answer's headers are there.
func (r *running) begin(t *testing.T, method, path, body string, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://memory"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}
