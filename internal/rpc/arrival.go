package rpc

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
	"google.golang.org/protobuf/proto"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/intake"
)

// arrival charges callers for what they have sent and is not handled yet, from a
// call's headers on.
type arrival struct {
	budget       *intake.Budget
	limit        int64 // bytes of a message
	identified   func(context.Context) context.Context
	writeTimeout time.Duration
	readers      *sync.WaitGroup
}

// begin is gRPC's tap. It gets a call's headers first, on the goroutine that reads the
// connection. From then on the call is charged to its caller. A call that will be
// refused counts as a stranger's; refusing it here would keep it from log and metrics.
func (a *arrival) begin(ctx context.Context, info *tap.Info) (context.Context, error) {
	p, _ := peer.FromContext(ctx)
	if p == nil {
		return ctx, nil
	}
	conn, ok := intake.ConnOf(p.LocalAddr)
	if !ok {
		return ctx, nil // it came by another way than Serve
	}
	ctx, sever := context.WithCancel(a.identified(ctx))
	handling, cut := context.WithCancelCause(ctx)
	caller, known := shareOf(ctx, info.FullMethodName)
	in := conn.Open(caller, known, cut)
	in.Bound(a.limit, tooLarge(a.limit))
	context.AfterFunc(ctx, in.Close)
	return context.WithValue(intake.With(ctx, in), arrivedKey{}, &arrived{handling, sever}), nil
}

// tooLarge returns the fault of a call whose message has more bytes than the limit.
func tooLarge(limit int64) *fault.Fault {
	return fault.New(fault.MessageTooLarge, "the message has more than %d bytes: send it in several requests", limit)
}

// arrived is a call that came through Serve. handling ends when the call is cut off, for
// the handler. The stream's own context does not: when it ends while a message is being
// received, gRPC sends the caller CANCELLED in words of its own. So sever, which ends it,
// is for a call that waits for a reader of its answer.
type arrived struct {
	handling context.Context //nolint:containedctx // it travels in the stream's
	sever    context.CancelFunc
}

type arrivedKey struct{}

// errSecondMessage is the fault of a call of a method that takes one message.
var errSecondMessage = fault.New(fault.InvalidRequest, "this method takes one message: send each further one in a call of its own")

// errNoMessage is the fault of a call of such a method that ends without one.
var errNoMessage = fault.New(fault.InvalidRequest, "the call has no message: send one, which may be empty, before its end")

type endKey struct{}

// endOf returns what is closed when gRPC has sent a call's status.
func endOf(ctx context.Context) <-chan struct{} {
	end, _ := ctx.Value(endKey{}).(<-chan struct{})
	return end
}

