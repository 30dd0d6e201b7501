package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
)

// scope is the name of the service's own instrumentation.
const scope = "github.com/credenza-dev/credenza"

// Exporter takes the spans that have ended.
type Exporter = sdktrace.SpanExporter

// Config is how spans are made.
type Config struct {
	// Version is the program's, which spans name.
	Version string
	// Log gets a line when spans can no longer be exported, and one when they can again.
	Log *zap.Logger
	// Exporter takes the spans, whatever variables say. Nil: as they say.
	Exporter Exporter
}

// Tracer makes spans. It is safe for concurrent use. The caller of Open closes it.
type Tracer struct {
	provider   *sdktrace.TracerProvider
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	counts     *counts
	export     *export
	content    bool // questions and answers are recorded
}

// newTracer returns a Tracer whose spans wait in a queue of a bounded length and are exported in
// batches.
func newTracer(config Config, propagator propagation.TextMapPropagator, about *resource.Resource) *Tracer {
	c := &counts{}
	e := newExport(config.Exporter, c, config)
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(newBounded(sdktrace.NewBatchSpanProcessor(e), c)), sdktrace.WithResource(about))
	return &Tracer{
		provider: provider, tracer: provider.Tracer(scope, trace.WithInstrumentationVersion(config.Version)),
		propagator: propagator, counts: c, export: e, content: capturesContent(),
	}
}

// closeTime bounds how long Close waits for the collector.
const closeTime = 2 * time.Second

// Close exports the spans that have ended, for up to two seconds.
func (t *Tracer) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // what was not exported by then is lost, as documented
	t.export.close()
}

// Provider returns where instrumentation gets its tracers.
func (t *Tracer) Provider() trace.TracerProvider { return t.provider }

// Propagator returns how calls name the traces that they belong to.
func (t *Tracer) Propagator() propagation.TextMapPropagator { return t.propagator }

// ID returns the id of the trace that ctx is in, empty if it is in none.
func (t *Tracer) ID(ctx context.Context) string {
	s := trace.SpanContextFromContext(ctx)
	if !s.HasTraceID() {
		return ""
	}
	return s.TraceID().String()
}

// Records reports whether ctx is in a span that is recorded.
func (t *Tracer) Records(ctx context.Context) bool { return trace.SpanFromContext(ctx).IsRecording() }

// part makes the span of a part that has ended. failed is the reason if it failed, else empty.
func (t *Tracer) part(ctx context.Context, name string, from, to time.Time, failed string, options ...trace.SpanStartOption) {
	_, span := t.tracer.Start(ctx, name, append(options, trace.WithTimestamp(from))...)
	fail(span, failed)
	span.End(trace.WithTimestamp(to))
}

// errorType is the kind of a failure, by the general conventions.
const errorType = attribute.Key("error.type")

// fail marks a span as failed, unless the reason is empty. The message may quote a product, so
// only the reason is recorded.
func fail(span trace.Span, reason string) {
	if reason != "" {
		span.SetStatus(codes.Error, "")
		span.SetAttributes(errorType.String(reason))
	}
}
