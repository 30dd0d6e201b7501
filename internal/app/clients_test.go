//go:build clients

package app_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

const (
	catalogue = "../../examples/catalogue.csv"
	clients   = "../../examples/clients/"
)

// serve returns the HTTP address of a service with a simulated model.
func serve(t *testing.T) string {
	t.Helper()
	return "http://" + serveSim(t).HTTPAddr()
}

// serveSim starts the service with a simulated model.
func serveSim(t *testing.T) *app.App {
	t.Helper()
	_, model := testkit.ServeSim(t, llmsim.Config{Seed: 1, Latency: llmsim.Latency{Median: 20 * time.Millisecond, Sigma: 0.5}})
	a, err := app.Start(t.Context(), settings(t, "--openai-base-url="+model.URL, "--openai-api-key=sk-0123456789secret"),
		app.Options{LogTo: &buffer{}, Model: model.Client.Transport, Data: app.DataNone})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := a.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return a
}

// runClient runs a client, which prints a result on each line.
func runClient(t *testing.T, program string, args ...string) (results []map[string]any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, &stderr)
	}
	for line := range bytes.Lines(out) {
		var result map[string]any
		if err := json.Unmarshal(line, &result); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		results = append(results, result)
	}
	return results
}

// need fails the test if a program is missing.
func need(t *testing.T, advice, program string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s (%v %s)", advice, err, out)
	}
}

func records(t *testing.T) (header []string, rows [][]string) {
	t.Helper()
	file, err := os.Open(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	all, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all[0], all[1:]
}

func checkResults(t *testing.T, results []map[string]any, rows int) {
	t.Helper()
	if len(results) != rows {
		t.Fatalf("%d results for %d rows", len(results), rows)
	}
	for i, r := range results {
		for _, key := range []string{"product_name", "category", "primary_style", "secondary_style", "style_tags", "placement_tags", "confidence", "reasoning"} {
			if _, ok := r[key]; !ok || r["category"] == "ERROR" {
				t.Errorf("result %d: %v", i, r)
			}
		}
	}
}

func TestClientOfTheCompatibleEndpoint(t *testing.T) {
	need(t, "python3 is missing: install it (apt-get install python3)", "python3", "--version")
	need(t, "Python's requests is missing: install it (python3 -m pip install requests)", "python3", "-c", "import requests")
	_, rows := records(t)
	checkResults(t, runClient(t, "python3", clients+"compatible.py", serve(t), catalogue), len(rows))
}

// products writes the catalogue as a list of objects, for the clients that use an SDK.
func products(t *testing.T) (path string, rows int) {
	t.Helper()
	header, all := records(t)
	list := make([]map[string]any, len(all))
	for i, row := range all {
		list[i] = map[string]any{}
		for j, key := range header {
			if list[i][key] = row[j]; row[j] == "" {
				list[i][key] = nil
			}
		}
	}
	text, err := json.Marshal(list)
	path = filepath.Join(t.TempDir(), "products.json")
	if err = errors.Join(err, os.WriteFile(path, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	return path, len(all)
}

func TestClientInPython(t *testing.T) {
	python := cmp.Or(os.Getenv("CREDENZA_PYTHON"), "python3")
	t.Setenv("PYTHONPATH", "../../sdk/python/src")
	need(t, "the SDK's dependencies are missing: make test-clients installs them", python, "-c", "import credenza")
	path, rows := products(t)
	seen := map[any]bool{}
	for _, r := range runClient(t, python, clients+"classify.py", serveSim(t).GRPCAddr(), path) {
		if seen[r["index"]] = true; r["product"] == "" || r["category"] == "" || r["error"] != nil {
			t.Errorf("result %v", r)
		}
	}
	if len(seen) != rows {
		t.Errorf("results of %d rows out of %d", len(seen), rows)
	}
}

func TestClientInNode(t *testing.T) {
	need(t, "node is missing: install Node 20 or later (apt-get install nodejs)", "node", "-e", "fetch")
	need(t, "the SDK is not installed for the examples: make test-clients does it", "node", "-e", "fs.statSync('"+clients+"node_modules/credenza/dist/node.js')")
	path, rows := products(t)
	seen := map[any]bool{}
	for _, r := range runClient(t, "node", clients+"classify.mjs", serve(t), path) {
		classification, _ := r["classification"].(map[string]any)
		if seen[r["index"]] = true; r["ok"] != true || r["productName"] == "" || classification["category"] == "" {
			t.Errorf("result %v", r)
		}
	}
	if len(seen) != rows {
		t.Errorf("results of %d rows out of %d", len(seen), rows)
	}
}

// It is told what is wrong with a request, in the body of the answer.
func TestClientOfTheCompatibleEndpoint_HearsWhatIsWrong(t *testing.T) {
	url := serve(t)
	empty := filepath.Join(t.TempDir(), "empty.csv")
	if err := os.WriteFile(empty, []byte("name\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "python3", clients+"compatible.py", url, empty).CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("400")) || !bytes.Contains(out, []byte("No data provided")) {
		t.Errorf("%v, %s", err, out)
	}
	http.DefaultClient.CloseIdleConnections()
}
