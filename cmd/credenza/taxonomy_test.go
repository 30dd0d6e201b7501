package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/taxonomy"
)

func TestTaxonomyShow(t *testing.T) {
	got := credenzaWith(t, "", "taxonomy", "show")
	got.expect(t, exitOK, "")
	for _, name := range []string{"SOFA", "NIGHTSTAND", "OTHER", "JAPANDI", "SHABBY_CHIC", "13 categories, 7 styles"} {
		if !strings.Contains(got.out, name) {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestTaxonomyYAMLIsAFileToBeginWith(t *testing.T) {
	shown := credenzaWith(t, "", "taxonomy", "show", "--yaml")
	shown.expect(t, exitOK, "")
	builtin, err := taxonomy.Load("")
	if err != nil {
		t.Fatal(err)
	}
	got := credenzaWith(t, "", "taxonomy", "check", write(t, "own.yaml", shown.out))
	got.expect(t, exitOK, "")
	if !strings.Contains(got.out, "is valid: 13 categories, 7 styles, version "+builtin.Version) {
		t.Errorf("got %s", got.out)
	}
}

func TestTaxonomyInit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "own.yaml")
	credenzaWith(t, "", "taxonomy", "init", "--out", path).expect(t, exitOK, "")
	written, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(written, taxonomy.Template()) {
		t.Errorf("the file holds %q: %v", written, err)
	}
	if got := credenzaWith(t, "", "taxonomy", "check", path); got.code != exitOK || !strings.Contains(got.out, "3 categories, 0 styles") {
		t.Errorf("the file is not valid as it is: %+v", got)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	credenzaWith(t, "", "taxonomy", "init", "--out", path).expect(t, exitFailed, "own.yaml exists already and is not overwritten")
	if kept, err := os.ReadFile(path); err != nil || string(kept) != "mine" {
		t.Errorf("the file was overwritten with %q: %v", kept, err)
	}
	if got := credenzaWith(t, "", "taxonomy", "init", "--out", "-"); got.out != string(taxonomy.Template()) {
		t.Errorf("standard output is %q", got.out)
	}
}

func TestTaxonomyShow_NoStyles(t *testing.T) {
	got := credenzaWith(t, "", "taxonomy", "show", write(t, "own.yaml", "categories:\n  - name: SHOES\n  - name: BAGS\n"))
	got.expect(t, exitOK, "")
	if !strings.Contains(got.out, "2 categories, 0 styles") || !strings.Contains(got.out, "SHOES") || strings.Contains(got.out, "STYLE\n") || strings.Contains(got.out, "WHAT MAKES IT") {
		t.Errorf("shown: %s", got.out)
	}
}

// TestTaxonomyOfNamesOnly classifies and evaluates with a minimal file.
func TestTaxonomyOfNamesOnly(t *testing.T) {
	own := write(t, "own.yaml", "categories:\n  - name: SHOES\n  - name: BAGS\n")
	items := write(t, "items.csv", "name,label\nRed shoes,SHOES\nLeather bag,BAGS\n")
	for _, format := range []string{"table", "csv", "jsonl"} {
		got := credenzaWith(t, "", "classify", items, "--backend", "offline", "--taxonomy", own, "--output", format)
		got.expect(t, exitOK, "")
		if !strings.Contains(got.out, "SHOES") || !strings.Contains(got.out, "BAGS") {
			t.Errorf("%s: %s", format, got.out)
		}
	}
	got := credenzaWith(t, "", "eval", items, "--backend", "offline", "--taxonomy", own)
	got.expect(t, exitOK, "")
	if !strings.Contains(got.out, "(2 of 2)") {
		t.Errorf("evaluated: %s", got.out)
	}
}

func TestTaxonomyCheck_ReportsEveryProblem(t *testing.T) {
	path := write(t, "own.yaml", "version: 1\nunknown: 2\ncategories: []\n")
	got := credenzaWith(t, "", "taxonomy", "check", path)
	got.expect(t, exitFailed, "credenza: own.yaml:2:")
	if strings.Count(got.err, "\n") < 2 || got.out != "" {
		t.Errorf("got %q and %q", got.err, got.out)
	}
}

func TestTaxonomyFromTheSettingsFile(t *testing.T) {
	own := strings.Replace(string(taxonomy.Builtin()), "name: SOFA", "name: COUCH", 1)
	settings := write(t, "credenza.yaml", "taxonomy: "+write(t, "own.yaml", own)+"\nmax_workers: 3\n")
	expect := func(args ...string) {
		t.Helper()
		got := credenzaWith(t, "", append([]string{"taxonomy", "show"}, args...)...)
		got.expect(t, exitOK, "")
		if !strings.Contains(got.out, "COUCH") {
			t.Errorf("%v: the taxonomy in force is not shown: %s", args, got.out)
		}
	}
	expect("--config", settings)
	t.Setenv("CREDENZA_CONFIG", settings)
	expect()
	t.Setenv("CREDENZA_TAXONOMY", "")
	expect()
	got := credenzaWith(t, "", "taxonomy", "check")
	got.expect(t, exitOK, "")
	if !strings.HasPrefix(got.out, "/") {
		t.Errorf("the file's name is missing: %s", got.out)
	}
	credenzaWith(t, "", "taxonomy", "check", "/nowhere.yaml").expect(t, exitFailed, "/nowhere.yaml cannot be read")
}

func TestTaxonomyFromTheEnvironment(t *testing.T) {
	t.Setenv("CREDENZA_TAXONOMY", "/nowhere.yaml")
	credenzaWith(t, "", "taxonomy", "check").expect(t, exitFailed, "/nowhere.yaml cannot be read")
}
