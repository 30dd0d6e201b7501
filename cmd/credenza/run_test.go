package main

import (
	"context"
	"net"
	"strings"
	"testing"
)

func TestUsage(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code int
		err  string
	}{
		"unknown command":     {[]string{"clasify"}, exitUsage, "credenza: unexpected argument clasify"},
		"unknown flag":        {[]string{"serve", "--nope"}, exitUsage, "credenza: unknown flag --nope: see credenza serve --help"},
		"bad value":           {[]string{"serve", "--max-workers=many"}, exitUsage, "--max-workers"},
		"bad choice":          {[]string{"classify", "-", "--mode=smell"}, exitUsage, "--mode must be one of auto, text or image, not \"smell\": see credenza classify --help"},
		"negative":            {[]string{"classify", "-", "--batch-size", "-1"}, exitUsage, "credenza: --batch-size is -1: give no negative number: see"},
		"negative, as one":    {[]string{"classify", "-", "--batch-size=-1"}, exitUsage, "--batch-size is -1: give a number from 1 to 1000"},
		"a time without unit": {[]string{"classify", "-", "--item-timeout=5"}, exitUsage, "--item-timeout is \"5\": give a time with its unit, such as 30s or 5m: see"},
		"no whole number":     {[]string{"classify", "-", "--limit=1.5"}, exitUsage, "--limit is \"1.5\": give a whole number: see"},
		"no number":           {[]string{"serve", "--bulk-share=half"}, exitUsage, "--bulk-share is \"half\": give a number, such as 0.5: see"},
		"two that exclude":    {[]string{"classify", "-", "--limit=1", "--sample=1"}, exitUsage, "credenza: --limit and --sample exclude each other"},
		"an unknown ending":   {[]string{"classify", "-", "--out=results.pdf"}, exitUsage, "credenza: --out has an ending that names no format: give --output csv"},
		"large":               {[]string{"eval", "-", "--batch-size=1001"}, exitUsage, "--batch-size is 1001: give a number from 1 to 1000"},
		"in process":          {[]string{"classify", "/nowhere.csv", "--text-batch-size=0"}, exitUsage, "text-batch-size is 0: give a number"},
		"negative time":       {[]string{"eval", "-", "--item-timeout=-1s"}, exitUsage, "--item-timeout is -1s: give a time up to 24h"},
		"no file":             {[]string{"classify"}, exitUsage, "expected \"<file>\": see credenza classify --help"},
		"missing file":        {[]string{"classify", "/nowhere.csv"}, exitFailed, "credenza: the file cannot be read: open /nowhere.csv: no such file"},
		"a folder":            {[]string{"classify", "/"}, exitFailed, "is a folder"},
		"missing taxonomy":    {[]string{"taxonomy", "check", "/nowhere.yaml"}, exitFailed, "credenza: the taxonomy file /nowhere.yaml cannot be read"},
		"missing settings":    {[]string{"serve", "--config=/nowhere.yaml"}, exitFailed, "/nowhere.yaml"},
		"out of bounds":       {[]string{"serve", "--text-batch-size=0"}, exitUsage, "text-batch-size is 0"},
		"an address in plain": {[]string{"serve", "--grpc-addr=0.0.0.0:0"}, exitFailed, "credenza: grpc-addr"},
		"a bad certificate":   {[]string{"serve", "--tls-cert=/nowhere", "--tls-key=/nowhere"}, exitFailed, "/nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			got := credenzaWith(t, "", c.args...)
			got.expect(t, c.code, c.err)
			if lines := strings.Count(got.err, "\n"); lines != 1 || got.out != "" {
				t.Errorf("want one line on standard error alone, got %q and %q", got.err, got.out)
			}
		})
	}
}

func TestUnknownSettingInTheFile(t *testing.T) {
	path := write(t, "c.yaml", "text_batch_size: 5\nmax_wrkers: 3\n")
	got := credenzaWith(t, "", "serve", "--config", path)
	got.expect(t, exitFailed, "credenza: "+path+":2: unknown setting \"max_wrkers\"")
}

