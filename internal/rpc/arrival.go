package rpc

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
	"google.golang.org/protobuf/proto"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/intake"
)

// arrival knows what callers have sent and is not handled yet, from a call's headers
// on.
type arrival struct {
	budget       *intake.Budget
	identified   func(context.Context) context.Context
	writeTimeout time.Duration
}

// begin is gRPC's tap: it sees a call's headers before anything is done for it, on
// the goroutine that reads the connection. The call is charged to its caller from
// then on; one that will be refused counts as a stranger's. To refuse it here would
// keep it from the log and the metrics.
func (a *arrival) begin(ctx context.Context, info *tap.Info) (context.Context, error) {
	p, _ := peer.FromContext(ctx)
	if p == nil {
		return ctx, nil
	}
	conn, ok := intake.ConnOf(p.LocalAddr)
	if !ok {
		return ctx, nil // it came by another way than Serve
	}
	ctx, cut := context.WithCancelCause(a.identified(ctx))
	caller, known := shareOf(ctx, info.FullMethodName)
	in := conn.Open(caller, known, cut)
	context.AfterFunc(ctx, in.Close)
	return intake.With(ctx, in), nil
}

// shareOf returns the name by which what a call's caller sends is counted, and
// whether the call has the caller's authority. All others are strangers' calls.
func shareOf(ctx context.Context, method string) (name string, known bool) {
	service, identity := serviceOf(method), identityOf(ctx)
	if service == grpc_health_v1.Health_ServiceDesc.ServiceName || identity.May(service) != nil {
		return "", false
	}
	name, _ = identity.Share()
	return name, true
}

// around is an interceptor that has a call which was cut off end with the cause, and
// gives back what it held when it ends.
func (a *arrival) around(ctx context.Context, _ string, next func(context.Context) error) error {
	defer intake.From(ctx).Close()
	err := next(ctx)
	cause, cut := errors.AsType[*fault.Fault](context.Cause(ctx))
	if err == nil || !cut {
		return err
	}
	if _, ours := errors.AsType[*fault.Fault](err); !ours && status.Code(err) == codes.Canceled {
		// It was reading, and gRPC has told the caller so in its own words.
		return fault.Wrap(cause, fault.Cancelled, "%s", cause.Message)
	}
	return cause
}

// stream is an interceptor that counts off what was received, and gives up on a
// stream whose reader takes nothing.
func (a *arrival) stream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	in := intake.From(stream.Context())
	if in == nil {
		return handler(srv, stream)
	}
	s := &countedStream{ServerStream: stream, in: in, timeout: a.writeTimeout}
	defer s.stop()
	in.Pause() // until the handler receives
	return handler(srv, s)
}

// errUnread is the fault of a stream whose reader takes nothing.
var errUnread = fault.New(fault.DeadlineExceeded, "the caller took nothing of the answer for too long: read it as it comes")

// countedStream counts off what was received, and bounds how long a message waits
// for a reader. The connection's own time-out sees nothing of that while the caller
// takes what is sent on other streams. Only one goroutine sends.
type countedStream struct {
	grpc.ServerStream
	in      *intake.Inbound
	timeout time.Duration
	timer   *time.Timer
	since   atomic.Int64 // when the message was given to send that waits; 0: none does
}

// RecvMsg receives a message. Only while it does, the caller has to send: between
// two calls, flow control may stop a message in its middle.
func (s *countedStream) RecvMsg(m any) error {
	s.in.Resume()
	err := s.ServerStream.RecvMsg(m)
	s.in.Pause()
	if err != nil {
		return err
	}
	s.in.Received(itemBytes(m))
	return nil
}

// SendMsg sends a message.
func (s *countedStream) SendMsg(m any) error {
	s.since.Store(time.Now().UnixNano())
	defer s.since.Store(0)
	if s.timer == nil {
		s.timer = time.AfterFunc(s.timeout, s.expire)
	} else {
		s.timer.Reset(s.timeout)
	}
	defer s.timer.Stop()
	return s.ServerStream.SendMsg(m)
}

func (s *countedStream) expire() {
	if since := s.since.Load(); since != 0 && time.Since(time.Unix(0, since)) >= s.timeout {
		s.in.End(errUnread)
	}
}

func (s *countedStream) stop() {
	if s.timer != nil {
		s.timer.Stop()
	}
}

// readAfter registers services so that a unary call's message is read after the
// interceptors, as a stream's are, and not before them: a stranger's is not read at
// all. inner is what has to see the message.
type readAfter struct {
	server *grpc.Server
	inner  grpc.UnaryServerInterceptor
}

// RegisterService registers a service.
func (r readAfter) RegisterService(desc *grpc.ServiceDesc, impl any) {
	late := *desc
	late.Methods = make([]grpc.MethodDesc, len(desc.Methods))
	for i, m := range desc.Methods {
		late.Methods[i] = grpc.MethodDesc{
			MethodName: m.MethodName,
			Handler:    r.handler("/"+desc.ServiceName+"/"+m.MethodName, m.Handler),
		}
	}
	r.server.RegisterService(&late, impl)
}

func (r readAfter) handler(method string, handle grpc.MethodHandler) grpc.MethodHandler {
	return func(srv any, ctx context.Context, read func(any) error, chain grpc.UnaryServerInterceptor) (any, error) {
		info := &grpc.UnaryServerInfo{Server: srv, FullMethod: method}
		return chain(ctx, nil, info, func(ctx context.Context, _ any) (any, error) {
			return handle(srv, ctx, charging(ctx, read), r.inner)
		})
	}
}

// charging has a call charged with its message as it was decoded, which may be larger
// than it came.
func charging(ctx context.Context, read func(any) error) func(any) error {
	return func(m any) error {
		if err := read(m); err != nil {
			return err
		}
		if message, ok := m.(proto.Message); ok {
			intake.From(ctx).Received(int64(proto.Size(message)))
		}
		return nil
	}
}

// chargedListener's connections charge what arrives.
type chargedListener struct {
	net.Listener
	budget *intake.Budget
}

// Accept returns the next connection.
func (l chargedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.budget.Conn(conn), nil
}

// chargedTLS charges what arrives once it is decrypted.
type chargedTLS struct {
	credentials.TransportCredentials
	budget *intake.Budget
}

// ServerHandshake makes a connection secure.
func (c chargedTLS) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return conn, info, err
	}
	return c.budget.Conn(conn), info, nil
}

// Clone returns a copy.
func (c chargedTLS) Clone() credentials.TransportCredentials {
	return chargedTLS{c.TransportCredentials.Clone(), c.budget}
}
