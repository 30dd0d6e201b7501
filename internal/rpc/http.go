package rpc

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/vanguard"
	"google.golang.org/grpc"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/drain"
	"github.com/credenza-dev/credenza/internal/fault"
)

// HTTPHandler serves the gRPC services over HTTP: to callers of Connect, whose
// unary calls are plain HTTP and JSON, of gRPC-Web and of gRPC itself. Methods without
// side effects can be called by GET. Calls are
// handed to the gRPC server as messages in protobuf, and so go through its
// interceptors and handlers like those of its own address. It is safe for
// concurrent use.
//
// Answers of HTTP's own, to what is no call of a known method, have Connect's
// form, {"code": "unimplemented", "message": "..."}, or gRPC's. Neither they nor
// the refusal of a message with more bytes than the limit are logged or counted, as
// with gRPC.
type HTTPHandler struct {
	server     *grpc.Server
	transcoder http.Handler
	methods    map[string]grpc.MethodInfo // by path
	authority  Authority
	unpacker   *unpacker
	calls      *drain.Calls
}

// minMessageBuffer is room for the largest answer, whatever the limit on requests.
const minMessageBuffer = 16 << 20

func newHTTPHandler(server *grpc.Server, config Config, u *unpacker, a Authority) (*HTTPHandler, error) {
	h := &HTTPHandler{server: server, authority: a, unpacker: u, methods: map[string]grpc.MethodInfo{}, calls: drain.New()}
	var services []*vanguard.Service
	for name, info := range server.GetServiceInfo() {
		services = append(services, vanguard.NewService(name, http.HandlerFunc(h.serveGRPC)))
		for _, m := range info.Methods {
			h.methods["/"+name+"/"+m.Name] = m
		}
	}
	var err error
	h.transcoder, err = vanguard.NewTranscoder(services,
		// The server is asked in protobuf alone, whatever codecs this process may
		// have registered: its codec counts what it decodes.
		vanguard.WithDefaultServiceOptions(
			vanguard.WithTargetCodecs(vanguard.CodecProto),
			vanguard.WithTargetProtocols(vanguard.ProtocolGRPC),
			vanguard.WithNoTargetCompression(),
			vanguard.WithMaxMessageBufferBytes(uint32(min(max(config.MaxRequestBytes, minMessageBuffer), math.MaxUint32))),
		),
		vanguard.WithCodec(func(types vanguard.TypeResolver) vanguard.Codec { return newJSONCodec(u.codec, types) }),
	)
	if err != nil {
		return nil, fmt.Errorf("build the transcoder for HTTP: %w", err)
	}
	return h, nil
}

// Uploads reports whether a path is that of a method whose caller sends a stream,
// and so may be silent for as long as it likes before its request has ended.
func (h *HTTPHandler) Uploads(path string) bool { return h.methods[path].IsClientStream }

// ServeHTTP answers one call.
func (h *HTTPHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store") // a browser may keep what it gets by GET
	method, known := h.methods[r.URL.Path]
	if !known {
		(&httpRefusal{
			http.StatusNotFound, connect.CodeUnimplemented,
			"there is no such method: the services are those that gRPC's reflection lists",
		}).write(w, r)
		return
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	v := h.visit(ctx, cancel, w, r)
	defer context.AfterFunc(r.Context(), v.left)()
	leave, err := h.calls.EnterWith(drain.Finite, v.cut)
	if err != nil {
		(&httpRefusal{http.StatusServiceUnavailable, connect.CodeUnavailable, drain.ShuttingDown().Message}).write(w, r)
		return
	}
	defer leave()
	if r.Method != http.MethodPost && r.Method != http.MethodGet {
		w.Header().Set("Allow", "GET, POST, OPTIONS")
	}
	if refusal := h.misfit(v, method); refusal != nil {
		if method.IsClientStream && r.ProtoMajor == 1 {
			v.answerFirst(w)
		}
		refusal.write(w, r)
		return
	}
	if method.IsServerStream {
		w.Header().Set("X-Accel-Buffering", "no") // nginx would keep messages until it has some kilobytes
	}
	h.transcoder.ServeHTTP(w, v.request)
}

// httpVisit is a call in flight.
type httpVisit struct {
	request *http.Request
	control *http.ResponseController
	cancel  context.CancelFunc
	plain   bool              // the body is one message, without a head
	length  int64             // of the body, as announced; -1: it was not
	hold    func(n int) error // takes room for bytes besides those of the body; nil: there is enough
	body    bodyState
}

// charge takes room for what messages unpack to.
func (v *httpVisit) charge(n int) error {
	if v.hold == nil {
		return nil
	}
	return overHTTP(v.hold(n))
}

// overHTTP returns an error of a body for the transcoder, which takes one that it does not
// know for a fault of ours.
func overHTTP(err error) error {
	if f, ok := errors.AsType[*fault.Fault](err); ok && f.Kind() == fault.KindOverloaded {
		return connect.NewError(connect.CodeUnavailable, errors.New(f.Message))
	}
	return err
}

type visitKey struct{}

// visit returns a call with its request, which has its caller and knows how far it
// was read.
func (h *HTTPHandler) visit(ctx context.Context, cancel context.CancelFunc, w http.ResponseWriter, r *http.Request) *httpVisit {
	v := &httpVisit{control: http.NewResponseController(w), cancel: cancel, length: r.ContentLength}
	if body, ok := r.Body.(interface{ Hold(n int) error }); ok {
		v.hold = body.Hold
	}
	if auth.From(ctx) == nil { // that of a request with a body is known: what it sends is charged to it
		ctx = auth.With(ctx, h.authority.Identify(auth.CallOf(r)))
	}
	v.request = r.WithContext(context.WithValue(ctx, visitKey{}, v))
	v.request.Header = r.Header.Clone() // the transcoder rewrites it
	v.request.Body = &trackedBody{ReadCloser: r.Body, visit: v}
	// The transcoder would set memory aside for what is announced.
	v.request.ContentLength = -1
	return v
}

// cut ends a call whose caller does not take what is written.
func (v *httpVisit) cut(error) {
	v.cancel()
	v.endBody()
	_ = v.control.SetWriteDeadline(time.Unix(1, 0)) // what has no deadlines is not cut
}

// restTime is how long the rest of a refused stream is read.
const restTime = 5 * time.Second

// answerFirst has the answer sent before the request has ended: the caller of a stream may
// wait for it, and net/http for the rest of the request. Then the connection is closed.
func (v *httpVisit) answerFirst(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	_ = v.control.SetReadDeadline(time.Now().Add(restTime))
}

// close refuses new calls, gives those in flight some time to write their ends, and
// cuts off what then is left. It returns when no call is.
func (h *HTTPHandler) close(patience time.Duration) {
	h.calls.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if h.calls.Wait(ctx) != nil {
		h.calls.End(drain.Finite)
	}
	h.calls.WaitAll()
}

// serveGRPC hands a transcoded call to the gRPC server, which closes the body at the
// call's end and waits for the body's reader. Without endedBody, a call that ends
// before its caller has stopped sending would hang.
func (h *HTTPHandler) serveGRPC(w http.ResponseWriter, r *http.Request) {
	v, _ := r.Context().Value(visitKey{}).(*httpVisit)
	r.Body = &endedBody{r.Body, v}
	h.server.ServeHTTP(w, r)
}
