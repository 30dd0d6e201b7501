package app_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

func TestADataFolderServesOneProcess(t *testing.T) {
	dir := "--data-dir=" + t.TempDir()
	_, end := replica(t, &buffer{}, dir)
	defer end()
	_, err := app.Start(t.Context(), settings(t, dir), app.Options{LogTo: &buffer{}})
	if err == nil || !strings.Contains(err.Error(), "another process uses the data folder") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

func TestInProcessLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	_, done, err := app.InProcess(t.Context(), settings(t, "--nats-url=nats://127.0.0.1:1"), &buffer{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if during, err := os.ReadDir(dir); err != nil || len(during) != 1 {
		t.Errorf("the temporary folder holds %v, %v", during, err)
	}
	if err := done(); err != nil {
		t.Error(err)
	}
	if after, err := os.ReadDir(dir); err != nil || len(after) != 0 {
		t.Errorf("it left %v, %v", after, err)
	}
}

func TestInProcessLeavesJobsInTheDataFolderAlone(t *testing.T) {
	model := []string{"--openai-base-url=http://127.0.0.1:1/v1", "--openai-api-key=sk-0123456789secret"}
	client, done, err := app.InProcess(t.Context(), settings(t, append(model, "--data-dir="+t.TempDir())...), &buffer{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	_, err = client.Job(t.Context(), "any")
	if call, ok := errors.AsType[*credenza.Error](err); !ok || call.Code != "UNIMPLEMENTED" {
		t.Errorf("got %v", err)
	}
}

func TestAStartThatFailsLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	missing := "--token-file=" + filepath.Join(t.TempDir(), "missing")
	if _, err := app.Start(t.Context(), settings(t, missing), app.Options{LogTo: &buffer{}, Data: app.DataTemporary}); err == nil {
		t.Fatal("it started")
	}
	if after, err := os.ReadDir(dir); err != nil || len(after) != 0 {
		t.Errorf("it left %v, %v", after, err)
	}
}

func TestAddressesOfNATSKeepTheirPasswords(t *testing.T) {
	c := settings(t, "--nats-url=nats://user:secret@a.test:4222,tls://token@b.test")
	if got := fmt.Sprintf("%+v %v %s", c, c.NATSURL, c.NATSURL); strings.Contains(got, "secret") || strings.Contains(got, "token@") {
		t.Errorf("printed: %s", got)
	}
	for _, url := range []string{"http://user:secret@a.test", "user:secret@a.test", "nats://a.test,nats://user:sec%ret@b.test"} {
		if _, err := parse("--nats-url=" + url); err == nil || !strings.HasPrefix(err.Error(), "nats-url: ") || strings.Contains(err.Error(), "sec") {
			t.Errorf("got %v", err)
		}
	}
}
