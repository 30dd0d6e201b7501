package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/internal/tracing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// slow is an exporter that waits until it is let go, and then fails as it is told.
type slow struct {
	let chan struct{}

	mu    sync.Mutex
	fails error
	got   int
}

func (e *slow) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	select {
	case <-e.let:
	case <-ctx.Done():
		return ctx.Err()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fails == nil {
		e.got += len(spans)
	}
	return e.fails
}

func (e *slow) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fails = err
}

func (*slow) Shutdown(context.Context) error { return nil }

func open(t *testing.T, e tracing.Exporter) (*tracing.Tracer, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	tracer, err := tracing.Open(t.Context(), tracing.Config{Version: "v1", Log: zap.New(core), Exporter: e})
	if err != nil {
		t.Fatal(err)
	}
	return tracer, logs
}

// items makes the spans of a call with n items.
func items(t *testing.T, tracer *tracing.Tracer, n int) {
	ctx, call := tracer.Provider().Tracer("test").Start(t.Context(), "call")
	for i := range n {
		tracer.ItemDone(tracer.Item(ctx, int64(i), catalog.KindText, time.Now()), &catalog.Outcome{})
	}
	call.End()
}

// TestQueue_DropsAndCountsWhatIsTooMuch has a call of 100,000 items whose collector does not
// answer.
func TestQueue_DropsAndCountsWhatIsTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ended = 100_001
		e := &slow{let: make(chan struct{})}
		tracer, _ := open(t, e)
		items(t, tracer, ended-1)
		if got := tracer.Counts(); got.Dropped != ended-sdktrace.DefaultMaxQueueSize {
			t.Errorf("%+v, want all but %d dropped", got, sdktrace.DefaultMaxQueueSize)
		}
		close(e.let)
		tracer.Close()
		got := tracer.Counts()
		if got.Exported != sdktrace.DefaultMaxQueueSize || int64(e.got) != got.Exported || got.Exported+got.Dropped != ended {
			t.Errorf("%+v, of which %d arrived", got, e.got)
		}
	})
}

// TestClose_WaitsForACollectorOnlySoLong has one that never answers.
func TestClose_WaitsForACollectorOnlySoLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracer, _ := open(t, &slow{let: make(chan struct{})})
		items(t, tracer, 2_000)
		start := time.Now()
		tracer.Close()
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("it took %v", took)
		}
		synctest.Wait()
		if got := tracer.Counts(); got.Failed != 2_001 {
			t.Errorf("%+v", got)
		}
	})
}

// TestExport_LogsWhenItFailsAndWhenItWorksAgain has a collector that quotes what it was sent.
func TestExport_LogsWhenItFailsAndWhenItWorksAgain(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20planted-token,x=y")
	synctest.Test(t, func(t *testing.T) {
		e := &slow{let: make(chan struct{})}
		close(e.let)
		tracer, logs := open(t, e)
		defer tracer.Close()
		e.fail(fmt.Errorf("failed to send to http://user:planted@host/v1?key=planted: 401 (body: no Bearer planted-token) %s", strings.Repeat("x", 10_000)))
		for range 3 {
			items(t, tracer, 1)
			time.Sleep(6 * time.Second)
		}
		e.fail(nil)
		items(t, tracer, 1)
		time.Sleep(6 * time.Second)
		if got := tracer.Counts(); got.Failed != 6 || got.Exported != 2 {
			t.Errorf("%+v", got)
		}
		all := logs.All()
		if len(all) != 2 || all[0].Level != zapcore.WarnLevel || all[1].Level != zapcore.InfoLevel {
			t.Fatalf("the log has %v", all)
		}
		cause, _ := all[0].ContextMap()["cause"].(string)
		if strings.Contains(cause, "planted") || !strings.Contains(cause, "401") || len(cause) > 400 {
			t.Errorf("the cause is %q", cause)
		}
	})
}

