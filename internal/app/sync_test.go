package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSync(t *testing.T) {
	for flags, problem := range map[string]string{
		"":                                       "",
		"--sync=always":                          "",
		"--sync=10ms":                            "",
		"--sync=soon":                            "or always",
		"--sync=0s":                              "or always",
		"--sync=2h":                              "from 10ms to 1h",
		"--sync=-1s":                             "from 10ms to 1h",
		"--nats-url=nats://a":                    "",
		"--sync=always --nats-url=nats://a.test": "sync_interval",
		"--sync=1s --nats-url=nats://a.test":     "leave sync out",
	} {
		t.Run(flags, func(t *testing.T) {
			c, err := parse(strings.Fields(flags)...)
			if err == nil {
				err = c.Validate()
			}
			if problem == "" && err != nil || problem != "" && (err == nil || !strings.Contains(err.Error(), problem)) {
				t.Errorf("got %v, want %q", err, problem)
			}
		})
	}
	t.Run("in the environment", func(t *testing.T) {
		t.Setenv("CREDENZA_SYNC", "never")
		if _, err := parse(); err == nil || !strings.Contains(err.Error(), "or always") {
			t.Error(err)
		}
	})
	t.Run("in the file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "settings.yaml")
		if err := os.WriteFile(path, []byte("sync: never\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := parse("--config=" + path); err == nil || !strings.Contains(err.Error(), "or always") {
			t.Error(err)
		}
	})
}
