package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/app"
)

// authority is a certificate that signs itself, good for everything, and its files.
type authority struct {
	pair      tls.Certificate
	cert, key string
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{cert: filepath.Join(t.TempDir(), "cert.pem"), key: filepath.Join(t.TempDir(), "key.pem")}
	for path, block := range map[string]*pem.Block{a.cert: {Type: "CERTIFICATE", Bytes: der}, a.key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if a.pair, err = tls.LoadX509KeyPair(a.cert, a.key); err != nil {
		t.Fatal(err)
	}
	return a
}

// Whoever calls for work over HTTP shows a certificate, as on the gRPC address;
// who asks how the server is needs none.
func TestCertificatesOverHTTP(t *testing.T) {
	server, caller := newAuthority(t, "server"), newAuthority(t, "caller")
	a, err := app.Start(t.Context(), settings(t, "--tls-cert="+server.cert, "--tls-key="+server.key, "--tls-client-ca="+caller.cert),
		app.Options{LogTo: &buffer{}, Data: app.DataNone})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close(t.Context()) }()
	trusted := x509.NewCertPool()
	trusted.AddCert(server.pair.Leaf)
	for _, tt := range []struct {
		path          string
		known, unseen int
	}{
		{"/classify-category", 200, 403},
		{"/credenza.v1.ClassificationService/Classify", 200, 403},
		{"/health", 405, 405},
	} {
		for _, shows := range []bool{true, false} {
			transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: trusted}}
			want := tt.unseen
			if shows {
				transport.TLSClientConfig.Certificates, want = []tls.Certificate{caller.pair}, tt.known
			}
			res, err := post(t.Context(), &http.Client{Transport: transport}, "https://"+a.HTTPAddr()+tt.path,
				`{"data":[{"name":"sofa"}],"toggle":1,"item":{"product_name":"sofa"}}`)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != want || res.ProtoMajor != 2 {
				t.Errorf("%s, certificate %v: %s %d, want %d", tt.path, shows, res.Proto, res.StatusCode, want)
			}
			_ = res.Body.Close()
			transport.CloseIdleConnections()
		}
	}
}
