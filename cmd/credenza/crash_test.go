package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

var crashSeeds = flag.Int("crash-seeds", 2, "how many times a job is run across crashes, each time with other moments")

// crashWorkers is how many calls to the model each process may have in flight.
const crashWorkers = 32

// uncached is a job that no answer of an earlier run helps: what is paid twice shows.
var uncached = credenza.JobSpec{Options: credenza.Options{Mode: credenza.Text, Cache: credenza.CacheBypass}}

// TestAJobSurvivesCrashes kills the server three times at random moments of a job
// of 3,000 items, while a client watches.
func TestAJobSurvivesCrashes(t *testing.T) {
	for seed := range *crashSeeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { crash(t, uint64(seed)) })
	}
}

func crash(t *testing.T, seed uint64) {
	const items, crashes = 3000, 3
	sim, model := testkit.ServeSimTCP(t, llmsim.Config{Seed: seed, Latency: llmsim.Latency{Median: 50 * time.Millisecond, Sigma: 0.5}})
	address := testkit.FreeAddress(t)
	data := t.TempDir()
	serve := func() *program { return runProgram(t, serverFlags(address, model, "--data-dir="+data)...) }
	server := serve()
	awaitPort(t, server, address)
	client := dialServer(t, address)
	job, err := client.CreateJob(t.Context(), slices.Values(jobItems(items)), uncached)
	if err != nil {
		t.Fatal(err)
	}
	reader := watchJob(t, client, job.ID)
	random := rand.New(rand.NewPCG(seed, 1))
	for range crashes {
		wait(t, time.Duration(300+random.IntN(1200))*time.Millisecond)
		server.kill()
		wait(t, time.Duration(random.IntN(500))*time.Millisecond)
		server = serve()
		awaitPort(t, server, address)
	}
	reader.complete(t, items)
	stats := sim.Stats()
	twice := stats.Calls - items
	t.Logf("%d calls for %d items: %d were paid for twice, %d were in flight at the %d crashes",
		stats.Calls, items, twice, stats.ByStatus["left"], crashes)
	if twice < 0 || twice > crashes*crashWorkers {
		t.Errorf("%d calls were paid for twice, at most %d were in flight", twice, crashes*crashWorkers)
	}
	server.end(syscall.SIGTERM)
	if code := server.cmd.ProcessState.ExitCode(); code != exitOK {
		t.Errorf("the server ended with %d: %s", code, server.log)
	}
}

func serverFlags(address, model string, more ...string) []string {
	return append([]string{
		"serve", "--grpc-addr=" + address, "--http-addr=127.0.0.1:0", "--openai-api-key=sk-test",
		"--openai-base-url=" + model, "--max-workers=" + strconv.Itoa(crashWorkers), "--log-level=warn",
	}, more...)
}

func dialServer(t *testing.T, address string) *credenza.Client {
	t.Helper()
	client, err := credenza.Dial(address, credenza.WithPlaintext())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// jobItems returns n items that all differ.
func jobItems(n int) []credenza.Item {
	items := make([]credenza.Item, n)
	for i := range items {
		items[i] = credenza.Item{ID: strconv.Itoa(i), ProductName: fmt.Sprint("oak chair ", i)}
	}
	return items
}

// wait lets time pass in which other processes do what is tested.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// jobReader follows a job on a goroutine of its own.
type jobReader struct {
	done    chan struct{}
	seen    map[int64]int
	longest time.Duration // between two batches
	summary credenza.Summary
	err     error
}

func watchJob(t *testing.T, client *credenza.Client, id string) *jobReader {
	t.Helper()
	r := &jobReader{done: make(chan struct{}), seen: map[int64]int{}}
	go func() {
		defer close(r.done)
		watch := client.WatchJob(t.Context(), id, "")
		last := time.Now()
		for batch, err := range watch.Batches() {
			if err != nil {
				r.err = err
				return
			}
			r.longest = max(r.longest, time.Since(last))
			last = time.Now()
			for _, result := range batch.Results {
				if result.ItemID != strconv.FormatInt(result.Index, 10) || result.Err != nil {
					r.err = fmt.Errorf("item %d: %+v", result.Index, result)
				}
				r.seen[result.Index]++
			}
		}
		r.summary = watch.Summary()
	}()
	t.Cleanup(func() { <-r.done })
	return r
}

// complete waits for the job's end, and fails unless each item had one result.
func (r *jobReader) complete(t *testing.T, items int) {
	t.Helper()
	select {
	case <-r.done:
	case <-time.After(3 * time.Minute):
		t.Fatal("the job does not end")
	}
	if r.err != nil {
		t.Fatal(r.err)
	}
	for index, times := range r.seen {
		if times != 1 {
			t.Errorf("item %d has %d results", index, times)
		}
	}
	if len(r.seen) != items || r.summary.Succeeded != int64(items) {
		t.Errorf("%d results for %d items: %+v", len(r.seen), items, r.summary)
	}
}
