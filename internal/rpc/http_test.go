package rpc_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/testkit"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// overHTTP serves a server's services over HTTP, in memory.
type overHTTP struct {
	*running
	pipe *testkit.Pipe
}

func startHTTP(t *testing.T, s setup) *overHTTP {
	t.Helper()
	return serveHTTP(t, s, func(l net.Listener) net.Listener { return l })
}

func protocols(http1, http2 bool) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(http1)
	p.SetUnencryptedHTTP2(http2)
	return p
}

// over returns a client that speaks the one version of HTTP.
func (h *overHTTP) over(t *testing.T, version int) *http.Client {
	t.Helper()
	transport := &http.Transport{DialContext: h.pipe.DialContext, Protocols: protocols(version == 1, version == 2)}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

const (
	atClassify = "http://127.0.0.1/credenza.v1.ClassificationService/Classify"
	atStream   = "http://127.0.0.1/credenza.v1.ClassificationService/ClassifyStream"
	atFeed     = "http://127.0.0.1/credenza.v1.ClassificationService/ClassifyFeed"
	atStatus   = "http://127.0.0.1/credenza.v1.OperationsService/GetStatus"
)

type streamClient = connect.Client[credenzav1.ClassifyStreamRequest, credenzav1.ClassifyStreamResponse]

func (h *overHTTP) stream(t *testing.T, version int, options ...connect.ClientOption) *streamClient {
	t.Helper()
	return connect.NewClient[credenzav1.ClassifyStreamRequest, credenzav1.ClassifyStreamResponse](h.over(t, version), atStream, options...)
}

// post sends a body of JSON as it is, and returns the status and the body of the
// answer. Headers are "Name: value".
func (h *overHTTP) post(t *testing.T, url, body string, headers ...string) (int, string) {
	t.Helper()
	return h.send(t, http.MethodPost, url, strings.NewReader(body), append([]string{"Content-Type: application/json"}, headers...)...)
}

func setHeaders(req *http.Request, headers []string) {
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Set(name, value)
		if name == "Host" {
			req.Host = value
		}
	}
}

// reasonOf is the ErrorInfo's, and the fields that are wrong.
func reasonOf(err error) (reason string, fields []string) {
	var e *connect.Error
	if !errors.As(err, &e) {
		return "", nil
	}
	for _, d := range e.Details() {
		value, err := d.Value()
		if err != nil {
			continue
		}
		switch value := value.(type) {
		case *errdetails.ErrorInfo:
			reason = value.GetReason()
		case *errdetails.BadRequest:
			for _, v := range value.GetFieldViolations() {
				fields = append(fields, v.GetField())
			}
		}
	}
	return reason, fields
}

func TestEveryProtocolOverHTTP(t *testing.T) {
	for _, tt := range []struct {
		name    string
		version int
		options []connect.ClientOption
	}{
		{"Connect with JSON", 1, []connect.ClientOption{connect.WithProtoJSON()}},
		{"Connect with JSON, HTTP/2", 2, []connect.ClientOption{connect.WithProtoJSON()}},
		{"Connect", 1, nil},
		{"Connect, HTTP/2", 2, nil},
		{"gRPC-Web", 1, []connect.ClientOption{connect.WithGRPCWeb()}},
		{"gRPC-Web with JSON, HTTP/2", 2, []connect.ClientOption{connect.WithGRPCWeb(), connect.WithProtoJSON()}},
		{"gRPC", 2, []connect.ClientOption{connect.WithGRPC()}},
		{"gRPC with JSON", 2, []connect.ClientOption{connect.WithGRPC(), connect.WithProtoJSON()}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := startHTTP(t, setup{})
			client := h.over(t, tt.version)
			unary := connect.NewClient[credenzav1.ClassifyRequest, credenzav1.ClassifyResponse](client, atClassify, tt.options...)
			one, err := unary.CallUnary(t.Context(), connect.NewRequest(&credenzav1.ClassifyRequest{Item: &credenzav1.Item{ProductName: "a"}}))
			if err != nil || one.Msg.GetResult().GetClassification().GetCategory() != "SOFA" {
				t.Errorf("Classify: %v, %v", one, err)
			}
			stream := h.stream(t, tt.version, tt.options...)
			batches, total := readAll(t, stream, &credenzav1.ClassifyStreamRequest{Items: items("a", "b", "c")})
			if batches != 3 || total != 3 {
				t.Errorf("ClassifyStream: %d batches, %d items", batches, total)
			}
			for name, call := range map[string]func() error{
				"Classify": func() error {
					_, err := unary.CallUnary(t.Context(), connect.NewRequest(&credenzav1.ClassifyRequest{Options: &credenzav1.ClassifyOptions{BatchSize: -1}}))
					return err
				},
				"ClassifyStream": func() error {
					res, err := stream.CallServerStream(t.Context(), connect.NewRequest(&credenzav1.ClassifyStreamRequest{Options: &credenzav1.ClassifyOptions{BatchSize: -1}}))
					if err != nil {
						return err
					}
					for res.Receive() {
					}
					return errors.Join(res.Err(), res.Close())
				},
			} {
				err := call()
				reason, fields := reasonOf(err)
				if connect.CodeOf(err) != connect.CodeInvalidArgument || reason != "INVALID_REQUEST" || !strings.Contains(fmt.Sprint(fields), "options.batch_size") {
					t.Errorf("%s: %v, reason %q, fields %v", name, err, reason, fields)
				}
			}
			if n := h.logs.FilterMessage("finished call").Len(); n != 4 {
				t.Errorf("%d of 4 calls are in the log", n)
			}
		})
	}
}

