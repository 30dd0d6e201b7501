package main

import (
	"strings"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/testkit"
)

func TestUnknownVariables_GiveOneWarningEach(t *testing.T) {
	for name, c := range map[string]struct{ variable, warning string }{
		"a typing error":       {"CREDENZA_MAX_WORKER=3", "credenza: the environment has CREDENZA_MAX_WORKER, which is not a setting: did you mean CREDENZA_MAX_WORKERS?\n"},
		"another one":          {"CREDENZA_LOGLEVEL=debug", "credenza: the environment has CREDENZA_LOGLEVEL, which is not a setting: did you mean CREDENZA_LOG_LEVEL?\n"},
		"like none":            {"CREDENZA_ZZZZZZZZZZZZZ=1", "credenza: the environment has CREDENZA_ZZZZZZZZZZZZZ, which is not a setting: see `credenza serve --help` for the settings\n"},
		"a setting":            {"CREDENZA_MAX_WORKERS=3", ""},
		"a token":              {"CREDENZA_TOKEN=secret", ""},
		"of another program":   {"CREDENZIA_MAX_WORKER=3", ""},
		"a Service's host":     {"CREDENZA_SERVICE_HOST=10.0.0.1", ""},
		"a Service's port":     {"CREDENZA_SERVICE_PORT=50051", ""},
		"a named port":         {"CREDENZA_SERVICE_PORT_GRPC=50051", ""},
		"a link":               {"CREDENZA_PORT=tcp://10.0.0.1:50051", ""},
		"a link's port":        {"CREDENZA_PORT_50051_TCP_ADDR=10.0.0.1", ""},
		"another Service's":    {"CREDENZA_WEB_PORT=tcp://10.0.0.1:8000", ""},
		"a port, by a person":  {"CREDENZA_HTTP_PORT=8000", "credenza: the environment has CREDENZA_HTTP_PORT, which is not a setting: did you mean CREDENZA_HTTP_ADDR?\n"},
		"named by a key group": {"CREDENZA_KEY_GROUPS=[{keys: [$CREDENZA_TEAM_KEY]}]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("CREDENZA_TEAM_KEY", "sk-team") // which only the last case names
			variable, value, _ := strings.Cut(c.variable, "=")
			t.Setenv(variable, value)
			got := credenzaWith(t, "", "taxonomy", "show")
			warnings := strings.Split(strings.TrimSuffix(got.err, "\n"), "\n")
			team := "credenza: the environment has CREDENZA_TEAM_KEY, which is not a setting"
			var others string
			named := true
			for _, line := range warnings {
				if strings.HasPrefix(line, team) {
					named = false
				} else if line != "" {
					others += line + "\n"
				}
			}
			if got.code != exitOK || others != c.warning || named != (name == "named by a key group") {
				t.Errorf("got exit code %d and %q, want %q", got.code, got.err, c.warning)
			}
		})
	}
}

func TestUnknownVariables_AreInTheLogOfAService(t *testing.T) {
	t.Setenv("CREDENZA_MAX_WORKER", "3")
	p := runProgram(t, "serve", "--grpc-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0", "--data-dir="+t.TempDir(), "--log-format=json")
	testkit.Await(t, "the service runs", func() bool { return strings.Contains(p.log.String(), "serving") })
	if n := strings.Count(p.log.String(), "did you mean CREDENZA_MAX_WORKERS?"); n != 1 {
		t.Errorf("%d warnings after %v: %s", n, time.Second, p.log)
	}
	for line := range strings.Lines(p.log.String()) {
		if !strings.HasPrefix(line, "{") {
			t.Errorf("a line of the log is not JSON: %s", line)
		}
	}
}

func TestWrongSettings_AreAllShown(t *testing.T) {
	t.Setenv("CREDENZA_JOBS_KEEP", "0s")
	t.Setenv("CREDENZA_INSECURE", "perhaps")
	path := write(t, "c.yaml", "max_workers: many\nmax_wrkers: 3\ntext_batch_size: 0\nbackend: magic\nflush_delay: soon\nqueue_limit: none\ntls_cert: x\n")
	got := credenzaWith(t, "", "serve", "--config", path, "--queue-limit=7", "--tls-key=y")
	want := []string{
		path + `:1: max_workers is "many": give a whole number`, path + `:2: unknown setting "max_wrkers": did you mean "max_workers"?`,
		path + ":3: text_batch_size is 0", path + `:4: backend is "magic"`, path + `:5: flush_delay is "soon": give a time with its unit`,
		"CREDENZA_JOBS_KEEP is 0s", "CREDENZA_INSECURE is \"perhaps\": give true or false",
	}
	for _, line := range want {
		if strings.Count(got.err, "credenza: "+line) != 1 {
			t.Errorf("no line %q", line)
		}
	}
	if lines := strings.Count(got.err, "\n"); got.code != exitFailed || lines != len(want) {
		t.Errorf("got exit code %d and %d lines:\n%s", got.code, lines, got.err)
	}
	got = credenzaWith(t, "", "serve", "--config", write(t, "d.yaml", "text_batch_size: 0\nreview_below: 2\n"), "--image-batch-size=0")
	if lines := strings.Count(got.err, "\n"); got.code != exitFailed || lines != 4 { // and those of the environment
		t.Errorf("got exit code %d and\n%s", got.code, got.err)
	}
}
