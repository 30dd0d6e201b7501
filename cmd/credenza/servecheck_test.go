package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// natsServer starts a NATS server on loopback, and returns its address.
func natsServer(t *testing.T, jetStream bool) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: jetStream, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return s.ClientURL()
}

func TestServeCheck_ShowsWhatIsInOrder(t *testing.T) {
	sim, model := testkit.ServeSimTCP(t, llmsim.Config{})
	cert := testkit.Issue(t, "server", nil)
	tokens := write(t, "tokens.yaml", "- {name: shop, sha256: "+strings.Repeat("ab", 32)+", scopes: [classify]}\n")
	taxonomy := write(t, "own.yaml", "")
	if err := os.Remove(taxonomy); err != nil {
		t.Fatal(err)
	}
	credenzaWith(t, "", "taxonomy", "init", "--out", taxonomy).expect(t, exitOK, "")
	folder := filepath.Join(t.TempDir(), "new", "data")
	flags := []string{
		"serve", "--check", "--openai-base-url", model, "--openai-api-key", doctorKey, "--tls-cert", cert.CertFile, "--tls-key", cert.KeyFile, "--tls-client-ca", cert.CertFile,
		"--token-file", tokens, "--taxonomy", taxonomy, "--data-dir", folder, "--grpc-addr", "0.0.0.0:50051", "--admin-addr", "127.0.0.1:6060",
	}
	got := credenzaWith(t, "", flags...)
	got.expectAll(t, exitOK,
		"settings ok backend openai, model gpt-6-luna", "addresses ok gRPC 0.0.0.0:50051, HTTP 127.0.0.1:8000, admin 127.0.0.1:6060",
		"certificates ok server.pem, until "+time.Now().Add(time.Hour).UTC().Format(time.DateOnly)+"; callers need one too", "callers ok 1 in tokens.yaml", "taxonomy ok own.yaml: ",
		"storage ok "+folder+", which the start makes", "model - not asked: --online asks it")
	if n := sim.Stats().Calls; n != 0 {
		t.Errorf("the model was asked %d times without --online", n)
	}
	credenzaWith(t, "", append(flags, "--online")...).expectAll(t, exitOK, "model ok gpt-6-luna at 127.0.0.1:", "key ...wxyz: answers after")
	if n := sim.Stats().Calls; n == 0 || n > 8 {
		t.Errorf("the model was asked %d times, want one question", n)
	}
	if _, err := os.Stat(filepath.Dir(folder)); !os.IsNotExist(err) {
		t.Errorf("the check has made the data folder: %v", err)
	}
	if strings.Contains(got.out+got.err, doctorKey) {
		t.Error("the key is printed")
	}
	credenzaWith(t, "", "serve", "--check", "--backend", "offline", "--nats-url", natsServer(t, true)).expectAll(t, exitOK,
		"storage ok NATS answers and has JetStream", "model - none: the offline classifier answers")
}

func TestServeCheck_NamesEachProblem(t *testing.T) {
	cert, other, old := testkit.Issue(t, "server", nil), testkit.Issue(t, "other", nil), testkit.IssueUntil(t, "old", nil, time.Now().Add(-time.Minute))
	absent := testkit.ReservePort(t)
	for name, tc := range map[string]struct {
		flags []string
		want  string
	}{
		"a number out of range":       {[]string{"--queue-limit", "0"}, "settings: queue-limit is 0: give a number"},
		"a setting of the file":       {[]string{"--config", write(t, "c.yaml", "\nbulk_share: 3\n")}, "c.yaml:2: bulk_share is 3: give a number"},
		"a model without a group":     {[]string{"--models", "b", "--key-groups", "[{keys: [k], models: {gpt-6-luna: x}}]"}, `settings: models: no key group serves "b"`},
		"an address without TLS":      {[]string{"--grpc-addr", "0.0.0.0:1"}, "addresses: grpc-addr: other machines can reach 0.0.0.0:1"},
		"a certificate that is gone":  {[]string{"--tls-cert", "gone.pem", "--tls-key", "gone.key"}, "certificates: load the certificate gone.pem"},
		"a key of another":            {[]string{"--tls-cert", cert.CertFile, "--tls-key", other.KeyFile}, "certificates: load the certificate"},
		"a certificate that is over":  {[]string{"--tls-cert", old.CertFile, "--tls-key", old.KeyFile}, "has ended on"},
		"an authority that is none":   {[]string{"--tls-cert", cert.CertFile, "--tls-key", cert.KeyFile, "--tls-client-ca", cert.KeyFile}, "certificates: the callers' authorities"},
		"a token file with a mistake": {[]string{"--token-file", write(t, "t.yaml", "- {name: a, sha256: zz}\n")}, "callers: "},
		"a taxonomy with a mistake":   {[]string{"--taxonomy", write(t, "x.yaml", "categories: [{}]\n")}, "taxonomy: "},
		"a folder that is a file":     {[]string{"--data-dir", write(t, "data", "")}, "storage: the data folder"},
		"a folder below a file":       {[]string{"--data-dir", filepath.Join(write(t, "data", ""), "x")}, "storage: the data folder cannot be read"},
		"NATS that is away":           {[]string{"--nats-url", "nats://" + absent.Address}, "storage: NATS cannot be reached"},
		"NATS without JetStream":      {[]string{"--nats-url", natsServer(t, false)}, "storage: the NATS server has no JetStream"},
		"a model that is away": {
			[]string{"--online", "--openai-base-url", "http://" + absent.Address + "/v1"},
			"model: gpt-6-luna at " + absent.Address,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := credenzaWith(t, "", append([]string{"serve", "--check"}, tc.flags...)...)
			got.expect(t, exitFailed, " to correct")
			if !strings.Contains(got.out, tc.want) || strings.Count(got.out, "see below") != 1 {
				t.Errorf("%q is not in\n%s", tc.want, got.out)
			}
		})
	}
}

// TestServeCheck_LeavesARunningServiceAlone checks the settings of one while it serves.
func TestServeCheck_LeavesARunningServiceAlone(t *testing.T) {
	address, folder := testkit.FreeAddress(t), t.TempDir()
	p := runProgram(t, "serve", "--backend", "offline", "--grpc-addr", address, "--http-addr", testkit.FreeAddress(t), "--data-dir", folder)
	awaitPort(t, p, address)
	credenzaWith(t, "", "serve", "--check", "--backend", "offline", "--grpc-addr", address, "--data-dir", folder).expectAll(t, exitOK,
		"storage ok "+folder+", which a process uses now")
	if left, err := filepath.Glob(filepath.Join(folder, "check-*")); err != nil || len(left) > 0 {
		t.Errorf("the check leaves %v, %v", left, err)
	}
	awaitPort(t, p, address)
}

func TestServeCheck_IsNeededForOnline(t *testing.T) {
	credenzaWith(t, "", "serve", "--online").expect(t, exitUsage, "--online goes with --check")
}
