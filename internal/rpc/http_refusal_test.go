package rpc_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/fault"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, http.ErrBodyNotAllowed
}

func (unread) Close() error { return nil }

func TestBodiesOfStrangersAreNotRead(t *testing.T) {
	for _, tt := range []struct {
		url, media string
		tokens     bool
	}{
		{atClassify, "application/json", true},
		{atClassify, "application/proto", true},
		{atClassify, "application/grpc-web+proto", true},
		{atClassify, "application/grpc-web+json", true},
		{atClassify, "application/grpc", true},
		{atStream, "application/connect+json", true},
		{atStream, "application/connect+proto", true},
		{atFeed, "application/connect+json", true},
		{atStatus, "application/json", false}, // which strangers may not ask
	} {
		t.Run(tt.media+" "+tt.url, func(t *testing.T) {
			s, want := setup{}, "PermissionDenied"
			if tt.tokens {
				s.tokens, want = testTokens(t), "Unauthenticated"
			}
			h := startHTTP(t, s)
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, tt.url, unread{t})
			req.Header.Set("Content-Type", tt.media)
			req.ProtoMajor, req.ProtoMinor = 2, 0
			h.HTTP().ServeHTTP(httptest.NewRecorder(), req)
			if n := h.logs.FilterMessage("finished call").FilterField(zap.String("grpc.code", want)).Len(); n != 1 {
				t.Errorf("%d lines in the log say %s: %v", n, want, h.logs.All())
			}
		})
	}
}

func TestTheLogQuotesNoMessage(t *testing.T) {
	for _, body := range []string{
		`{"item":{"product_name":["secret"]}}`, `{"item":{"attributes":{"secret":1}}}`, `{"item":"secret"}`, `{"item":{"product_name":secret}}`,
		`{"item":{"product_name":"a\qsecret"}}`, `{"item":{"attributes":{"secret":"","secret":""}}}`, `{"item":{"tags":["secret`,
	} {
		h := startHTTP(t, setup{})
		if status, text := h.post(t, atClassify, body); status != 400 || !strings.Contains(text, "send JSON") {
			t.Errorf("%s: %d %s", body, status, text)
		}
		lines := h.logs.FilterMessage("finished call").All()
		if len(lines) != 1 || strings.Contains(fmt.Sprint(lines[0].ContextMap()), "secret") {
			t.Errorf("%s: the log has %v", body, lines)
		}
	}
}

// A proxy that keeps a stream back until it is large makes it none.
func TestProxiesKeepNoStreamBack(t *testing.T) {
	for url, want := range map[string]string{atStream: "no", atClassify: ""} {
		h := startHTTP(t, setup{})
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(envelope(`{"items":[{}]}`)))
		req.Header.Set("Content-Type", "application/grpc-web+json")
		got := httptest.NewRecorder()
		h.HTTP().ServeHTTP(got, req)
		if got.Header().Get("X-Accel-Buffering") != want {
			t.Errorf("%s: %v", url, got.Header())
		}
	}
}

// full is a body for which there is no room.
type full struct{}

func (full) Read([]byte) (int, error) { return 0, fault.New(fault.ServerFull, "no room") }

func TestBodyWithoutRoom(t *testing.T) {
	h := startHTTP(t, setup{})
	for first, media := range map[string]string{"": "application/json", `{"item":`: "application/json", envelope(`{}`)[:6]: "application/connect+json"} {
		url := atClassify
		if media != "application/json" {
			url = atStream
		}
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, url, io.MultiReader(strings.NewReader(first), full{}))
		req.Header.Set("Content-Type", media)
		got := httptest.NewRecorder()
		h.HTTP().ServeHTTP(got, req)
		if (got.Code != 503 && url != atStream) || !strings.Contains(got.Body.String(), "unavailable") || !strings.Contains(got.Body.String(), "no room") {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	}
}

func TestOneMessageIsOne(t *testing.T) {
	const watch, least = atJobs + "WatchJob", `{"jobId":"a"}`
	for _, tt := range []struct{ name, url, media, body, says string }{
		{"none to a stream", watch, "application/connect+json", "", "send one message"},
		{"two to a stream", watch, "application/connect+json", envelope(least) + envelope(least), secondWords},
		{"two by gRPC-Web", atClassify, "application/grpc-web+json", envelope(`{}`) + envelope(`{}`), secondWords},
		{"none by gRPC-Web", atClassify, "application/grpc-web+json", "", "send one message"},
		{"none to a stream by gRPC-Web", atStream, "application/grpc-web+proto", "", "send one message"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := startHTTP(t, setup{})
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, tt.url, strings.NewReader(tt.body))
			req.Header.Set("Content-Type", tt.media)
			got := httptest.NewRecorder()
			h.HTTP().ServeHTTP(got, req)
			code, says := got.Header().Get("Grpc-Status"), got.Header().Get("Grpc-Message")
			if code != "3" && !strings.Contains(got.Body.String(), `"code":"invalid_argument"`) || !strings.Contains(says+got.Body.String(), tt.says) {
				t.Errorf("%d %v %q", got.Code, got.Header(), got.Body)
			}
		})
	}
}

