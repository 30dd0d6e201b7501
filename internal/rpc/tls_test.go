package rpc_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// serveTLS serves on the loopback device and returns the address.
func serveTLS(t *testing.T, files rpc.TLSFiles) string {
	t.Helper()
	server, err := rpc.NewServer(rpc.Config{TLS: files}, parts())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func TestTLS(t *testing.T) {
	authority, stranger := testkit.Issue(t, "authority", nil), testkit.Issue(t, "stranger", nil)
	server, caller := testkit.Issue(t, "server", authority), testkit.Issue(t, "caller", authority)
	pool := x509.NewCertPool()
	pool.AddCert(authority.Leaf)
	trusting := &tls.Config{RootCAs: pool}
	known := &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{caller.Certificate}}
	impostor := &tls.Config{RootCAs: pool, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &stranger.Certificate, nil // whatever authorities the server names
	}}

	files := rpc.TLSFiles{Cert: server.CertFile, Key: server.KeyFile}
	strict := files
	strict.ClientCA = authority.CertFile
	for _, tc := range []struct {
		name   string
		files  rpc.TLSFiles
		option credenza.Option
		ok     bool
	}{
		{"the authority is trusted", files, credenza.WithTLS(trusting), true},
		{"the authority is not trusted", files, credenza.WithTLS(&tls.Config{RootCAs: x509.NewCertPool()}), false},
		{"the system's authorities", files, credenza.WithMaxMessageBytes(1000), false},
		{"plain text", files, credenza.WithPlaintext(), false},
		{"a caller's certificate is due and shown", strict, credenza.WithTLS(known), true},
		{"it is not shown", strict, credenza.WithTLS(trusting), false},
		{"it is a stranger's", strict, credenza.WithTLS(impostor), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := credenza.Dial(serveTLS(t, tc.files), tc.option, credenza.WithToken("secret"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, err = c.Taxonomy(context.Background())
			if tc.ok && err != nil {
				t.Errorf("got %v", err)
			}
			if !tc.ok && clientError(t, err).Code != "UNAVAILABLE" {
				t.Errorf("got %v, want a refused connection", err)
			}
		})
	}
}

func TestBadCertificates(t *testing.T) {
	one, other := testkit.Issue(t, "one", nil), testkit.Issue(t, "other", nil)
	junk := filepath.Join(t.TempDir(), "junk.pem")
	if err := os.WriteFile(junk, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		files rpc.TLSFiles
		want  string
	}{
		{"no key", rpc.TLSFiles{Cert: one.CertFile}, "give both or none"},
		{"no certificate", rpc.TLSFiles{Key: one.KeyFile}, "give both or none"},
		{"only authorities", rpc.TLSFiles{ClientCA: one.CertFile}, "give both or none"},
		{"missing file", rpc.TLSFiles{Cert: "/nowhere/x.pem", Key: one.KeyFile}, "/nowhere/x.pem"},
		{"junk", rpc.TLSFiles{Cert: junk, Key: one.KeyFile}, junk},
		{"another's key", rpc.TLSFiles{Cert: one.CertFile, Key: other.KeyFile}, other.KeyFile},
		{"authorities missing", rpc.TLSFiles{Cert: one.CertFile, Key: one.KeyFile, ClientCA: "/nowhere/ca.pem"}, "/nowhere/ca.pem"},
		{"authorities junk", rpc.TLSFiles{Cert: one.CertFile, Key: one.KeyFile, ClientCA: junk}, "no certificate in it"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := rpc.NewServer(rpc.Config{TLS: tc.files}, parts())
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q", err, tc.want)
			}
		})
	}
}

func TestCheckAddress(t *testing.T) {
	for _, tc := range []struct {
		address       string
		tls, insecure bool
		ok            bool
	}{
		{"127.0.0.1:50051", false, false, true},
		{"127.8.9.1:50051", false, false, true},
		{"[::1]:50051", false, false, true},
		{"[::ffff:127.0.0.1]:1", false, false, true},
		{"localhost:0", false, false, true},
		{"0.0.0.0:50051", false, false, false},
		{":50051", false, false, false},
		{"[::]:50051", false, false, false},
		{"192.0.2.1:50051", false, false, false},
		{"example.com:50051", false, false, false},
		{"localhost.example.com:50051", false, false, false},
		{"0.0.0.0:50051", true, false, true},
		{"0.0.0.0:50051", false, true, true},
		{"50051", true, true, false},
		{"", false, false, false},
	} {
		err := rpc.CheckAddress(tc.address, tc.tls, tc.insecure)
		if (err == nil) != tc.ok {
			t.Errorf("%q, tls %v, insecure %v: got %v", tc.address, tc.tls, tc.insecure, err)
		}
	}
}
