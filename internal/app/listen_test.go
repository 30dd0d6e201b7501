package app_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// sockets returns the addresses of two sockets in a folder with a short name.
func sockets(t *testing.T) (grpc, web string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "grpc"), filepath.Join(dir, "http")
}

func startOnSockets(t *testing.T, grpc, web string) (*app.App, error) {
	t.Helper()
	return app.Start(t.Context(), settings(t, "--backend=offline", "--grpc-addr=unix://"+grpc, "--http-addr=unix://"+web),
		app.Options{LogTo: &buffer{}, Data: app.DataNone})
}

func TestSockets(t *testing.T) {
	grpc, web := sockets(t)
	a, err := startOnSockets(t, grpc, web)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{grpc, web} {
		if file, err := os.Stat(path); err != nil || file.Mode() != os.ModeSocket|0o600 {
			t.Errorf("%s: %v, %v", path, file.Mode(), err)
		}
	}
	client, err := credenza.Dial(a.GRPCAddr(), credenza.WithPlaintext())
	if err != nil {
		t.Fatal(err)
	}
	if status, err := client.Status(t.Context()); err != nil || status.Backend != "offline" {
		t.Errorf("the status over gRPC: %+v, %v", status, err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", web)
	}}
	res, err := post(t.Context(), &http.Client{Transport: transport}, "http://localhost/credenza.v1.OperationsService/GetStatus", `{}`)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("the status over HTTP: %v, %v", res, err)
	}
	_ = res.Body.Close()
	transport.CloseIdleConnections()

	if _, err := startOnSockets(t, grpc, web); err == nil || !strings.Contains(err.Error(), "another process listens there") {
		t.Errorf("a second service on the same sockets: %v", err)
	}
	_ = client.Close()
	if err := a.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(filepath.Dir(grpc)); err != nil || len(left) > 0 {
		t.Errorf("the folder has %v, %v", left, err)
	}
}

func TestSockets_LeftByAnotherProcess(t *testing.T) {
	grpc, web := sockets(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: grpc, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	a, err := startOnSockets(t, grpc, web)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(web, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := startOnSockets(t, grpc, web); err == nil || !strings.Contains(err.Error(), "is not a socket") {
		t.Errorf("a file in the socket's place: %v", err)
	}
	if _, err := os.Stat(web); err != nil {
		t.Errorf("the file was removed: %v", err)
	}
	if _, err := os.Stat(grpc); err == nil {
		t.Error("the other socket is left")
	}
}

// At its end a service leaves the socket of its successor alone.
func TestSockets_Successor(t *testing.T) {
	grpc, web := sockets(t)
	a, err := startOnSockets(t, grpc, web)
	if err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(grpc)
	l, err := net.Listen("unix", grpc)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := a.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(grpc); err != nil {
		t.Error("the socket of the successor was removed")
	}
}

func TestAddresses(t *testing.T) {
	for _, tc := range []struct {
		address string
		flags   []string
		want    string // of the error; empty: it is taken
	}{
		{"127.0.0.1:0", nil, ""},
		{"127.8.9.1:0", nil, ""},
		{"localhost:0", nil, ""},
		{"[::ffff:127.0.0.1]:0", nil, ""},
		{"0.0.0.0:0", nil, "other machines can reach"},
		{":0", nil, "other machines can reach"},
		{"[::]:0", nil, "other machines can reach"},
		{"192.0.2.1:0", nil, "other machines can reach"},
		{"example.com:0", nil, "other machines can reach"},
		{"localhost.example.com:0", nil, "other machines can reach"},
		{"0.0.0.0:0", []string{"--insecure"}, ""},
		{"50051", []string{"--insecure"}, "HOST:PORT"},
		{"unix:///nowhere/s", nil, "cannot listen on unix:///nowhere/s"},
		{"unix://s", nil, "absolute path"},
		{"unix:///" + strings.Repeat("x", 80), nil, "at most 80"},
	} {
		config, err := parse(append([]string{"--backend=offline", "--grpc-addr=" + tc.address}, tc.flags...)...)
		if err == nil {
			var a *app.App
			if a, err = app.Start(t.Context(), config, app.Options{LogTo: &buffer{}, Data: app.DataNone}); err == nil {
				_ = a.Close(t.Context())
			}
		}
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %v: got %v, want %q", tc.address, tc.flags, err, tc.want)
		}
	}
	if _, err := parse("--grpc-addr=unix:///run/s", "--http-addr=unix:///run/s"); err == nil {
		t.Error("one socket for both addresses was taken")
	}
}

// A certificate with a known caller's name does in place of its token, on both
// addresses.
func TestCertificateNamesItsCaller(t *testing.T) {
	server, authority := testkit.Issue(t, "server", nil), testkit.Issue(t, "authority", nil)
	file := write(t, "tokens.yaml", fmt.Sprintf("- {name: shop, sha256: %x, scopes: [classify]}\n", sha256.Sum256([]byte("shop-token"))))
	a, err := app.Start(t.Context(), settings(t, "--backend=offline", "--token-file="+file,
		"--tls-cert="+server.CertFile, "--tls-key="+server.KeyFile, "--tls-client-ca="+authority.CertFile), app.Options{LogTo: &buffer{}, Data: app.DataNone})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close(t.Context()) }()
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Leaf)
	for name, want := range map[string]struct{ classify, operate int }{"shop": {200, 403}, "other": {401, 401}} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{
			RootCAs: trusted, Certificates: []tls.Certificate{testkit.Issue(t, name, authority).Certificate},
		}}
		for _, tt := range []struct {
			path, body string
			want       int
		}{
			{"/classify-category", `{"data":[{"name":"sofa"}],"toggle":1}`, want.classify},
			{"/credenza.v1.ClassificationService/Classify", `{"item":{}}`, want.classify},
			{"/credenza.v1.OperationsService/GetStatus", "{}", want.operate},
		} {
			res, err := post(t.Context(), &http.Client{Transport: transport}, "https://"+a.HTTPAddr()+tt.path, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != tt.want {
				t.Errorf("%s %s: %d", name, tt.path, res.StatusCode)
			}
		}
		transport.CloseIdleConnections()
	}
}
