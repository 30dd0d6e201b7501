package rpc

import (
	"context"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// traced returns the options by which gRPC's own instrumentation makes a span of each call, of
// none without traces. Probes and reflection have no spans.
func traced(t Traces) []grpc.ServerOption {
	if t == nil {
		return nil
	}
	return []grpc.ServerOption{grpc.StatsHandler(otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(t.Provider()), otelgrpc.WithPropagators(t.Propagator()),
		otelgrpc.WithFilter(func(info *stats.RPCTagInfo) bool { return !isAuxiliary(serviceOf(info.FullMethodName)) }),
	))}
}

// traceOf returns the id of the trace that a call is in; empty: it is in none.
func traceOf(ctx context.Context) string {
	s := trace.SpanContextFromContext(ctx)
	if !s.HasTraceID() {
		return ""
	}
	return s.TraceID().String()
}
