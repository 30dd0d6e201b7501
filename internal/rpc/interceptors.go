package rpc

import (
	"context"
	"fmt"

	promgrpc "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/selector"
	"google.golang.org/grpc"

	"github.com/credenza-dev/credenza/internal/fault"
)

// chain is the interceptors, from the outside in:
//
//	identify  finds the caller, for all that follow
//	metrics   outside of all that can fail, so that each call is counted with the
//	          code that its caller sees
//	audit     for the same reason
//	log       for the same reason
//	faults    under both, so that they see a status and a cause
//	recovery  under faults, because a panic becomes a fault
//	arrival   under faults too, for the cause of what was cut off
//	admit     before authorize: every caller may know that the server goes down
//	authorize before the checks: a stranger learns nothing about the contract
//	checks    next to the handler
//
// Messages are read after all of them but the checks, which look at each one.
type chain struct {
	inner  grpc.UnaryServerInterceptor // after the message was read
	unary  []grpc.UnaryServerInterceptor
	stream []grpc.StreamServerInterceptor
}

// handlingBuckets are in seconds: one item takes parts of a second, a stream of
// 100,000 many minutes.
var handlingBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800}

func (s *Server) newChain(parts Parts) (*chain, error) {
	checks, err := newChecks()
	if err != nil {
		return nil, err
	}
	metrics := promgrpc.NewServerMetrics(
		promgrpc.WithServerHandlingTimeHistogram(promgrpc.WithHistogramBuckets(handlingBuckets)))
	if err := parts.Metrics.Register(metrics); err != nil {
		return nil, fmt.Errorf("register the metrics of gRPC: %w", err)
	}
	c := &chain{inner: checks.unary}
	c.add(s.identify)
	c.addPair(metrics.UnaryServerInterceptor(), metrics.StreamServerInterceptor())
	c.add(auditor{parts.Log.Named(AuditLogger)}.around)
	unaryLog, streamLog := logInterceptors(parts.Log)
	quiet := selector.MatchFunc(func(_ context.Context, call interceptors.CallMeta) bool {
		return !isAuxiliary(call.Service)
	})
	c.addPair(selector.UnaryServerInterceptor(unaryLog, quiet), selector.StreamServerInterceptor(streamLog, quiet))
	c.add(mapFaults)
	onPanic := recovery.WithRecoveryHandler(func(value any) error { return fault.Panicked(value) })
	c.addPair(recovery.UnaryServerInterceptor(onPanic), recovery.StreamServerInterceptor(onPanic))
	c.add(s.arrival.around)
	c.add(s.admit)
	c.add(authorize)
	c.stream = append(c.stream, s.arrival.stream, checks.stream)
	return c, nil
}

func (c *chain) options() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(c.unary...), grpc.ChainStreamInterceptor(c.stream...)}
}

func (c *chain) addPair(unary grpc.UnaryServerInterceptor, stream grpc.StreamServerInterceptor) {
	c.unary = append(c.unary, unary)
	c.stream = append(c.stream, stream)
}

// around is an interceptor that cares for a call's context, name and error only,
// and so works for both kinds.
type around func(ctx context.Context, method string, next func(context.Context) error) error

func (c *chain) add(a around) {
	c.addPair(
		func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (res any, err error) {
			err = a(ctx, info.FullMethod, func(ctx context.Context) (err error) {
				res, err = handler(ctx, req)
				return err
			})
			return res, err
		},
		func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			return a(stream.Context(), info.FullMethod, func(ctx context.Context) error {
				return handler(srv, &contextStream{stream, ctx})
			})
		},
	)
}

// contextStream is a stream with another context.
type contextStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // grpc.ServerStream hands its context out by a method
}

// Context returns the other context.
func (s *contextStream) Context() context.Context { return s.ctx }
