package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// shownAlternatives is a line of JSON with its alternatives.
type shownAlternatives struct {
	Category     string
	Confidence   float64
	Alternatives []credenza.Alternative
}

func TestClassifyJSON_HasTheAlternatives(t *testing.T) {
	_, model := testkit.ServeSimTCP(t, llmsim.Config{})
	for source, args := range map[string]string{
		"offline":  "",
		"logprobs": "--openai-api-key=sk-test --openai-base-url=" + model,
	} {
		t.Run(source, func(t *testing.T) {
			got := credenzaWith(t, "name\nBench or coffee table\n", append([]string{"classify", "-"}, strings.Fields(args)...)...)
			got.expect(t, exitOK, "")
			var line shownAlternatives
			if err := json.Unmarshal([]byte(got.out), &line); err != nil {
				t.Fatal(err)
			}
			found := false
			for _, a := range line.Alternatives {
				found = found || a == credenza.Alternative{Category: line.Category, Probability: line.Confidence}
			}
			if len(line.Alternatives) < 2 || !found {
				t.Errorf("got %s", got.out)
			}
		})
	}
}

func TestClassify_KeepsTheAlternativesOfEarlierRows(t *testing.T) {
	in, out := write(t, "in.csv", "name\nBench or coffee table\n"), filepath.Join(t.TempDir(), "out.jsonl")
	credenzaWith(t, "", "classify", in, "--out", out).expect(t, exitOK, "")
	before := content(t, out)
	credenzaWith(t, "", "classify", in, "--out", out, "--only-failed").expect(t, exitOK, "1 kept")
	if diff := cmp.Diff(before, content(t, out)); diff != "" || !strings.Contains(before, `"alternatives":[{"category":"BENCH","probability":0.9`) {
		t.Errorf("%s%s", diff, before)
	}
}

func TestClassifyCSV_HasTheAlternativesIfAsked(t *testing.T) {
	got := credenzaWith(t, "name\nBench or coffee table\n", "classify", "-", "--output=csv", "--trace")
	got.expect(t, exitOK, "")
	if rows := records(t, got.out); !strings.HasPrefix(rows[1][len(rows[1])-1], "BENCH 0.9") || !strings.Contains(rows[1][len(rows[1])-1], ", TABLE 0.") {
		t.Errorf("got %q", rows[1])
	}
}
