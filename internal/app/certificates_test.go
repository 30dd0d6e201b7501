package app_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// copyFile puts the content of a file in another one's place.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// secureCalls makes a call over each address on a new connection, and returns whether
// they were answered.
func secureCalls(t *testing.T, a *app.App, server, caller *testkit.Certificate) (grpc, web bool) {
	t.Helper()
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Leaf)
	config := &tls.Config{RootCAs: trusted, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &caller.Certificate, nil // whatever authorities the server names
	}}
	client, err := credenza.Dial(a.GRPCAddr(), credenza.WithTLS(config.Clone()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	_, err = client.Taxonomy(t.Context())
	transport := &http.Transport{TLSClientConfig: config.Clone()}
	defer transport.CloseIdleConnections()
	res, failed := post(t.Context(), &http.Client{Transport: transport}, "https://"+a.HTTPAddr()+"/credenza.v1.ClassificationService/GetTaxonomy", `{}`)
	if failed == nil {
		_ = res.Body.Close()
	}
	return err == nil, failed == nil && res.StatusCode == http.StatusOK
}

// startReloading starts a service that waits for signals. It returns its log, and reload, which
// returns when the service has handled one.
func startReloading(t *testing.T, flags ...string) (_ *app.App, log *buffer, reload func()) {
	t.Helper()
	signals, log := make(chan os.Signal), &buffer{}
	a, err := app.Start(t.Context(), settings(t, append([]string{"--backend=offline"}, flags...)...),
		app.Options{LogTo: log, Data: app.DataNone, Reload: signals})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Wait(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return a, log, func() {
		signals <- syscall.SIGHUP
		signals <- syscall.SIGHUP // is taken when the first has been handled
	}
}

func TestCertificates_AreReadAgain(t *testing.T) {
	server, caller := testkit.Issue(t, "server", nil), testkit.Issue(t, "caller", nil)
	next, other := testkit.Issue(t, "next", nil), testkit.Issue(t, "other", nil)
	ca := t.TempDir() + "/ca.pem"
	copyFile(t, caller.CertFile, ca)
	a, log, reload := startReloading(t, "--tls-cert="+server.CertFile, "--tls-key="+server.KeyFile, "--tls-client-ca="+ca)
	expect := func(server, caller *testkit.Certificate, want bool) {
		t.Helper()
		if grpc, web := secureCalls(t, a, server, caller); grpc != want || web != want {
			t.Errorf("over gRPC %v, over HTTP %v; want %v", grpc, web, want)
		}
	}
	expect(server, caller, true)
	expect(server, other, false)

	copyFile(t, next.CertFile, server.CertFile)
	copyFile(t, next.KeyFile, server.KeyFile)
	copyFile(t, other.CertFile, ca)
	reload()
	expect(next, other, true)
	expect(next, caller, false)
	expect(server, other, false)

	if err := os.WriteFile(ca, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	reload()
	expect(next, other, true)
	if n := strings.Count(log.String(), "cannot be used: the earlier ones stay in force"); n != 1 {
		t.Errorf("the log says %d times that the certificates are bad", n)
	}

	copyFile(t, caller.CertFile, ca) // and no signal
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if grpc, _ := secureCalls(t, a, next, caller); grpc {
			return
		}
	}
	t.Error("a changed file is not read without a signal")
}