func TestOpen_IsOffUnlessAskedFor(t *testing.T) {
	for name, variables := range map[string]map[string]string{
		"nothing":             {},
		"only a name":         {"OTEL_SERVICE_NAME": "x", "OTEL_TRACES_SAMPLER": "always_on"},
		"disabled":            {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"},
		"no exporter":         {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"},
		"an empty address":    {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
		"an address of other": {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://localhost:4318"},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range variables {
				t.Setenv(variable, value)
			}
			tracer, err := tracing.Open(t.Context(), tracing.Config{Log: zap.NewNop()})
			if tracer != nil || err != nil {
				t.Error(tracer, err)
			}
			if got, err := tracing.Describe(t.Context()); got != "off" || err != nil {
				t.Error(got, err)
			}
		})
	}
}

func TestOpen_SaysWhereTracesGo(t *testing.T) {
	for want, variables := range map[string]map[string]string{
		"OTLP, http/protobuf, to localhost":      {"OTEL_TRACES_EXPORTER": "otlp"},
		"OTLP, http/protobuf, to collector:4318": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:planted@collector:4318/?key=planted"},
		"OTLP, grpc, to collector:4317":          {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
	} {
		t.Run(want, func(t *testing.T) {
			for variable, value := range variables {
				t.Setenv(variable, value)
			}
			tracer, err := tracing.Open(t.Context(), tracing.Config{Log: zap.NewNop()})
			if err != nil {
				t.Fatal(err)
			}
			tracer.Close()
			if got, err := tracing.Describe(t.Context()); got != want || err != nil {
				t.Error(got, err)
			}
		})
	}
}

// TestOpen_RefusesWrongVariables has values that are secret, which the SDK itself would print.
func TestOpen_RefusesWrongVariables(t *testing.T) {
	for variable, value := range map[string]string{
		"OTEL_TRACES_EXPORTER":               "zipkin",
		"OTEL_EXPORTER_OTLP_PROTOCOL":        "carrier-pigeon",
		"OTEL_EXPORTER_OTLP_ENDPOINT":        "localhost:4318/planted",
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://planted:x:y/",
		"OTEL_EXPORTER_OTLP_HEADERS":         "planted",
		"OTEL_EXPORTER_OTLP_TIMEOUT":         "planted",
		"OTEL_EXPORTER_OTLP_COMPRESSION":     "planted",
		"OTEL_EXPORTER_OTLP_CERTIFICATE":     "/nowhere/planted",
		"OTEL_RESOURCE_ATTRIBUTES":           "planted",
		"OTEL_TRACES_SAMPLER":                "sometimes",
		"OTEL_PROPAGATORS":                   "rumour",
		"OTEL_BSP_MAX_QUEUE_SIZE":            "-1",
		"OTEL_BSP_MAX_EXPORT_BATCH_SIZE":     "-1",
		"OTEL_BSP_SCHEDULE_DELAY":            "0",
		"OTEL_BSP_EXPORT_TIMEOUT":            "planted",
		"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT":    "planted",
	} {
		t.Run(variable, func(t *testing.T) {
			if !strings.HasSuffix(variable, "ENDPOINT") {
				t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")
			}
			t.Setenv(variable, value)
			tracer, err := tracing.Open(t.Context(), tracing.Config{Log: zap.NewNop()})
			if tracer != nil || err == nil {
				t.Fatal("it was opened")
			}
			if text := err.Error(); !strings.Contains(text, "OTEL_") || strings.Contains(text, "planted") || strings.Contains(text, "\n") {
				t.Errorf("the error is %q", text)
			}
		})
	}
}

func TestOpen_ExportsOverHTTP(t *testing.T) {
	collector := testkit.ServeCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	tracer, err := tracing.Open(t.Context(), tracing.Config{Version: "v1", Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	items(t, tracer, 1)
	tracer.Close()
	if spans := collector.Spans(); len(spans) != 2 || spans[0].Process["service.name"] != "credenza" || spans[0].Process["service.version"] != "v1" {
		t.Errorf("%v", spans)
	}
}

// overGRPC is a collector that takes OTLP over gRPC and counts spans.
type overGRPC struct {
	coltrace.UnimplementedTraceServiceServer
	got atomic.Int64
}

func (c *overGRPC) Export(_ context.Context, req *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	for _, r := range req.GetResourceSpans() {
		for _, s := range r.GetScopeSpans() {
			c.got.Add(int64(len(s.GetSpans())))
		}
	}
	return &coltrace.ExportTraceServiceResponse{}, nil
}

func TestOpen_ExportsOverGRPC(t *testing.T) {
	collector, server := &overGRPC{}, grpc.NewServer()
	coltrace.RegisterTraceServiceServer(server, collector)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+l.Addr().String())
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	tracer, err := tracing.Open(t.Context(), tracing.Config{Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	items(t, tracer, 3)
	tracer.Close()
	server.Stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := collector.got.Load(); got != 4 || tracer.Counts().Exported != 4 {
		t.Errorf("%d spans came, %+v", got, tracer.Counts())
	}
}

// TestPropagator_LeavesBaggageAlone has a caller send baggage, of which a part is none.
func TestPropagator_LeavesBaggageAlone(t *testing.T) {
	tracer, logs := open(t, &slow{let: make(chan struct{})})
	defer tracer.Close()
	ctx := tracer.Propagator().Extract(t.Context(), propagation.MapCarrier{
		"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "baggage": "user=planted,planted",
	})
	if got := baggage.FromContext(ctx); got.Len() > 0 || logs.Len() > 0 {
		t.Errorf("baggage %v, the log has %v", got, logs.All())
	}
	if tracer.ID(ctx) != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("the trace is %q", tracer.ID(ctx))
	}
}

func TestItemDone_HasNoMessageOfAnError(t *testing.T) {
	collector := testkit.ServeCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	tracer, err := tracing.Open(t.Context(), tracing.Config{Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, call := tracer.Provider().Tracer("test").Start(t.Context(), "call")
	call.SetStatus(2, "planted") // as gRPC's instrumentation does
	tracer.Queued(ctx, time.Now(), errors.New("planted"))
	call.End()
	tracer.Close()
	if strings.Contains(collector.Raw(), "planted") {
		t.Errorf("%v", collector.Spans())
	}
}
