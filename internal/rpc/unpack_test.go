package rpc_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcgzip "google.golang.org/grpc/encoding/gzip"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/rpc"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// gzipClients are the protocols over HTTP, with compressed requests.
var gzipClients = map[string][]connect.ClientOption{
	"gRPC": {connect.WithGRPC()}, "gRPC with JSON": {connect.WithGRPC(), connect.WithProtoJSON()},
	"gRPC-Web": {connect.WithGRPCWeb()}, "gRPC-Web with JSON": {connect.WithGRPCWeb(), connect.WithProtoJSON()},
	"Connect": nil, "Connect with JSON": {connect.WithProtoJSON()},
}

func TestGzipOverHTTP_IsTakenByEveryProtocol(t *testing.T) {
	for name, options := range gzipClients {
		t.Run(name, func(t *testing.T) {
			h := startHTTP(t, setup{})
			options := append([]connect.ClientOption{connect.WithSendGzip()}, options...)
			unary := connect.NewClient[credenzav1.ClassifyRequest, credenzav1.ClassifyResponse](h.over(t, 2), atClassify, options...)
			for _, size := range []int{0, 1 << 20} {
				item := &credenzav1.Item{ProductName: "oak bench", Description: strings.Repeat("x", size)}
				res, err := unary.CallUnary(t.Context(), connect.NewRequest(&credenzav1.ClassifyRequest{Item: item}))
				if err != nil || res.Msg.GetResult().GetProductName() != "oak bench" {
					t.Errorf("Classify with %d bytes: %v", size, err)
				}
			}
			stream, err := h.stream(t, 2, options...).CallServerStream(t.Context(),
				connect.NewRequest(&credenzav1.ClassifyStreamRequest{Items: items("a", "b", strings.Repeat("c", 1000))}))
			if err != nil {
				t.Fatal(err)
			}
			var last *credenzav1.ClassifyStreamResponse
			for stream.Receive() {
				last = stream.Msg()
			}
			if last.GetSummary().GetTotal() != 3 || stream.Err() != nil || stream.Close() != nil {
				t.Errorf("ClassifyStream ended with %v, %v", last, stream.Err())
			}
			feed := connect.NewClient[credenzav1.ClassifyFeedRequest, credenzav1.ClassifyFeedResponse](h.over(t, 2), atFeed, options...).CallBidiStream(t.Context())
			if err := feed.Send(&credenzav1.ClassifyFeedRequest{Part: &credenzav1.ClassifyFeedRequest_Spec{Spec: &credenzav1.FeedSpec{}}}); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if err := feed.Send(&credenzav1.ClassifyFeedRequest{Part: &credenzav1.ClassifyFeedRequest_Items{Items: &credenzav1.ItemChunk{Items: items("d", "e")}}}); err != nil {
					t.Fatal(err)
				}
				for range 2 { // while the feed goes on
					if got, err := feed.Receive(); err != nil || len(got.GetBatch().GetResults()) != 1 {
						t.Fatalf("the feed: %v, %v", got, err)
					}
				}
			}
			if err := feed.CloseRequest(); err != nil {
				t.Fatal(err)
			}
			if got, err := feed.Receive(); err != nil || got.GetSummary().GetTotal() != 6 {
				t.Errorf("the feed ended with %v, %v", got, err)
			}
			_ = feed.CloseResponse()
		})
	}
}

// heard remembers how the last answer was compressed.
type heard struct{ encoding atomic.Value }

func (*heard) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (*heard) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*heard) HandleConn(context.Context, stats.ConnStats)                       {}
func (h *heard) HandleRPC(_ context.Context, s stats.RPCStats) {
	if header, ok := s.(*stats.InHeader); ok {
		h.encoding.Store(header.Compression)
	}
}

func TestGzipOverGRPC_IsTakenAndAnsweredInKind(t *testing.T) {
	var answer heard
	c := credenzav1.NewClassificationServiceClient(start(t, setup{}).raw(t, grpc.WithStatsHandler(&answer)))
	for _, encoding := range []string{"gzip", ""} {
		var options []grpc.CallOption
		if encoding != "" {
			options = append(options, grpc.UseCompressor(encoding))
		}
		res, err := c.Classify(t.Context(), &credenzav1.ClassifyRequest{Item: &credenzav1.Item{ProductName: "oak bench"}}, options...)
		if err != nil || res.GetResult().GetProductName() != "oak bench" || answer.encoding.Load() != encoding {
			t.Errorf("Classify: %v, %v, answered in %q", res, err, answer.encoding.Load())
		}
		stream, err := c.ClassifyStream(t.Context(), &credenzav1.ClassifyStreamRequest{Items: items("a", "b")}, options...)
		if err == nil {
			err = drain(stream.Recv)
		}
		if err != nil || answer.encoding.Load() != encoding {
			t.Errorf("ClassifyStream: %v, answered in %q", err, answer.encoding.Load())
		}
	}
}

