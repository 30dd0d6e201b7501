package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/auth"
)

// mayClassify reports what the file says of a token.
func mayClassify(t *testing.T, path, token string) error {
	t.Helper()
	authority, err := auth.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return authority.Identify(auth.Call{Authorization: []string{"Bearer " + token}}).May("credenza.v1.ClassificationService")
}

func TestTokenFile_IsEdited(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	tokens := func(command string, args ...string) outcome {
		t.Helper()
		return credenzaWith(t, "", append([]string{"tokens", command, "--token-file", path}, args...)...)
	}
	added := tokens("add", "shop", "--expires", "2999-01-31", "--cap", "items_per_day=1000", "--cap", "jobs=none")
	added.expect(t, exitOK, "cannot be shown again")
	token := strings.TrimSpace(added.out)
	if err := mayClassify(t, path, token); err != nil || len(token) < 40 {
		t.Errorf("the token %q: %v", token, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	stored, _ := os.ReadFile(path)
	if strings.Contains(string(stored), token) {
		t.Error("the file has the token itself")
	}
	tokens("add", "shop").expect(t, exitFailed, `there is a caller "shop": revoke it first`)
	tokens("add", "a b").expect(t, exitFailed, "name: use up to 64 letters")
	tokens("add", "x", "--cap", "colours=1").expect(t, exitFailed, `there is no cap "colours"`)
	tokens("add", "x", "--cap", "jobs=0").expect(t, exitFailed, "jobs: a number from 1")
	if now, _ := os.ReadFile(path); string(now) != string(stored) {
		t.Errorf("a refused command changed the file:\n%s", now)
	}
	tokens("add", "ops", "--scopes", "classify,operate").expect(t, exitOK, "")
	listed := tokens("list")
	listed.expect(t, exitOK, "")
	for _, want := range []string{"shop", "2999-01-31T00:00:00Z", "items_per_day=1000", "ops", "classify, operate", "never"} {
		if !strings.Contains(listed.out, want) {
			t.Errorf("%q is not in the list:\n%s", want, listed.out)
		}
	}
	tokens("revoke", "shop").expect(t, exitOK, "")
	tokens("revoke", "other").expect(t, exitFailed, `there is no caller "other"`)
	if err := mayClassify(t, path, token); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("a revoked token: %v", err)
	}
	if listed := tokens("list"); !strings.Contains(listed.out, "expired ") {
		t.Errorf("the list says nothing of a revoked token:\n%s", listed.out)
	}
	again := strings.TrimSpace(tokens("add", "shop").out)
	if err := mayClassify(t, path, again); err != nil || again == token {
		t.Errorf("a new token of a revoked caller: %v", err)
	}
	if err := mayClassify(t, path, token); err == nil {
		t.Error("the revoked token counts again")
	}
}

func TestTokenFile_KeepsCommentsAndLinks(t *testing.T) {
	folder := t.TempDir()
	path, link := filepath.Join(folder, "tokens.yaml"), filepath.Join(folder, "link.yaml")
	text := "# Ours\ncaps: {jobs: 4} # of all\ncallers:\n  # The first.\n  - {name: a, sha256: " + strings.Repeat("ab", 32) + ", scopes: [classify]}\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	credenzaWith(t, "", "tokens", "add", "b", "--token-file", link).expect(t, exitOK, "")
	now, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# Ours", "# of all", "# The first.", "name: a", "name: b"} {
		if !strings.Contains(string(now), want) {
			t.Errorf("%q is gone:\n%s", want, now)
		}
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v", err)
	}
}
