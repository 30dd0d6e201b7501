package app_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

func TestTemporaryFolders_OfKilledProcessesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	start := func() string {
		t.Helper()
		before := names(t, dir)
		a, err := app.Start(t.Context(), settings(t), app.Options{LogTo: &buffer{}, Data: app.DataTemporary})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = a.Close(context.Background()) })
		for name := range names(t, dir) {
			if !before[name] {
				return name
			}
		}
		t.Fatal("it has no temporary folder")
		return ""
	}
	alive := start()
	for name, lock := range map[string]string{"credenza-data-killed": "owner.lock", "credenza-data-new": "owner.lock", "credenza-data-others": "notes"} {
		place(t, filepath.Join(dir, name, lock), "")
		place(t, filepath.Join(dir, name, "data", "uploads", "a.data"), "name\nOak chair\n")
	}
	old := time.Now().Add(-time.Hour)
	for _, name := range []string{alive, "credenza-data-killed", "credenza-data-others"} {
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	second := start()
	want := map[string]bool{alive: true, second: true, "credenza-data-new": true, "credenza-data-others": true}
	if diff := cmp.Diff(want, names(t, dir)); diff != "" {
		t.Errorf("the temporary folder has other ones (-want +got):\n%s", diff)
	}
}

// names returns what is in a folder.
func names(t *testing.T, dir string) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, entry := range entries {
		found[entry.Name()] = true
	}
	return found
}

// place writes a file, and makes its folders.
func place(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
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