// forms are how each protocol has one message on the wire.
var forms = []struct {
	name, url, media, encoding string
	json, plain                bool
}{
	{"Connect", atClassify, "application/proto", "Content-Encoding", false, true},
	{"Connect with JSON", atClassify, "application/json", "Content-Encoding", true, true},
	{"Connect's stream", atStream, "application/connect+proto", "Connect-Content-Encoding", false, false},
	{"Connect's stream with JSON", atStream, "application/connect+json", "Connect-Content-Encoding", true, false},
	{"gRPC", atClassify, "application/grpc", "Grpc-Encoding", false, false},
	{"gRPC with JSON", atClassify, "application/grpc+json", "Grpc-Encoding", true, false},
	{"a feed by Connect", atFeed, "application/connect+proto", "Connect-Content-Encoding", false, false},
	{"a feed by gRPC with JSON", atFeed, "application/grpc+json", "Grpc-Encoding", true, false},
	{"gRPC-Web", atStream, "application/grpc-web+proto", "Grpc-Encoding", false, false},
	{"gRPC-Web with JSON", atStream, "application/grpc-web+json", "Grpc-Encoding", true, false},
}

func TestGzipOverHTTP_RefusesWhatIsTooLargeOrBroken(t *testing.T) {
	const limit = 32 << 20
	for _, form := range forms {
		for _, c := range []struct {
			name string
			wire []byte
			code connect.Code
			says string
		}{
			{"1:1000", pack(t, encoded(t, form.url, form.json, 8<<20)), connect.CodeResourceExhausted, "more than 200 times"},
			{"not gzip", []byte("this is no gzip"), connect.CodeInvalidArgument, "announced as gzip"},
			{"cut off", pack(t, encoded(t, form.url, form.json, 1000))[:20], connect.CodeInvalidArgument, "announced as gzip"},
		} {
			t.Run(form.name+"/"+c.name, func(t *testing.T) {
				h := startHTTP(t, setup{config: rpc.Config{MaxRequestBytes: limit}})
				wire := c.wire
				if !form.plain {
					wire = append(binary.BigEndian.AppendUint32([]byte{1}, uint32(len(wire))), wire...)
				}
				req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, form.url, bytes.NewReader(wire))
				req.Header.Set("Content-Type", form.media)
				req.Header.Set(form.encoding, "gzip")
				req.Proto, req.ProtoMajor, req.ProtoMinor = "HTTP/2.0", 2, 0
				got := httptest.NewRecorder()
				before := allocated()
				h.HTTP().ServeHTTP(got, req)
				took := allocated() - before
				said := fmt.Sprint(got.Code, got.Header(), got.Body)
				said = strings.ReplaceAll(said, "%20", " ")
				if !strings.Contains(said, c.says) || !(strings.Contains(said, c.code.String()) || strings.Contains(strings.ToLower(said), fmt.Sprintf("grpc-status:[%d]", c.code)) || strings.Contains(strings.ToLower(said), fmt.Sprintf("grpc-status: %d", c.code))) {
					t.Errorf("%s, want %v and %q", said, c.code, c.says)
				}
				if took > 8<<20 {
					t.Errorf("the refusal took %d MiB", took>>20)
				}
				if h.logs.FilterMessage("finished call").Len() != 1 {
					t.Error("the log does not tell of it once")
				}
			})
		}
	}
}

// Held to both limits: what arrives, and what it unpacks to.
func TestGzip_IsHeldToTheLimitOfAMessage(t *testing.T) {
	h := startHTTP(t, setup{config: rpc.Config{MaxRequestBytes: 100_000}})
	message := &credenzav1.ClassifyRequest{Item: &credenzav1.Item{Description: strings.Repeat("oak and linen ", 10_000)}}
	_, err := h.rawItems(t).Classify(t.Context(), message, grpc.UseCompressor(grpcgzip.Name))
	if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "more than 100000 bytes") {
		t.Errorf("gRPC: %v", err)
	}
	for name, options := range gzipClients {
		options := append([]connect.ClientOption{connect.WithSendGzip()}, options...)
		unary := connect.NewClient[credenzav1.ClassifyRequest, credenzav1.ClassifyResponse](h.over(t, 2), atClassify, options...)
		_, err := unary.CallUnary(t.Context(), connect.NewRequest(message))
		if reason, _ := reasonOf(err); connect.CodeOf(err) != connect.CodeResourceExhausted || reason != "MESSAGE_TOO_LARGE" {
			t.Errorf("%s: %v (%s)", name, err, reason)
		}
	}
}

