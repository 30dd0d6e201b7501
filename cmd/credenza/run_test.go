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
		"no command":          {nil, exitUsage, "credenza: expected one of"},
		"unknown command":     {[]string{"clasify"}, exitUsage, "credenza: unexpected argument clasify"},
		"unknown flag":        {[]string{"serve", "--nope"}, exitUsage, "credenza: unknown flag --nope"},
		"bad value":           {[]string{"serve", "--max-workers=many"}, exitUsage, "--max-workers"},
		"bad choice":          {[]string{"classify", "-", "--mode=smell"}, exitUsage, "--mode must be one of"},
		"no file":             {[]string{"classify"}, exitUsage, "expected \"<file>\""},
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

func TestHelpAndVersion(t *testing.T) {
	got := credenzaWith(t, "", "--version")
	got.expect(t, exitOK, "")
	if !strings.HasPrefix(got.out, "credenza ") {
		t.Errorf("got %q", got.out)
	}
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"classify", "--help"}, {"eval", "--help"}, {"demo", "--help"}} {
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

func TestServeUntilToldToStop(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	log := &lines{seen: map[string]func(){"\"serving\"": cancel}}
	code := run(ctx, []string{"serve", "--grpc-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0"}, streams{err: log})
	if code != exitOK || !strings.Contains(log.all.String(), "gone down") {
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
