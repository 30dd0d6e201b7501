package app_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/credenza-dev/credenza/internal/app"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// TestStart_LogsWhatRuns holds the first line to what an operator looks for in it, as
// JSON, since a file is no terminal.
func TestStart_LogsWhatRuns(t *testing.T) {
	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	a, err := app.Start(t.Context(), settings(t, "--data-dir="+filepath.Join(dir, "data")), app.Options{LogTo: file})
	if err != nil {
		t.Fatal(err)
	}
	addresses := []string{a.GRPCAddr(), a.HTTPAddr()}
	if err := a.Close(t.Context()); err != nil {
		t.Error(err)
	}
	line := map[string]any{}
	if err := json.Unmarshal([]byte(firstLine(t, file.Name())), &line); err != nil {
		t.Fatal(err)
	}
	delete(line, "ts")
	delete(line, "version")
	delete(line, "commit")
	delete(line, "memory_limit_mib") // of the machine
	want := map[string]any{
		"level": "info", "msg": "serving", "grpc": addresses[0], "http": addresses[1], "backend": "offline", "model": "lexicon",
		"data": filepath.Join(dir, "data"), "tls": false, "callers": "anyone",
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Error(diff)
	}
}

func TestLogFormat_ConsoleIsForPeople(t *testing.T) {
	log := &buffer{}
	a, err := app.Start(t.Context(), settings(t, "--log-format=console"), app.Options{LogTo: log, Data: app.DataNone})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(t.Context()); err != nil {
		t.Error(err)
	}
	first, _, _ := strings.Cut(log.String(), "\n")
	if fields := strings.Fields(first); len(fields) < 3 || fields[1] != "INFO" || fields[2] != "serving" {
		t.Errorf("the first line is %q", first)
	}
}

func firstLine(t *testing.T, path string) string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Scan()
	return lines.Text()
}

// A sample of the lines would leave out most of a burst of operating calls.
func TestAudit_HasEveryLine(t *testing.T) {
	log := &buffer{}
	a, err := app.Start(t.Context(), settings(t), app.Options{LogTo: log, Data: app.DataNone})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(a.GRPCAddr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	const calls = 1500
	for range calls {
		if _, err := credenzav1.NewOperationsServiceClient(conn).GetStatus(t.Context(), &credenzav1.GetStatusRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(conn.Close(), a.Close(t.Context())); err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "audit: operating call"); n != calls {
		t.Errorf("of %d calls, the log has %d", calls, n)
	}
}
