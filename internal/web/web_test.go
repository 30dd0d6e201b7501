package web_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/web"
)

const classifyPath = "/classify-category"

func TestEndpoints(t *testing.T) {
	r := start(t, setup{config: web.Config{About: web.About{Version: "v1", Categories: []string{"SOFA", "BED"}, Model: true}}})
	r.metrics.MustRegister(prometheus.NewCounterFunc(
		prometheus.CounterOpts{Name: "chairs_total", Help: "Chairs."}, func() float64 { return 4 }))
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
		{"OPTIONS", "/metrics", true, 204, ""},
		{"GET", "/elsewhere", true, 404, `{"detail":"Not Found"}`},
		{"GET", "/health/", true, 200, `"status":"healthy"`},
		{"POST", classifyPath + "/", true, 422, "JSON decode error"},
		{"GET", "/", true, 200, `"supported_categories":["SOFA","BED"]`},
		{"GET", "/", true, 200, `"version":"v1"`},
		{"GET", "/health", true, 200, `"status":"healthy"`},
		{"GET", "/health", true, 200, `"openai_configured":true,"service":"Furniture Category Classification API"`},
		{"GET", "/health", false, 503, `"status":"unavailable"`},
		{"HEAD", "/health", true, 200, ""},
		{"DELETE", "/health", true, 405, `{"detail":"Method Not Allowed"}`},
		{"GET", classifyPath, true, 405, `{"detail":"Method Not Allowed"}`},
		{"OPTIONS", classifyPath, true, 204, ""},
		{"OPTIONS", "/some.v1.Service/Method", true, 204, ""},
		{"POST", "/some.v1.Service/Method", true, 200, "/some.v1.Service/Method"},
	} {
		r.ready.Store(tt.ready)
		if got := r.ask(t, tt.method, tt.path, ""); got.status != tt.status || !strings.Contains(got.body, tt.says) {
			t.Errorf("%s %s: %d %q, want %d with %q", tt.method, tt.path, got.status, got.body, tt.status, tt.says)
		}
	}
}

// detail is what the body of a failure says: a text, or the first problem's.
func detail(t *testing.T, body string) string {
	t.Helper()
	var text struct{ Detail string }
	if json.Unmarshal([]byte(body), &text) == nil {
		return text.Detail
	}
	var list struct {
		Detail []struct {
			Type, Msg string
			Loc       []any
		}
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Detail) == 0 || len(list.Detail[0].Loc) == 0 || list.Detail[0].Type == "" {
		t.Fatalf("%q is no failure", body)
	}
	return list.Detail[0].Msg
}

func TestFailuresHaveTheirStatus(t *testing.T) {
	for _, tt := range []struct {
		fault  *fault.Fault
		status int
		header string
	}{
		{fault.New(fault.Unauthenticated, "no token"), 401, "Www-Authenticate"},
		{fault.New(fault.PermissionDenied, "no right"), 403, ""},
		{fault.New(fault.ServerFull, "full"), 429, "Retry-After"},
		{fault.New(fault.ShuttingDown, "down"), 503, "Retry-After"},
		{fault.New(fault.Internal, "broken"), 500, ""},
	} {
		r := start(t, setup{callers: fakeCallers{tt.fault}})
		got := r.ask(t, "POST", classifyPath, `{}`)
		if got.status != tt.status || detail(t, got.body) != tt.fault.Message || (tt.header != "" && got.header.Get(tt.header) == "") {
			t.Errorf("%v: %+v", tt.fault, got)
		}
	}
}

func TestPanicsStayInside(t *testing.T) {
	for name, tt := range map[string]struct {
		begin bool
		want  int // 0: the answer breaks off
	}{"before the answer": {false, 500}, "in the answer": {true, 0}} {
		t.Run(name, func(t *testing.T) {
			r := start(t, setup{services: func(w http.ResponseWriter, _ *http.Request) {
				if tt.begin {
					w.WriteHeader(http.StatusOK)
				}
				panic("secret state")
			}})
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://memory/some.v1.Service/Method", nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := r.client.Do(req)
			if (err != nil) != (tt.want == 0) {
				t.Fatal(res, err)
			}
			if err == nil {
				text, _ := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if res.StatusCode != tt.want || strings.Contains(string(text), "secret") {
					t.Errorf("%d %s", res.StatusCode, text)
				}
			}
			if r.logs.FilterMessage("a handler panicked").Len() != 1 {
				t.Error("the log does not tell of it")
			}
		})
	}
}
