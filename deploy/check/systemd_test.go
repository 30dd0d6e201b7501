package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// exposure is the highest exposure that the unit may have, in tenths. What is left is the
// network, which the service needs.
const exposure = "12"

// TestUnit has systemd read the unit, and judge how much it may do.
func TestUnit(t *testing.T) {
	needs(t, "systemd-analyze", "systemd")
	unit := filepath.Join(t.TempDir(), "credenza.service")
	const installed = "/usr/local/bin/credenza"
	text := string(file(t, "systemd/credenza.service"))
	if !strings.Contains(text, "ExecStart="+installed+" serve") {
		t.Fatal("the unit starts another program")
	}
	text = strings.ReplaceAll(text, "ExecStart="+installed, "ExecStart="+program(t))
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := shell(t, "systemd-analyze", "verify", "--man=no", unit); strings.Contains(out, "credenza.service") {
		t.Errorf("systemd complains:\n%s", out)
	}
	out := shell(t, "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold="+exposure, unit)
	t.Log(strings.TrimSpace(out[strings.LastIndex(out, "→"):]))
}

// TestUnit_HasItsUser makes the user in a folder of its own.
func TestUnit_HasItsUser(t *testing.T) {
	needs(t, "systemd-sysusers", "systemd")
	needsRoot(t)
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	users, err := filepath.Abs("../systemd/credenza.sysusers.conf")
	if err != nil {
		t.Fatal(err)
	}
	shell(t, "systemd-sysusers", "--root="+root, users)
	made, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
	if err != nil || !strings.Contains(string(made), "credenza:") || !strings.Contains(string(file(t, "systemd/credenza.service")), "User=credenza") {
		t.Errorf("%v:\n%s", err, made)
	}
}
