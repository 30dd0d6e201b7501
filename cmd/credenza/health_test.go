package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/credenza-dev/credenza/internal/testkit"
)

// TestHealth runs a service and asks with the same settings, as the health check of a
// container does.
func TestHealth(t *testing.T) {
	own := testkit.Issue(t, "credenza.example", nil)
	folder, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	for name, settings := range map[string][]string{
		"loopback":                  {"--http-addr=" + testkit.FreeAddress(t)},
		"all addresses":             {"--http-addr=" + strings.Replace(testkit.FreeAddress(t), "127.0.0.1", "0.0.0.0", 1), "--insecure"},
		"a port":                    {"--http-addr=" + strings.TrimPrefix(testkit.FreeAddress(t), "127.0.0.1"), "--insecure"},
		"a socket":                  {"--http-addr=unix://" + folder + "/http"},
		"TLS":                       {"--http-addr=" + testkit.FreeAddress(t), "--tls-cert=" + own.CertFile, "--tls-key=" + own.KeyFile},
		"certificates are demanded": {"--http-addr=" + testkit.FreeAddress(t), "--tls-cert=" + own.CertFile, "--tls-key=" + own.KeyFile, "--tls-client-ca=" + own.CertFile},
	} {
		t.Run(name, func(t *testing.T) {
			ask := append([]string{"health"}, settings...)
			credenzaWith(t, "", ask...).expect(t, exitFailed, "/readyz cannot be reached: is the service running there")
			serve := append([]string{"serve", "--backend=offline", "--grpc-addr=127.0.0.1:0", "--data-dir=" + t.TempDir(), "--log-format=json"}, settings...)
			p := runProgram(t, serve...)
			p.awaitLog(t, `"serving"`)
			got := credenzaWith(t, "", ask...)
			if got.code != exitOK || got.out != "ready\n" || got.err != "" {
				t.Errorf("got exit code %d, %q and %q", got.code, got.out, got.err)
			}
			p.end(syscall.SIGTERM)
		})
	}
}

func TestHealth_OfAServiceThatIsNotReady(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not ready: starting", http.StatusServiceUnavailable)
	}))
	t.Cleanup(server.Close)
	got := credenzaWith(t, "", "health", "--url", server.URL+"/")
	got.expect(t, exitFailed, server.URL+"/readyz answered 503 Service Unavailable: not ready: starting")
}

func TestHealth_OfAServiceThatIsSilent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	credenzaWith(t, "", "health", "--timeout=50ms", "--http-addr="+l.Addr().String()).expect(t, exitFailed, "cannot be reached")
}

func TestHealth_TrustsTheGivenAuthority(t *testing.T) {
	own := testkit.Issue(t, "test", nil)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{own.Certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	credenzaWith(t, "", "health", "--url="+server.URL).expect(t, exitFailed, "cannot be reached")
	credenzaWith(t, "", "health", "--url="+server.URL, "--tls-ca="+own.CertFile).expect(t, exitOK, "")
}

func TestHealth_RefusesFlags(t *testing.T) {
	for flag, want := range map[string]string{
		"--timeout=0s":         "give a time such as 3s",
		"--tls-ca=ca.pem":      "--tls-ca is for --url",
		"--url=localhost:8000": "give an address such as https://credenza.example:8000",
		"--http-addr=nowhere":  "give HOST:PORT",
	} {
		if got := credenzaWith(t, "", "health", flag); got.code == exitOK || !strings.Contains(got.err, want) {
			t.Errorf("%s: exit code %d and %q, want %q", flag, got.code, got.err, want)
		}
	}
}
