//go:build clients

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// operated is a service that an operator's lines are run against.
type operated struct {
	program         *program
	grpc, web, pipe string // addresses
	dir             string // where the lines are run
}

// operate prepares a folder with the programs that the page names, and the settings of a
// service with a simulated model.
func operate(t *testing.T) *operated {
	t.Helper()
	for _, name := range []string{"bash", "curl", "grpcurl", "go"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%s is missing: `make test-clients` has grpcurl in .bin on its PATH (%v)", name, err)
		}
	}
	_, model := testkit.ServeSimTCP(t, llmsim.Config{
		Latency: llmsim.Latency{Median: 20 * time.Millisecond}, Quota: llmsim.Quota{Requests: llmsim.Limit{Amount: 60_000, Per: time.Minute}},
	})
	o := &operated{grpc: testkit.FreeAddress(t), web: testkit.FreeAddress(t), pipe: testkit.FreeAddress(t), dir: t.TempDir()}
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(o.dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\n%s=1 exec %s \"$@\"\n", programVariable, os.Args[0])
	if err := os.WriteFile(filepath.Join(bin, "credenza"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(examples, filepath.Join(o.dir, "examples")); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"PATH": bin + string(os.PathListSeparator) + os.Getenv("PATH"), "OPENAI_BASE_URL": model, "OPENAI_API_KEY": "sk-test",
		"CREDENZA_GRPC_ADDR": o.grpc, "CREDENZA_HTTP_ADDR": o.web, "CREDENZA_ADMIN_ADDR": o.pipe, "CREDENZA_SERVER": o.grpc,
		"CREDENZA_DATA_DIR": filepath.Join(o.dir, "data"), "CREDENZA_LOG_LEVEL": "warn",
		"OTEL_EXPORTER_OTLP_ENDPOINT": testkit.ServeCollector(t).URL,
	} {
		t.Setenv(name, value)
	}
	return o
}

// start starts the service, and waits until it is ready.
func (o *operated) start(t *testing.T) {
	t.Helper()
	o.program = runProgram(t, "serve")
	testkit.Await(t, "the service is ready", func() bool {
		res, err := http.Get("http://" + o.web + "/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, res.Body)
		return res.StatusCode == http.StatusOK
	})
	credenzaWith(t, twoRows, "classify", "-", "--server", o.grpc).expect(t, exitOK, "2 items classified")
}

// run runs a block of the page as one script that ends with the first line that fails.
func (o *operated) run(t *testing.T, block string) string {
	t.Helper()
	for usual, here := range map[string]string{"localhost:50051": o.grpc, "localhost:8000": o.web, "localhost:6060": o.pipe} {
		block = strings.ReplaceAll(block, usual, here)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", "set -euo pipefail\ntrap 'echo \"failed: $BASH_COMMAND\"' ERR\n"+block)
	cmd.Dir = o.dir
	cmd.Env = append(os.Environ(), fmt.Sprintf("pid=%d", o.program.cmd.Process.Pid))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v in\n%s\n%s", err, block, out)
	}
	return string(out)
}

var shellBlock = regexp.MustCompile("(?ms)^## ([^\n]+)\n.*?^```sh\n(.*?)^```$")

// TestClientsOperationsPage runs each line of docs/operations.md, in its order.
func TestClientsOperationsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	o := operate(t)
	o.start(t)
	// What an answer has to have, by its question.
	want := map[string][]string{
		"Is it healthy?":                   {"^ready", `"status": "SERVING"`, "credenza_store_available 1", "nothing: it works as it is|What to do"},
		"What is it doing?":                {`"queue"`, `"groups"`, "credenza_pool_limit ", `credenza_queue_waiting\{class="bulk"\} 0`},
		"Which key is limited?":            {`"keys"`, `"group": "group 1"`, `"perSecond"`, `credenza_key_serving\{group="group 1",key="1"\} 1`, `credenza_group_remaining\{group="group 1",quota="requests"\}`},
		"Why is it slow?":                  {"credenza_item_queue_seconds_count ", `credenza_attempts_total\{end="throttled"\}`, `"logLevel": "LOG_LEVEL_DEBUG"`, "Showing nodes", `"serverId"`},
		"Where did an item's time go?":     {`"promptTokens"`, `credenza_trace_spans_total\{end="dropped"\} 0`},
		"Drain it":                         {},
		"Change the ceiling":               {`"maxWorkers": 16`, "credenza_pool_ceiling 16"},
		"Change settings and certificates": {"storage +ok .*which a process uses now", "model +ok +gpt-6-luna at"},
		"Follow a job":                     {`"state":"succeeded"|succeeded|SUCCEEDED`, "104"},
		"What if the disk is full?":        {`credenza_store_limit_bytes\{part="results"\}`, "Avail"},
	}
	whole := t
	for _, block := range shellBlock.FindAllStringSubmatch(string(page), -1) {
		question, lines := block[1], block[2]
		t.Run(question, func(t *testing.T) {
			expected, known := want[question]
			if !known {
				t.Fatal("this test does not know what the answer has to have")
			}
			out := o.run(t, lines)
			for _, e := range expected {
				if !regexp.MustCompile("(?m)" + e).MatchString(out) {
					t.Errorf("%q is not in\n%s", e, out)
				}
			}
			if strings.Contains(lines, "kill -TERM") {
				<-o.program.ended
				if code := o.program.cmd.ProcessState.ExitCode(); code != exitOK {
					t.Errorf("the service ended with %d: %s", code, o.program.log)
				}
				o.start(whole) // not only for this question
			}
		})
		delete(want, question)
	}
	if len(want) > 0 {
		t.Errorf("the page does not answer %v", want)
	}
	o.program.end(syscall.SIGTERM)
}
