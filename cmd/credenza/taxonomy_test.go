package main

import (
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
	if !strings.Contains(got.out, "is sound: 13 categories, 7 styles, version "+builtin.Version) {
		t.Errorf("got %s", got.out)
	}
}

func TestTaxonomyCheckTellsEveryProblem(t *testing.T) {
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
		t.Errorf("the file's name is not told: %s", got.out)
	}
	credenzaWith(t, "", "taxonomy", "check", "/nowhere.yaml").expect(t, exitFailed, "/nowhere.yaml cannot be read")
}

func TestTaxonomyFromTheEnvironment(t *testing.T) {
	t.Setenv("CREDENZA_TAXONOMY", "/nowhere.yaml")
	credenzaWith(t, "", "taxonomy", "check").expect(t, exitFailed, "/nowhere.yaml cannot be read")
}