func TestWrongSettingsStopTheStart(t *testing.T) {
	for name, c := range map[string]struct{ file, variable, want string }{
		"file, no number":         {"# mine\nmax_workers: many\n", "", `FILE:2: max_workers is "many": give a whole number`},
		"file, out of range":      {"max_workers: -1\n", "", "FILE:1: max_workers is -1: give a number from 0 to 4096"},
		"file, no choice":         {"\nlog_level: loud\n", "", "FILE:2: log_level is \"loud\": give one of"},
		"file, no switch":         {"insecure: perhaps\n", "", "FILE:1: insecure is \"perhaps\": give true or false"},
		"file, found by a part":   {"http_addr: 0.0.0.0:0\n", "", "FILE:1: http_addr: "},
		"file, two that belong":   {"tls_cert: x\n", "", "FILE:1: tls_cert and tls_key go together"},
		"file, unknown":           {"\nmax_wrkers: 3\n", "", "FILE:2: unknown setting \"max_wrkers\""},
		"file, two documents":     {"max_workers: 1\n---\ninsecure: true\n", "", "FILE:2: a second YAML document begins here"},
		"variable, no number":     {"", "CREDENZA_MAX_WORKERS=many", `CREDENZA_MAX_WORKERS is "many": give a whole number`},
		"variable, out of range":  {"max_workers: 2", "CREDENZA_MAX_WORKERS=-1", "CREDENZA_MAX_WORKERS is -1: give a number from 0 to 4096"},
		"variable, not the key's": {"", "CREDENZA_BACKEND=openai", "CREDENZA_BACKEND is openai, but there is neither a key"},
		"variable, with another":  {"", "CREDENZA_TLS_CERT=a.pem", "CREDENZA_TLS_CERT and --tls-key go together: give both or neither"},
		"variable, config":        {"", "CREDENZA_CONFIG=/nowhere.yaml", "the settings file cannot be read: open /nowhere.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"serve", "--grpc-addr=127.0.0.1:0"}
			path := write(t, "c.yaml", c.file)
			if c.file != "" {
				args = append(args, "--config", path)
			}
			if variable, value, ok := strings.Cut(c.variable, "="); ok {
				t.Setenv(variable, value)
			}
			got := credenzaWith(t, "", args...)
			if want := "credenza: " + strings.ReplaceAll(c.want, "FILE", path); got.code != exitFailed || !strings.HasPrefix(got.err, want) {
				t.Errorf("got exit code %d and %q\nwant %q", got.code, got.err, want)
			}
			if strings.Count(got.err, "\n") != 1 || strings.Contains(got.err, "--help") {
				t.Errorf("want one line that does not blame the command line, got %q", got.err)
			}
		})
	}
}

func TestHelpAndVersion(t *testing.T) {
	got := credenzaWith(t, "", "--version")
	got.expect(t, exitOK, "")
	if !strings.HasPrefix(got.out, "credenza ") {
		t.Errorf("got %q", got.out)
	}
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"classify", "--help"}, {"eval", "--help"}, {"demo", "--help"}, {"jobs", "--help"}, {"jobs", "submit", "--help"}, {"jobs", "results", "--help"}} {
		got := credenzaWith(t, "", args...)
		got.expect(t, exitOK, "")
		if !strings.HasPrefix(got.out, "Usage: credenza") {
			t.Errorf("%v: got %q", args, got.out)
		}
	}
	if got := credenzaWith(t, "", "--help"); !strings.Contains(got.out, "130 interrupted") {
		t.Errorf("the exit codes are not in the help: %s", got.out)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	const secret = "sk-very-secret-indeed-9876"
	t.Setenv("OPENAI_API_KEY", secret)
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"serve", "--nope"}, {"serve", "--max-items=0"}, {"classify", "/"}} {
		if got := credenzaWith(t, "", args...); strings.Contains(got.out+got.err, secret) {
			t.Errorf("%v prints the key: %s%s", args, got.out, got.err)
		}
	}
}

func TestServe_UntilASignal(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	log := &lines{seen: map[string]func(){"\"serving\"": cancel}}
	code := run(ctx, []string{"serve", "--grpc-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0"}, streams{err: log})
	if code != exitOK || !strings.Contains(log.all.String(), `"msg":"stopped"`) {
		t.Errorf("got exit code %d and %s", code, log.all.String())
	}
}

func TestServeOnAPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	got := credenzaWith(t, "", "serve", "--grpc-addr", taken.Addr().String(), "--http-addr=127.0.0.1:0")
	got.expect(t, exitFailed, "credenza: cannot listen on "+taken.Addr().String())
}

// lines calls back when a text appears in what is written, once for each.
type lines struct {
	all  strings.Builder
	seen map[string]func()
}

func (l *lines) Write(p []byte) (int, error) {
	n, err := l.all.Write(p)
	for text, then := range l.seen {
		if strings.Contains(l.all.String(), text) {
			delete(l.seen, text)
			then()
		}
	}
	return n, err
}