// grpcBomb is sent as it is, whatever the message.
type grpcBomb struct{ wire []byte }

func (grpcBomb) Name() string                     { return grpcgzip.Name }
func (grpcBomb) Type() string                     { return grpcgzip.Name }
func (b grpcBomb) Do(w io.Writer, _ []byte) error { _, err := w.Write(b.wire); return err }

func TestGzipOverGRPC_RefusesWhatIsTooLargeOrBroken(t *testing.T) {
	for name, c := range map[string]struct {
		wire []byte
		code codes.Code
		says string
	}{
		"1:1000":   {pack(t, encoded(t, atClassify, false, 16<<20)), codes.ResourceExhausted, "more than 200 times"},
		"not gzip": {[]byte("this is no gzip"), codes.InvalidArgument, "announced as gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, setup{})
			//nolint:staticcheck // it is how a client compresses in its own way
			conn := s.raw(t, grpc.WithCompressor(grpcBomb{c.wire}))
			before := allocated()
			_, err := credenzav1.NewClassificationServiceClient(conn).Classify(t.Context(), &credenzav1.ClassifyRequest{Item: &credenzav1.Item{}})
			took := allocated() - before
			if status.Code(err) != c.code || !strings.Contains(err.Error(), c.says) || took > 8<<20 {
				t.Errorf("%v, %d MiB", err, took>>20)
			}
			if s.logs.FilterMessage("finished call").Len() != 1 {
				t.Error("the log does not tell of it once")
			}
			if _, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{Service: "credenza.v1.ClassificationService"}); err == nil {
				t.Error("health took it for an empty request")
			}
		})
	}
}

// lender is a body that knows how much room its bytes take.
type lender struct {
	io.Reader
	held, most int
}

func (*lender) Close() error { return nil }

func (l *lender) Hold(n int) error {
	if l.held += n; l.held > l.most {
		return fault.New(fault.ServerFull, "no room")
	}
	return nil
}

func TestGzipOverHTTP_TakesRoomForWhatItUnpacksTo(t *testing.T) {
	for _, form := range forms {
		message := encoded(t, form.url, form.json, 10_000)
		for most, full := range map[int]bool{len(message): false, len(message) - 1: true} {
			wire := pack(t, message)
			if !form.plain {
				wire = append(binary.BigEndian.AppendUint32([]byte{1}, uint32(len(wire))), wire...)
			}
			h := startHTTP(t, setup{})
			body := &lender{Reader: bytes.NewReader(wire), most: most}
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, form.url, body)
			req.Body = body
			req.Header.Set("Content-Type", form.media)
			req.Header.Set(form.encoding, "gzip")
			req.Proto, req.ProtoMajor, req.ProtoMinor = "HTTP/2.0", 2, 0
			got := httptest.NewRecorder()
			h.HTTP().ServeHTTP(got, req)
			said := strings.ReplaceAll(fmt.Sprint(got.Header(), got.Body), "%20", " ")
			if strings.Contains(said, "no room") != full || body.held < len(message) {
				t.Errorf("%s with room for %d of %d: %d %s", form.name, most, len(message), got.Code, said)
			}
		}
	}
}

// encoded is a request with an item of so many bytes.
func encoded(t *testing.T, url string, asJSON bool, size int) []byte {
	t.Helper()
	item := &credenzav1.Item{Description: strings.Repeat("x", size)}
	var message proto.Message = &credenzav1.ClassifyRequest{Item: item}
	switch url {
	case atStream:
		message = &credenzav1.ClassifyStreamRequest{Items: []*credenzav1.Item{item}}
	case atFeed:
		message = &credenzav1.ClassifyFeedRequest{Part: &credenzav1.ClassifyFeedRequest_Items{Items: &credenzav1.ItemChunk{Items: []*credenzav1.Item{item}}}}
	}
	marshal := proto.Marshal
	if asJSON {
		marshal = protojson.Marshal
	}
	wire, err := marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

func pack(t *testing.T, text []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}
