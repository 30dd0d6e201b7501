package rpc_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/testkit"
)

func TestOperationsAndJobsOverHTTP(t *testing.T) {
	for _, tt := range []struct {
		name    string
		headers []string
		want    int
	}{
		{"an address of loopback", []string{"Host: 127.0.0.1:8000"}, 200},
		{"its name", []string{"Host: localhost:8000"}, 200},
		{"without a port", []string{"Host: [::1]"}, 200},
		{"a page of this server", []string{"Host: 127.0.0.1:8000", "Origin: http://127.0.0.1:8000"}, 200},
		{"a page of another origin", []string{"Host: 127.0.0.1:8000", "Origin: https://shop.example"}, 403},
		{"a page of another port", []string{"Host: 127.0.0.1:8000", "Origin: http://127.0.0.1:9000"}, 403},
		{"a page of another scheme", []string{"Host: 127.0.0.1:8000", "Origin: https://127.0.0.1:8000"}, 403},
		{"a page from a file", []string{"Host: 127.0.0.1:8000", "Origin: null"}, 403},
		{"a page whose name leads to loopback", []string{"Host: shop.example:8000", "Origin: http://shop.example:8000"}, 403},
		{"the same without an origin", []string{"Host: shop.example:8000"}, 403},
		{"a picture in a page of another site", []string{"Host: 127.0.0.1:8000", "Sec-Fetch-Site: cross-site"}, 403},
		{"a picture in a page of another port", []string{"Host: 127.0.0.1:8000", "Sec-Fetch-Site: same-site"}, 403},
		{"a picture in a page of this server", []string{"Host: 127.0.0.1:8000", "Sec-Fetch-Site: same-origin"}, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := startHTTP(t, setup{})
			for _, url := range []string{atStatus, atJobs + "ListJobs"} {
				if status, body := h.post(t, url, `{}`, tt.headers...); status != tt.want {
					t.Errorf("POST %s: %d %s", url, status, body)
				}
				if status, body := h.send(t, http.MethodGet, url+asGET, nil, tt.headers...); status != tt.want {
					t.Errorf("GET %s: %d %s", url, status, body)
				}
			}
			if status, body := h.post(t, atClassify, `{"item":{}}`, tt.headers...); status != 200 {
				t.Errorf("classifying: %d %s", status, body)
			}
		})
	}
}

// Operations need a connection that is local; jobs over HTTP need a name of loopback.
func TestOperatingOverHTTPFromElsewhere(t *testing.T) {
	for _, tt := range []struct {
		name        string
		local, peer net.Addr
		want        int
	}{
		{"loopback", tcp("127.0.0.1"), tcp("127.0.0.1"), 200},
		{"socket in the file system", unixAddr, &net.UnixAddr{Net: "unix"}, 200},
		{"another machine", tcp("192.0.2.7"), tcp("192.0.2.1"), 403},
		{"another machine, by a forwarded port", tcp("127.0.0.1"), tcp("192.0.2.1"), 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := serveHTTP(t, setup{}, func(l net.Listener) net.Listener { return listenAt{l, tt.local, tt.peer} })
			if status, body := h.post(t, atStatus, `{}`); status != tt.want {
				t.Errorf("%d %s", status, body)
			}
			if status, body := h.post(t, atJobs+"ListJobs", `{}`); status != 200 {
				t.Errorf("jobs: %d %s", status, body)
			}
		})
	}
}

// A caller's token counts whatever page sends it.
func TestTokensOverHTTPNeedNoLoopback(t *testing.T) {
	h := startHTTP(t, setup{tokens: testTokens(t)})
	page := []string{"Host: credenza.example", "Origin: https://shop.example"}
	for token, want := range map[string]int{"operator-token": 200, "shop-token": 403, "other": 401} {
		if status, body := h.post(t, atStatus, `{}`, append(page, "Authorization: Bearer "+token)...); status != want {
			t.Errorf("%s: %d %s", token, status, body)
		}
	}
}

// serveHTTP serves the services over HTTP on a listener of the test's own.
func serveHTTP(t *testing.T, s setup, listen func(net.Listener) net.Listener) *overHTTP {
	t.Helper()
	h := &overHTTP{start(t, s), testkit.NewPipe()}
	server := &http.Server{Handler: h.HTTP(), Protocols: protocols(true, true), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(auth.NameConnections(listen(h.pipe))) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = h.Shutdown(ctx)
		_ = server.Close()
		<-served
	})
	return h
}

// send sends a request as it is, and returns the status and the body of the answer.
// Headers are "Name: value".
func (h *overHTTP) send(t *testing.T, method, url string, body io.Reader, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	setHeaders(req, headers)
	res, err := h.over(t, 1).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}
