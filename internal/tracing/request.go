package tracing

import (
	"context"
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/credenza-dev/credenza/internal/fault"
)

// The attributes of a request over HTTP.
const (
	httpMethod  = attribute.Key("http.request.method")
	httpRoute   = attribute.Key("http.route")
	httpVersion = attribute.Key("network.protocol.version")
	urlScheme   = attribute.Key("url.scheme")
)

// Request begins the span of a request over HTTP, in the trace that its headers name, and
// returns the context for what is within it. RequestDone ends it.
func (t *Tracer) Request(r *http.Request) context.Context {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	ctx, _ := t.tracer.Start(t.propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header)), r.Method+" "+r.URL.Path,
		trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(httpMethod.String(r.Method), httpRoute.String(r.URL.Path), urlScheme.String(scheme),
			httpVersion.String(strconv.Itoa(r.ProtoMajor))))
	return ctx
}

// RequestDone ends the span that Request began. A caller's own mistake does not make it one that
// failed.
func (t *Tracer) RequestDone(ctx context.Context, status int, f *fault.Fault) {
	span := trace.SpanFromContext(ctx)
	span.SetAttributes(httpStatus.Int(status))
	if f != nil {
		span.SetAttributes(errorType.String(f.Reason.String()))
	}
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}
