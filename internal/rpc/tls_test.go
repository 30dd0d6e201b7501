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

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// serveTLS serves on the loopback device and returns the address.
func serveTLS(t *testing.T, files rpc.TLSFiles, tokens *auth.Tokens) string {
	t.Helper()
	parts := parts()
	parts.Authority = auth.New(tokens)
	server, err := rpc.NewServer(rpc.Config{TLS: files}, parts)
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
			c, err := credenza.Dial(serveTLS(t, tc.files, nil), tc.option, credenza.WithToken("secret"))
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

// With a token file a certificate names its caller, and one without a known name
// needs a token.
func TestTLS_CertificateAsCaller(t *testing.T) {
	authority := testkit.Issue(t, "authority", nil)
	server := testkit.Issue(t, "server", authority)
	pool := x509.NewCertPool()
	pool.AddCert(authority.Leaf)
	address := serveTLS(t, rpc.TLSFiles{Cert: server.CertFile, Key: server.KeyFile, ClientCA: authority.CertFile}, testTokens(t))
	for _, tc := range []struct{ name, token, classify, operate string }{
		{"shop", "", "", "PERMISSION_DENIED"},
		{"both", "", "", ""},
		{"unknown", "", "UNAUTHENTICATED", "UNAUTHENTICATED"},
		{"unknown", "shop-token", "", "PERMISSION_DENIED"},
		{"shop", "operator-token", "PERMISSION_DENIED", ""},
		{"both", "wrong", "UNAUTHENTICATED", "UNAUTHENTICATED"},
	} {
		t.Run(tc.name+" "+tc.token, func(t *testing.T) {
			options := []credenza.Option{credenza.WithTLS(&tls.Config{
				RootCAs: pool, Certificates: []tls.Certificate{testkit.Issue(t, tc.name, authority).Certificate},
			})}
			if tc.token != "" {
				options = append(options, credenza.WithToken(tc.token))
			}
			c, err := credenza.Dial(address, options...)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, classify := c.Taxonomy(context.Background())
			_, operate := c.Status(context.Background())
			for _, got := range []struct {
				err  error
				want string
			}{{classify, tc.classify}, {operate, tc.operate}} {
				if (got.err == nil) != (got.want == "") || got.err != nil && string(clientError(t, got.err).Code) != got.want {
					t.Errorf("got %v, want %q", got.err, got.want)
				}
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
