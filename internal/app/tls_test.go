package app_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// Calls for work over HTTP need a certificate, as on the gRPC address; probes need none.
func TestCertificatesOverHTTP(t *testing.T) {
	server, caller := testkit.Issue(t, "server", nil), testkit.Issue(t, "caller", nil)
	a, err := app.Start(t.Context(), settings(t, "--tls-cert="+server.CertFile, "--tls-key="+server.KeyFile, "--tls-client-ca="+caller.CertFile),
		app.Options{LogTo: &buffer{}, Data: app.DataNone})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close(t.Context()) }()
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Leaf)
	for _, tt := range []struct {
		path, body    string
		known, unseen int
	}{
		{"/classify-category", `{"data":[{"name":"sofa"}],"toggle":1}`, 200, 403},
		{"/credenza.v1.ClassificationService/Classify", `{"item":{"product_name":"sofa"}}`, 200, 403},
		{"/health", "{}", 405, 405},
	} {
		for _, shows := range []bool{true, false} {
			transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: trusted}}
			want := tt.unseen
			if shows {
				transport.TLSClientConfig.Certificates, want = []tls.Certificate{caller.Certificate}, tt.known
			}
			res, err := post(t.Context(), &http.Client{Transport: transport}, "https://"+a.HTTPAddr()+tt.path, tt.body)
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