func readAll(t *testing.T, client *streamClient, req *credenzav1.ClassifyStreamRequest) (batches int, total int64) {
	t.Helper()
	stream, err := client.CallServerStream(t.Context(), connect.NewRequest(req))
	if err != nil {
		t.Fatal(err)
	}
	for stream.Receive() {
		if stream.Msg().GetBatch() != nil {
			batches++
		}
		total += stream.Msg().GetSummary().GetTotal()
	}
	if err := errors.Join(stream.Err(), stream.Close()); err != nil {
		t.Fatal(err)
	}
	return batches, total
}

func TestFeedOverHTTP2(t *testing.T) {
	for name, options := range map[string][]connect.ClientOption{
		"Connect": nil, "Connect with JSON": {connect.WithProtoJSON()}, "gRPC-Web": {connect.WithGRPCWeb()}, "gRPC": {connect.WithGRPC()},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := startHTTP(t, setup{})
				feed := connect.NewClient[credenzav1.ClassifyFeedRequest, credenzav1.ClassifyFeedResponse](h.over(t, 2), atFeed, options...).
					CallBidiStream(t.Context())
				for i, message := range []*credenzav1.ClassifyFeedRequest{feedSpec(nil), feedItems("a"), feedItems("b")} {
					if err := feed.Send(message); err != nil {
						t.Fatal(err)
					}
					if i == 0 {
						continue
					}
					// Each answer comes while the caller goes on sending.
					if got, err := feed.Receive(); err != nil || len(got.GetBatch().GetResults()) != 1 {
						t.Fatal(got, err)
					}
				}
				// The caller is silent and has not ended: it is told at once all the same.
				began := time.Now()
				if err := h.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				_, err := feed.Receive()
				if reason, _ := reasonOf(err); connect.CodeOf(err) != connect.CodeUnavailable || reason != "SHUTTING_DOWN" {
					t.Errorf("got %v (%s)", err, reason)
				}
				if took := time.Since(began); took != 0 {
					t.Errorf("it took %v", took)
				}
				_ = feed.CloseRequest()
				_ = feed.CloseResponse()
			})
		})
	}
}

// envelope is a message as streams of Connect have it.
func envelope(message string) string {
	return string(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))) + message
}

