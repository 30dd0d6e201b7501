package main

import (
	"context"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// runModel runs a model's server at a port until the test ends.
func runModel(t *testing.T, port *testkit.Port) {
	t.Helper()
	sim, listener := testkit.NewSim(t, llmsim.Config{}), port.Listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sim.Run(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// await returns once the text is there.
func await(t *testing.T, text func() string, want string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !strings.Contains(text(), want); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%q did not come, but %q", want, text())
		}
	}
}

// background runs the command line; the code comes at its end.
func background(t *testing.T, stdin string, args ...string) (notes *safeBuffer, code <-chan int) {
	t.Helper()
	notes, ended := &safeBuffer{}, make(chan int, 1)
	go func() {
		ended <- run(t.Context(), args, streams{in: strings.NewReader(stdin), out: io.Discard, err: notes})
	}()
	return notes, ended
}

// serveModel starts the service as a process of its own, for a model at an address.
func serveModel(t *testing.T, model string) (p *program, address string) {
	t.Helper()
	address = testkit.FreeAddress(t)
	p = runProgram(t, "serve", "--grpc-addr="+address, "--http-addr="+testkit.FreeAddress(t), "--data-dir="+t.TempDir(),
		"--openai-base-url=http://"+model+"/v1")
	awaitPort(t, p, address)
	return p, address
}

// submit makes a job and returns its id.
func submit(t *testing.T, address string) string {
	t.Helper()
	got := credenzaWith(t, twoRows, "jobs", "submit", "-", "--server", address)
	got.expect(t, exitOK, "follow it")
	return strings.TrimSpace(got.out)
}

func TestOutage_IsSaidOnceByEachCommand(t *testing.T) {
	model := testkit.ReservePort(t)
	p, address := serveModel(t, model.Address)
	watched, watchEnd := background(t, "", "jobs", "watch", submit(t, address), "--server", address)
	classified, classifyEnd := background(t, twoRows, "classify", "-", "--server", address)
	away := "credenza: the model at " + model.Address + " does not answer (connection refused), trying on\n"
	back := "credenza: the model at " + model.Address + " answers again\n"
	await(t, watched.String, away)
	await(t, classified.String, away)
	runModel(t, model)
	for name, code := range map[string]<-chan int{"watch": watchEnd, "classify": classifyEnd} {
		if c := <-code; c != exitOK {
			t.Errorf("%s: exit code %d", name, c)
		}
	}
	columns := map[string]string{"classify": "credenza: columns: product_name from name, type from type, id from id\n"}
	for name, text := range map[string]string{"watch": watched.String(), "classify": classified.String()} {
		if !strings.HasPrefix(text, columns[name]+away+back) || strings.Count(text, "model at") != 2 {
			t.Errorf("%s says %q", name, text)
		}
	}
	for _, line := range []string{`"msg":"the model's server does not answer: trying on"`, `"msg":"the model's server answers again"`} {
		if n := strings.Count(p.log.String(), line); n != 1 {
			t.Errorf("the log has %s %d times", line, n)
		}
	}
}

func TestOutage_DoesNotHoldUpSIGTERM(t *testing.T) {
	p, address := serveModel(t, testkit.ReservePort(t).Address)
	submit(t, address)
	notes, code := background(t, "name\n"+strings.Repeat("oak chair\n", 500), "classify", "-", "--cache=bypass", "--server", address)
	await(t, notes.String, "does not answer")
	began := time.Now()
	p.end(syscall.SIGTERM)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the service went down after %v", took)
	}
	if c := <-code; c != exitFailed {
		t.Errorf("exit code %d", c)
	}
}