// changing is a transport that changes requests in ways that clients do not.
type changing struct {
	http.RoundTripper
	change func(*http.Request)
}

func (c changing) RoundTrip(r *http.Request) (*http.Response, error) {
	c.change(r)
	return c.RoundTripper.RoundTrip(r)
}

// streamChanged calls ClassifyStream with an item and a changed request. It returns how many
// messages came, and the error at the end.
func (h *overHTTP) streamChanged(t *testing.T, change func(*http.Request), options ...connect.ClientOption) (n int, _ error) {
	t.Helper()
	over := h.over(t, 2)
	over.Transport = changing{over.Transport, change}
	client := connect.NewClient[credenzav1.ClassifyStreamRequest, credenzav1.ClassifyStreamResponse](over, atStream, options...)
	stream, err := client.CallServerStream(t.Context(), connect.NewRequest(&credenzav1.ClassifyStreamRequest{Items: items("a")}))
	if err != nil {
		return 0, err
	}
	defer func() { _ = stream.Close() }()
	for stream.Receive() {
		n++
	}
	return n, stream.Err()
}

func badConnectTimeout(r *http.Request) { r.Header.Set("Connect-Timeout-Ms", "soon") }

// Clients take the code and the words of a refusal from the message that ends the stream, and
// not from another body.
func TestRefusedStream_EndsAsConnectStreamsDo(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*http.Request)
		code   connect.Code
		says   string
	}{
		"bad time-out": {badConnectTimeout, connect.CodeInvalidArgument, "the header Connect-Timeout-Ms is not a duration: send milliseconds"},
		"no message":   {func(r *http.Request) { r.Body, r.ContentLength = http.NoBody, 0 }, connect.CodeInvalidArgument, "the body is empty: send one message"},
		"no method":    {func(r *http.Request) { r.URL.Path += "s" }, connect.CodeUnimplemented, "there is no such method"},
	} {
		for codec, options := range map[string][]connect.ClientOption{"proto": nil, "JSON": {connect.WithProtoJSON()}} {
			t.Run(name+" "+codec, func(t *testing.T) {
				h := startHTTP(t, setup{})
				if _, err := h.streamChanged(t, tt.change, options...); connect.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("it ended with %v", err)
				}
			})
		}
	}
}

func TestConnectsTimeout_SaysNothingByOtherProtocols(t *testing.T) {
	for name, option := range map[string]connect.ClientOption{"gRPC-Web": connect.WithGRPCWeb(), "gRPC": connect.WithGRPC()} {
		t.Run(name, func(t *testing.T) {
			h := startHTTP(t, setup{})
			if n, err := h.streamChanged(t, badConnectTimeout, option); n == 0 || err != nil {
				t.Errorf("%d messages, then %v", n, err)
			}
		})
	}
}

// What is no call says how it would be one.
func TestRequestsThatAreNoCalls_SayHowToCall(t *testing.T) {
	const atTaxonomy = "http://127.0.0.1/credenza.v1.ClassificationService/GetTaxonomy"
	for _, tt := range []struct {
		method, url, media string
		status             int
		says               string
	}{
		{http.MethodPut, atClassify, "application/json", http.StatusMethodNotAllowed, "calls are made by POST"},
		{http.MethodDelete, atTaxonomy, "", http.StatusMethodNotAllowed, "calls are made by POST"},
		{http.MethodHead, atTaxonomy, "", http.StatusMethodNotAllowed, ""},
		{http.MethodGet, atTaxonomy, "", http.StatusBadRequest, "add ?connect=v1"},
		{http.MethodGet, atTaxonomy + "?encoding=json&message={}", "", http.StatusBadRequest, "add ?connect=v1"},
		{http.MethodPost, atClassify, "application/grpcurl", http.StatusUnsupportedMediaType, "this Content-Type is not supported"},
		{http.MethodPost, atClassify, "application/grpc-web-text", http.StatusUnsupportedMediaType, "this Content-Type is not supported"},
	} {
		h := startHTTP(t, setup{})
		req, err := http.NewRequestWithContext(t.Context(), tt.method, tt.url, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", tt.media)
		res, err := h.over(t, 1).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		says := string(text) + res.Header.Get("Grpc-Message") // for what looks like gRPC
		if err != nil || (res.StatusCode != tt.status && res.Header.Get("Grpc-Status") == "") || !strings.Contains(says, tt.says) {
			t.Errorf("%s %s as %q: %d %s, want %d with %q", tt.method, tt.url, tt.media, res.StatusCode, says, tt.status, tt.says)
		}
		if allow := res.Header.Get("Allow"); tt.status == http.StatusMethodNotAllowed && allow != "GET, POST, OPTIONS" {
			t.Errorf("%s %s: allowed is %q", tt.method, tt.url, allow)
		}
	}
}
