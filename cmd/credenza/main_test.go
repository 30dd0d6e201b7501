package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		limitFiles()
		main() // and no test
	}
	// What the machine has set must not decide what the tests find.
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "CREDENZA_") || strings.HasPrefix(name, "OPENAI_") || strings.HasSuffix(name, "_BATCH_SIZE") {
			if err := os.Unsetenv(name); err != nil {
				panic(err)
			}
		}
	}
	// Nor may they leave anything in the user's data folder.
	data, err := os.MkdirTemp("", "credenza-test-")
	if err != nil {
		panic(err)
	}
	if err := os.Setenv("XDG_DATA_HOME", data); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(data)
		os.Exit(code)
	}))
}

// outcome is what a command has left behind.
type outcome struct {
	code     int
	out, err string
}

// credenzaWith runs the command line with stdin.
func credenzaWith(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	var out, notes bytes.Buffer
	code := run(t.Context(), args, streams{in: strings.NewReader(stdin), out: &out, err: &notes})
	return outcome{code, out.String(), notes.String()}
}

func (o outcome) expect(t *testing.T, code int, errText string) {
	t.Helper()
	if o.code != code || !strings.Contains(o.err, errText) {
		t.Errorf("got exit code %d and %q\nwant %d and %q", o.code, o.err, code, errText)
	}
}

// write puts a file into a folder of the test's own.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
