package web_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEndpoints(t *testing.T) {
	var ready atomic.Bool
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(prometheus.NewCounterFunc(
		prometheus.CounterOpts{Name: "chairs_total", Help: "Chairs."}, func() float64 { return 4 }))
	server := web.New(metrics, ready.Load, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()

	for _, tt := range []struct {
		method, path string
		ready        bool
		status       int
		says         string
	}{
		{"GET", "/healthz", false, 200, "ok"},
		{"GET", "/readyz", false, 503, "not ready"},
		{"GET", "/readyz", true, 200, "ready"},
		{"GET", "/metrics", true, 200, "chairs_total 4"},
		{"POST", "/metrics", true, 405, ""},
		{"GET", "/elsewhere", true, 404, ""},
	} {
		ready.Store(tt.ready)
		status, body := ask(t, tt.method, "http://"+l.Addr().String()+tt.path)
		if status != tt.status || !strings.Contains(body, tt.says) {
			t.Errorf("%s %s: %d %q, want %d with %q", tt.method, tt.path, status, body, tt.status, tt.says)
		}
	}

	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func ask(t *testing.T, method, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true // so that no idle connection outlives the test
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}
