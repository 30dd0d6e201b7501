package rpc_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/testkit"
)

func TestOperatingOverHTTP(t *testing.T) {
	for _, tt := range []struct {
		name    string
		headers []string
		want    int
	}{
		{"from this machine", []string{"Host: 127.0.0.1:8000"}, 200},
		{"by name", []string{"Host: localhost:8000"}, 200},
		{"without a port", []string{"Host: [::1]"}, 200},
		{"from a page of ours", []string{"Host: 127.0.0.1:8000", "Origin: http://127.0.0.1:8000"}, 200},
		{"from a page of somebody else", []string{"Host: 127.0.0.1:8000", "Origin: https://shop.example"}, 403},
		{"from a page of another port", []string{"Host: 127.0.0.1:8000", "Origin: http://127.0.0.1:9000"}, 403},
		{"from a file", []string{"Host: 127.0.0.1:8000", "Origin: null"}, 403},
		{"from a name that leads here", []string{"Host: shop.example:8000", "Origin: http://shop.example:8000"}, 403},
		{"from a name, without saying so", []string{"Host: shop.example:8000"}, 403},
		{"through a proxy", []string{"Host: 127.0.0.1:8000", "X-Forwarded-For: 192.0.2.1"}, 403},
		{"through a proxy that hides its caller", []string{"Host: 127.0.0.1:8000", "X-Forwarded-For: "}, 403},
		{"through a proxy that tells its scheme", []string{"Host: 127.0.0.1:8000", "X-Forwarded-Proto: https"}, 403},
		{"through another proxy", []string{"Host: 127.0.0.1:8000", "X-Envoy-External-Address: 192.0.2.1"}, 403},
		{"through a network's edge", []string{"Host: 127.0.0.1:8000", "Cf-Connecting-Ip: 192.0.2.1"}, 403},
		{"for a page of somebody else", []string{"Host: 127.0.0.1:8000", "Sec-Fetch-Site: cross-site"}, 403},
		{"by hand in a browser", []string{"Host: 127.0.0.1:8000", "Sec-Fetch-Site: none"}, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := startHTTP(t, setup{})
			here := here{h.HTTP()}
			if status, body := here.post(t, tt.headers); status != tt.want {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

func TestOperatingByHTTP10(t *testing.T) {
	for minor, want := range map[int]int{0: http.StatusForbidden, 1: http.StatusOK} {
		h := startHTTP(t, setup{})
		ctx := context.WithValue(t.Context(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8000}))
		req := httptest.NewRequestWithContext(ctx, http.MethodPost, atStatus, strings.NewReader(`{}`))
		req.Header.Set("Content-Type", "application/json")
		req.RemoteAddr, req.ProtoMinor = "127.0.0.1:5000", minor
		got := httptest.NewRecorder()
		h.HTTP().ServeHTTP(got, req)
		if got.Code != want {
			t.Errorf("HTTP/1.%d: %d %s", minor, got.Code, got.Body)
		}
	}
}

// here is a handler that is called from this machine's own address.
type here struct{ http.Handler }

func (h here) post(t *testing.T, headers []string) (int, string) {
	t.Helper()
	pipe := testkit.NewPipe()
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = "127.0.0.1:5000"
		h.ServeHTTP(w, r)
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(rpc.MarkListener(pipe)) }()
	defer func() {
		_ = server.Close()
		<-served
	}()
	return (&overHTTP{pipe: pipe}).post(t, atStatus, `{}`, headers...)
}
