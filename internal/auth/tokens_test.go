package auth_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/auth"
)

func hashOf(token string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(token))) }

func TestBadTokenFiles(t *testing.T) {
	hash := hashOf("x")
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", "t.yaml: no caller"},
		{"empty list", "[]", "t.yaml: no caller"},
		{"no YAML", "- {name: a\n- b: [", "not YAML at line"},
		{"no list", "name: a", "t.yaml:1: the caller has no sha256"},
		{"no mapping", "- shop", "t.yaml:1: a caller is expected"},
		{"plain token", "- name: a\n  token: hunter2\n  scopes: [classify]", "t.yaml:2: tokens are not kept in plain text: give sha256, the result of: printf %s TOKEN | sha256sum"},
		{"unknown key", "- name: a\n  colour: hunter2", "t.yaml:2: unknown key"},
		{"key twice", "- name: a\n  name: b", "t.yaml:2: a second name"},
		{"plain token as hash", "- name: a\n  sha256: hunter2\n  scopes: [classify]", "t.yaml:2: sha256: 64 hexadecimal digits"},
		{"short hash", "- name: a\n  sha256: " + hash[2:] + "\n  scopes: [classify]", "t.yaml:2: sha256: 64"},
		{"hash of nothing", "- name: a\n  sha256: " + hashOf("") + "\n  scopes: [classify]", "t.yaml:2: sha256: this is the hash of nothing"},
		{"bad name", "- name: a b\n  sha256: " + hash + "\n  scopes: [classify]", "t.yaml:1: name:"},
		{"no name", "- sha256: " + hash + "\n  scopes: [classify]", "t.yaml:1: the caller has no name"},
		{"no scopes", "- name: a\n  sha256: " + hash, "t.yaml:1: the caller has no scopes"},
		{"empty scopes", "- name: a\n  sha256: " + hash + "\n  scopes: []", "t.yaml:3: scopes: a list is expected"},
		{"scopes no list", "- name: a\n  sha256: " + hash + "\n  scopes: classify", "t.yaml:3: scopes: a list is expected"},
		{"unknown scope", "- name: a\n  sha256: " + hash + "\n  scopes: [classify, hunter2]", "t.yaml:3: scopes: unknown entry in line 3"},
		{"no time", "- name: a\n  expires: hunter2", "t.yaml:2: expires: a time such as"},
		{"unknown cap", "- name: a\n  caps: {hunter2: 1}", "t.yaml:2: caps: name unknown or given twice in line 2: the caps are items_in_flight, items_per_minute"},
		{"cap twice", "- name: a\n  caps: {jobs: 1, jobs: 2}", "t.yaml:2: caps: name unknown or given twice"},
		{"cap of nothing", "- name: a\n  caps: {jobs: 0}", "t.yaml:2: caps: jobs: a number from 1 to 1000000000000000 is expected, or none"},
		{"caps no mapping", "- name: a\n  caps: 12", "t.yaml:2: caps: names and numbers are expected"},
		{"caps of all", "caps: {jobs: many}\ncallers: []", "t.yaml:1: caps: jobs: a number"},
		{"another key of all", "hunter2: 1\ncallers: []", "t.yaml:1: unknown key: a token file has caps and callers"},
		{"callers twice", "callers: []\ncaps: {}\ncallers: []", "t.yaml:3: a second list of callers"},
		{"caps of all twice", "caps: {jobs: 1}\ncaps: {}\ncallers: []", "t.yaml:2: second caps of all"},
		{"no callers", "callers: []", "t.yaml: no caller"},
		{
			"name twice", "- {name: a, sha256: " + hash + ", scopes: [classify]}\n- {name: a, sha256: " + hashOf("y") + ", scopes: [classify]}",
			`t.yaml:2: the name "a" is taken by line 1`,
		},
		{
			"token twice", "- {name: a, sha256: " + hash + ", scopes: [classify]}\n- {name: b, sha256: " + strings.ToUpper(hash) + ", scopes: [classify]}",
			`t.yaml:2: the token of "b" is that of "a" as well`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := auth.ParseTokens("t.yaml", []byte(tc.text))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if said := err.Error(); strings.Contains(said, "\n") || strings.Contains(said, "hunter2") || strings.Contains(said, hash[:10]) {
				t.Errorf("the error has a secret or a second line: %q", said)
			}
		})
	}
}

func TestLoadTokens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	if _, err := auth.LoadTokens(path); err == nil {
		t.Error("a file that is not there was read")
	}
	if err := os.WriteFile(path, []byte("- {name: a, sha256: "+hashOf("x")+", scopes: [operate]}"), 0o600); err != nil {
		t.Fatal(err)
	}
	tokens, err := auth.LoadTokens(path)
	if err != nil || tokens.String() != "tokens of a" {
		t.Errorf("got %v, %v", tokens, err)
	}
}

func TestCaps_OfEachCaller(t *testing.T) {
	tokens, err := auth.ParseTokens("t.yaml", fmt.Appendf(nil, `
caps: {items_per_day: 1000, jobs: 2}
callers:
  - {name: usual, sha256: %s, scopes: [classify]}
  - {name: large, sha256: %s, scopes: [classify], caps: {items_per_day: none, jobs: 9, job_bytes: 5}}
`, hashOf("x"), hashOf("y")))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"usual": "[0 0 1000 0 2 0]", "large": "[0 0 0 0 9 5]", "no name": "[0 0 0 0 0 0]", "gone": "[0 0 1000 0 2 0]",
	} {
		caps, named := auth.New(tokens).Caps(name)
		if got := fmt.Sprint(caps); got != want || named == (name == "no name") {
			t.Errorf("%s, named %v, has %s, want %s", name, named, got, want)
		}
	}
}

func FuzzParseTokens(f *testing.F) {
	f.Add("- {name: a, sha256: " + hashOf("x") + ", scopes: [classify]}")
	f.Add("- name: a\n  sha256: &h abc\n  scopes: *h")
	f.Add("- - - a")
	f.Add("caps: {jobs: none}\ncallers: [{expires: 2027-01-31}]")
	f.Add("? [a]\n: b")
	f.Add("---\n...\n---\n")
	f.Fuzz(func(t *testing.T, text string) {
		tokens, err := auth.ParseTokens("t.yaml", []byte(text))
		if err == nil && tokens.String() == "tokens of " {
			t.Error("no caller, and no error")
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than one line: %q", err)
		}
	})
}

// The parser takes many times a file's bytes, so that one put there by mistake could take all memory.
func TestReload_OfAFileThatIsTooLargeKeepsTheTokens(t *testing.T) {
	path, entry := filepath.Join(t.TempDir(), "t.yaml"), "- {name: shop, sha256: "+hashOf("x")+", scopes: [classify]}\n"
	if err := os.WriteFile(path, []byte(entry), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := auth.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(entry+strings.Repeat("#", 8<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	const says = "t.yaml has more than 8 MiB: leave out callers that are not used"
	if changed, err := a.Reload(); !changed || err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v, %v, want %q", changed, err, says)
	}
	if changed, err := a.Reload(); changed || err != nil {
		t.Errorf("the same file again: %v, %v", changed, err)
	}
	if _, err := auth.Open(path); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("at the start: %v", err)
	}
	if err := a.Identify(auth.Call{Authorization: []string{"Bearer x"}}).May("credenza.v1.ClassificationService"); err != nil {
		t.Errorf("the earlier token: %v", err)
	}
}