func arrivedCall(ctx context.Context) (*arrived, bool) {
	call, ok := ctx.Value(arrivedKey{}).(*arrived)
	return call, ok
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

// around is an interceptor that ends a call which is cut off, with the cause, and gives
// back what the call held when it ends.
func (a *arrival) around(ctx context.Context, _ string, next func(context.Context) error) error {
	call, ok := arrivedCall(ctx)
	ctx = context.WithValue(ctx, endKey{}, ctx.Done()) // of gRPC: the interceptors around this one end no context
	if !ok {                                           // it came by another way than Serve
		err := next(ctx)
		if f := brokenBody(ctx); err != nil && f != nil {
			return f
		}
		return err
	}
	defer intake.From(ctx).Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(call.handling, func() { cancel(context.Cause(call.handling)) })()
	err := next(ctx)
	if cause, cut := errors.AsType[*fault.Fault](context.Cause(call.handling)); err != nil && cut {
		return cause
	}
	return err
}

// reader receives a message of the call whose context it is.
type reader func(ctx context.Context, m any, recv func(any) error) error

// readHere receives a message on the goroutine that calls it.
func readHere(ctx context.Context, m any, recv func(any) error) error {
	return recv(&callMessage{message: m, in: intake.From(ctx)})
}

// read receives a message. It returns with the cause when ctx ends, before gRPC does:
// then the call's status is the handler's. receive ends soon after the handler has.
//
// Of a method that takes one message, gRPC sends INTERNAL to the caller when it has
// received a second one. Decoding that waits until the handler's status has been sent.
func (a *arrival) read(ctx context.Context, m any, recv func(any) error) error {
	received := make(chan error, 2) // the fault of a second message, and what gRPC makes of it
	second := func() {
		received <- errSecondMessage
		<-endOf(ctx)
	}
	a.readers.Go(func() {
		_, err := receive(func() (struct{}, error) {
			return struct{}{}, recv(&callMessage{message: m, in: intake.From(ctx), second: second})
		})
		received <- err
	})
	select {
	case err := <-received:
		if f := brokenBody(ctx); f != nil {
			return f
		}
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// readOne is read for a method that takes one message. A call without any is the handler's
// to end too: gRPC sends INTERNAL when it finds the end in place of a message.
func (a *arrival) readOne(ctx context.Context, m any, recv func(any) error) error {
	if _, ok := arrivedCall(ctx); ok {
		switch comes, err := intake.From(ctx).AwaitMessage(ctx); {
		case err != nil:
			return err
		case !comes:
			return errNoMessage
		}
	}
	return a.read(ctx, m, recv)
}

// stream is an interceptor that discharges what was received, and cuts off a
// stream whose reader takes nothing.
func (a *arrival) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	call, ok := arrivedCall(stream.Context())
	in := intake.From(stream.Context())
	read := a.readOne
	switch {
	case info.IsClientStream && isAuxiliary(serviceOf(info.FullMethod)):
		read = a.read
	case info.IsClientStream:
		read = readHere // feed.go has a goroutine for it
	}
	if !ok { // the HTTP address paces and cuts off its calls itself
		return handler(srv, receivedStream{stream, in, read})
	}
	s := &countedStream{ServerStream: stream, in: in, call: call, read: read, timeout: a.writeTimeout}
	defer s.stop()
	defer context.AfterFunc(call.handling, s.unblock)()
	in.Pause() // until the handler receives
	return handler(srv, s)
}

// receivedStream discharges what was received of a call by the HTTP address, which reads
// no further while too much waits to be received.
type receivedStream struct {
	grpc.ServerStream
	in   *intake.Inbound
	read reader
}

// RecvMsg receives a message.
func (s receivedStream) RecvMsg(m any) error {
	if err := s.read(s.Context(), m, s.ServerStream.RecvMsg); err != nil {
		return err
	}
	s.in.Received(itemBytes(m))
	return nil
}

// errUnread is the fault of a stream whose reader takes nothing.
var errUnread = fault.New(fault.DeadlineExceeded, "the caller read nothing of the answer for too long: read it as it comes")

// countedStream counts off what was received, and bounds how long a message waits
// for a reader. The connection's own time-out sees nothing of that while the caller
// takes what is sent on other streams. Only one goroutine sends.
type countedStream struct {
	grpc.ServerStream
	in      *intake.Inbound
	call    *arrived
	read    reader
	timeout time.Duration
	timer   *time.Timer
	since   atomic.Int64 // when the message was given to send that waits; 0: none does
}

// RecvMsg receives a message. Only while it does, the caller has to send: between
// two calls, flow control may stop a message in its middle.
func (s *countedStream) RecvMsg(m any) error {
	s.in.Resume()
	err := s.read(s.Context(), m, s.ServerStream.RecvMsg)
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
	if err := s.call.handling.Err(); err != nil { // from here on, unblock sees the message
		return status.FromContextError(err).Err()
	}
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

// unblock has a message given up that waits for a reader when the call is cut off.
func (s *countedStream) unblock() {
	if s.since.Load() != 0 {
		s.call.sever()
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
	server  *grpc.Server
	inner   grpc.UnaryServerInterceptor
	arrival *arrival
}

// RegisterService registers a service.
func (r readAfter) RegisterService(desc *grpc.ServiceDesc, impl any) {
	late := *desc
	late.Methods = slices.Clone(desc.Methods)
	for i, m := range desc.Methods {
		late.Methods[i].Handler = r.handler("/"+desc.ServiceName+"/"+m.MethodName, m.Handler)
	}
	r.server.RegisterService(&late, impl)
}

func (r readAfter) handler(method string, handle grpc.MethodHandler) grpc.MethodHandler {
	return func(srv any, ctx context.Context, read func(any) error, chain grpc.UnaryServerInterceptor) (any, error) {
		info := &grpc.UnaryServerInfo{Server: srv, FullMethod: method}
		return chain(ctx, nil, info, func(ctx context.Context, _ any) (any, error) {
			return handle(srv, ctx, r.arrival.charging(ctx, read), r.inner)
		})
	}
}

// charging has a call charged with its message as it was decoded, which may be many times
// larger than it came.
func (a *arrival) charging(ctx context.Context, recv func(any) error) func(any) error {
	return func(m any) error {
		if err := a.readOne(ctx, m, recv); err != nil {
			return err
		}
		if message, ok := m.(proto.Message); ok {
			in, size := intake.From(ctx), int64(proto.Size(message))
			in.Received(size)
			in.Charge(decodedBytes(message) - size) // over HTTP, its body stays charged
		}
		return nil
	}
}

// charged is a handshake after which what arrives is charged. gRPC makes nothing for a
// connection before it: a transport takes 64 KiB and has frames to write, which a peer that
// never begins HTTP/2 would cost.
type charged struct {
	credentials.TransportCredentials
	budget   *intake.Budget
	stopping context.Context //nolint:containedctx // the server's; a handshake has none
}

// ServerHandshake makes a connection secure, if it is to be, and awaits the preface and the
// first settings. It fails when the server stops: gRPC's stop waits for handshakes.
func (c charged) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	defer context.AfterFunc(c.stopping, func() { _ = raw.Close() })()
	secure, info, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return secure, info, err
	}
	conn := c.budget.Conn(secure)
	return conn, info, conn.Greet()
}

// Clone returns a copy.
func (c charged) Clone() credentials.TransportCredentials {
	return charged{c.TransportCredentials.Clone(), c.budget, c.stopping}
}
