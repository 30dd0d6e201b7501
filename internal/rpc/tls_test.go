package rpc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// identity is a certificate with its key, in files.
type identity struct {
	cert      *x509.Certificate
	key       *ecdsa.PrivateKey
	certFile  string
	keyFile   string
	chainable tls.Certificate
}

// issue makes a certificate for 127.0.0.1, signed by parent or by itself.
func issue(t *testing.T, name string, parent *identity) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        parent == nil, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	signer, signerKey := template, key
	if parent != nil {
		signer, signerKey = parent.cert, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, &key.PublicKey, signerKey)
	if err != nil {
		t.Fatal(err)
	}
	return store(t, name, der, key)
}

func store(t *testing.T, name string, der []byte, key *ecdsa.PrivateKey) *identity {
	t.Helper()
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	id := &identity{key: key, certFile: filepath.Join(dir, name+".pem"), keyFile: filepath.Join(dir, name+".key")}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})
	for file, data := range map[string][]byte{id.certFile: certPEM, id.keyFile: keyPEM} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if id.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	if id.chainable, err = tls.X509KeyPair(certPEM, keyPEM); err != nil {
		t.Fatal(err)
	}
	return id
}

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
	authority, stranger := issue(t, "authority", nil), issue(t, "stranger", nil)
	server, caller := issue(t, "server", authority), issue(t, "caller", authority)
	pool := x509.NewCertPool()
	pool.AddCert(authority.cert)
	trusting := &tls.Config{RootCAs: pool}
	known := &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{caller.chainable}}
	impostor := &tls.Config{RootCAs: pool, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &stranger.chainable, nil // whatever authorities the server names
	}}

	files := rpc.TLSFiles{Cert: server.certFile, Key: server.keyFile}
	strict := files
	strict.ClientCA = authority.certFile
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
	one, other := issue(t, "one", nil), issue(t, "other", nil)
	junk := filepath.Join(t.TempDir(), "junk.pem")
	if err := os.WriteFile(junk, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		files rpc.TLSFiles
		want  string
	}{
		{"no key", rpc.TLSFiles{Cert: one.certFile}, "give both or none"},
		{"no certificate", rpc.TLSFiles{Key: one.keyFile}, "give both or none"},
		{"only authorities", rpc.TLSFiles{ClientCA: one.certFile}, "give both or none"},
		{"missing file", rpc.TLSFiles{Cert: "/nowhere/x.pem", Key: one.keyFile}, "/nowhere/x.pem"},
		{"junk", rpc.TLSFiles{Cert: junk, Key: one.keyFile}, junk},
		{"another's key", rpc.TLSFiles{Cert: one.certFile, Key: other.keyFile}, other.keyFile},
		{"authorities missing", rpc.TLSFiles{Cert: one.certFile, Key: one.keyFile, ClientCA: "/nowhere/ca.pem"}, "/nowhere/ca.pem"},
		{"authorities junk", rpc.TLSFiles{Cert: one.certFile, Key: one.keyFile, ClientCA: junk}, "no certificate in it"},
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