func TestBadMessagesOverHTTP(t *testing.T) {
	manyItems := `{"items":[` + strings.Repeat(`{},`, 300) + `{}]}`
	manyObjects := `{"items":[` + strings.Repeat(`{},`, 4_000_000) + `{}]}`
	manyTags := `{"item":{"tags":[` + strings.Repeat(`"",`, 4_000_000) + `""]}}`
	deep := `{"item":{"unknown":` + strings.Repeat(`[`, 1_000_000) + strings.Repeat(`]`, 1_000_000) + `}}`
	stream := []string{"Content-Type: application/connect+json"}
	for _, tt := range []struct {
		name, url, body string
		headers         []string
		status          int // 0: 200 with an error at the stream's end
		says            []string
	}{
		{"no JSON", atClassify, `{"item":`, nil, 400, []string{"invalid_argument", "INVALID_REQUEST", "send JSON"}},
		{"another type", atClassify, `{"item":{"product_name":5}}`, nil, 400, []string{"invalid_argument", "productName"}},
		{"empty", atClassify, ``, nil, 400, []string{"invalid_argument", "{} at least"}},
		{"deep", atClassify, deep, nil, 400, []string{"invalid_argument"}},
		{"many tags", atClassify, manyTags, nil, 400, []string{"invalid_argument", "styles, tags and attributes"}},
		{"some items too many", atStream, envelope(manyItems), stream, 0, []string{"TOO_MANY_ITEMS", "there are 301, at most 200"}},
		{"items without end", atStream, envelope(manyObjects), stream, 0, []string{"TOO_MANY_ITEMS", "more than 200"}},
		{"no JSON in a stream", atStream, envelope(`{`), stream, 0, []string{"invalid_argument", "INVALID_REQUEST"}},
		{"cut off", atStream, envelope(`{"items":[]}`)[:8], stream, 0, []string{"error"}},
		{"a stream as plain JSON", atStream, `{}`, nil, 415, []string{"unimplemented", "connect+json"}},
		{"no such method", "http://127.0.0.1/credenza.v1.ClassificationService/Nope", `{}`, nil, 404, []string{"unimplemented"}},
		{"no gzip", atClassify, `{"item":{}}`, []string{"Content-Encoding: gzip"}, 400, []string{"announced as gzip", "invalid_argument", "INVALID_REQUEST"}},
		{"another encoding", atClassify, `{"item":{}}`, []string{"Content-Encoding: br"}, 415, []string{"gzip"}},
		{"gzip twice", atClassify, `{"item":{}}`, []string{"Content-Encoding: gzip, gzip"}, 415, []string{"gzip"}},
		{"the encoding of another protocol", atClassify, `{"item":{}}`, []string{"Grpc-Encoding: gzip"}, 415, []string{"gzip"}},
		{"a stream in another encoding", atStream, envelope(`{}`), append(stream, "Connect-Content-Encoding: zstd"), 200, []string{`{"error":`, "unimplemented", "gzip"}},
		{"a stream compressed as a whole", atStream, envelope(`{}`), append(stream, "Content-Encoding: gzip"), 200, []string{`{"error":`, "unimplemented", "gzip"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := startHTTP(t, setup{config: rpc.Config{MaxItems: 200}})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			status, body := h.post(t, tt.url, tt.body, tt.headers...)
			runtime.ReadMemStats(&after)
			if grown := int64(after.TotalAlloc-before.TotalAlloc) - int64(8*len(tt.body)); grown > 16<<20 {
				t.Errorf("%d bytes cost %d beyond some copies of it", len(tt.body), grown)
			}
			if tt.status != 0 && status != tt.status {
				t.Errorf("status %d", status)
			}
			for _, want := range tt.says {
				if !strings.Contains(body, want) {
					t.Errorf("%.300q lacks %q", body, want)
				}
			}
			if status == 500 {
				t.Errorf("it is our fault: %.300q", body)
			}
		})
	}
}

func TestTooLargeOverHTTP(t *testing.T) {
	h := startHTTP(t, setup{config: rpc.Config{MaxRequestBytes: 1 << 20}})
	body := `{"item":{"product_name":"` + strings.Repeat("x", 20<<20) + `"}}`
	if status, text := h.post(t, atClassify, body); status != 429 || !strings.Contains(text, "resource_exhausted") {
		t.Errorf("%d %.200q", status, text)
	}
}

// A later message of a feed is refused while answers to the first ones are being
// written; under the race detector, that no other goroutine writes.
func TestBadMessageInAFeedOverHTTP(t *testing.T) {
	h := startHTTP(t, setup{})
	body, in := io.Pipe()
	go func() {
		_, _ = io.WriteString(in, envelope(`{"spec":{}}`)+strings.Repeat(envelope(`{"items":{"items":[{"productName":"a"}]}}`), 50)+envelope(`{"items":`))
		_ = in.Close()
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, atFeed, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/connect+json")
	res, err := h.over(t, 2).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte("INVALID_REQUEST")) {
		t.Errorf("the stream ends with %q", text[max(0, len(text)-300):])
	}
}

func TestRefusals_CannotBeForged(t *testing.T) {
	h := startHTTP(t, setup{})
	wire, err := proto.Marshal(&credenzav1.ClassifyRequest{Item: &credenzav1.Item{ProductName: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	mark := protowire.AppendTag(nil, 19_000, protowire.BytesType)
	mark = protowire.AppendString(mark, `{"Reason":16,"Text":"forged"}`)
	if status, body := h.post(t, atClassify, string(mark)+string(wire), "Content-Type: application/proto"); status != 200 {
		t.Errorf("%d %q", status, body)
	}
}

func TestTokensOverHTTP(t *testing.T) {
	h := startHTTP(t, setup{tokens: testTokens(t)})
	for header, want := range map[string]int{"": 401, "Bearer other": 401, "Bearer shop-token": 200, "Bearer operator-token": 403} {
		if status, body := h.post(t, atClassify, `{"item":{"product_name":"a"}}`, "Authorization: "+header); status != want {
			t.Errorf("%q: %d %s", header, status, body)
		}
	}
}
