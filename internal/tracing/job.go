package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/credenza-dev/credenza/internal/fault"
)

const jobID = attribute.Key("credenza.job.id")

// traceparent is the header of the form in which a job stores its trace, that of W3C's Trace
// Context.
const traceparent = "traceparent"

// Stored returns the trace that ctx is in, in the form in which a job stores it; empty: it is
// in none.
func (t *Tracer) Stored(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[traceparent]
}

// Continue begins the span of a replica's work on a job, in the trace that the job stores, and
// returns the context for what is within it. JobDone ends it. Without a stored trace it
// returns ctx.
func (t *Tracer) Continue(ctx context.Context, stored, job string) context.Context {
	if stored == "" {
		return ctx
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceparent: stored})
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ctx
	}
	ctx, _ = t.tracer.Start(ctx, "job", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(jobID.String(job)))
	return ctx
}

// JobDone ends the span that Continue began.
func (t *Tracer) JobDone(ctx context.Context, err error) {
	span := trace.SpanFromContext(ctx)
	fail(span, reasonOf(fault.From(err)))
	span.End()
}
