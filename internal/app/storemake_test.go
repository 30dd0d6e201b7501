package app_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"flag"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

var (
	oldProgram = flag.String("old.program", "", "the program of an earlier version: tests run it side by side with this one")
	makeStore  = flag.String("store.make", "", "a file NAME.tar.gz for a data folder that -old.program makes")
)

// stored is what a data folder holds, as the version that made it said.
type stored struct {
	Version string
	Model   string // the address of the model's server
	Answers int    // in the cache, at least
	Jobs    map[string]storedJob
}

// storedJob is a job with the results that it had.
type storedJob struct {
	Job     credenza.Job
	Results []credenza.Result
}

// storedName is the file of a packed data folder that holds a stored.
const storedName = "stored.json"

// textJob makes a job of texts, which a cache may answer.
var textJob = credenza.JobSpec{Options: credenza.Options{Mode: credenza.Text}}

// longTime is for what must not be removed from a data folder of any age.
const longTime = "87600h"

// keeping are flags that keep a data folder as it is, and few items of it in flight.
var keeping = []string{"--jobs-keep=" + longTime, "--cache-age=" + longTime, "--jobs-max-mib=64", "--cache-max-mib=64", "--max-workers=4"}

// process is a program that serves on loopback.
type process struct {
	cmd    *exec.Cmd
	log    *buffer
	client *credenza.Client
}

// runOld starts the program of an earlier version.
func runOld(t *testing.T, flags ...string) *process {
	t.Helper()
	address := testkit.FreeAddress(t)
	p := &process{log: &buffer{}}
	p.cmd = exec.Command(*oldProgram, append([]string{"serve", "--grpc-addr=" + address, "--http-addr=127.0.0.1:0"}, flags...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	var err error
	if p.client, err = credenza.Dial(address, credenza.WithPlaintext()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.client.Close() })
	testkit.Await(t, "the earlier version serves", func() bool {
		_, err := p.client.Status(t.Context())
		return err == nil
	})
	return p
}

// kill ends the program at once, as a crash does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	_ = p.cmd.Wait()
}

// jobOf returns a job and the results that it has, at least n.
func jobOf(t *testing.T, client *credenza.Client, id string, n int64) (j storedJob) {
	t.Helper()
	var err error
	testkit.Await(t, "the job has its results", func() bool {
		j.Job, err = client.Job(t.Context(), id)
		return err == nil && j.Job.Progress.Done >= n && (n > 0 || j.Job.State.Ended())
	})
	for r, err := range client.WatchJob(t.Context(), id, "").Results() {
		if err != nil {
			t.Fatal(err)
		}
		if j.Results = append(j.Results, r); int64(len(j.Results)) == n {
			break
		}
	}
	return j
}

// oldModel is a server that takes no log-probabilities, and then as the flag says: a
// model that spoils some answers and waits with others, or a sound one.
func oldModel(t *testing.T, sound *atomic.Bool) (url string) {
	t.Helper()
	config := llmsim.Config{Behaviours: []string{"openai-logprobs"}, Latency: llmsim.Latency{Median: 5 * time.Millisecond}}
	good := testkit.NewSim(t, config)
	config.Rules = llmsim.Behaviour{
		{Text: "spoil", Content: "This is no answer."},
		{Text: "wait", Break: "hang"},
	}
	bad := testkit.NewSim(t, config)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sound.Load() {
			good.ServeHTTP(w, r)
		} else {
			bad.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/v1"
}

// described are n goods; the description of those from an index on is the given one.
func described(n, from int, description string) []credenza.Item {
	return goods(n, func(i int, it *credenza.Item) {
		it.ID = description + "-" + it.ID
		if i >= from {
			it.Description = description
		}
	})
}

// TestUpgrade_MakeStore packs a data folder of the program that -old.program names, with
// jobs of all states, into the file that -store.make names.
func TestUpgrade_MakeStore(t *testing.T) {
	if *makeStore == "" {
		t.Skip("it makes a file for other tests: -store.make names it")
	}
	var sound atomic.Bool
	dir := t.TempDir()
	s := stored{Model: oldModel(t, &sound), Jobs: map[string]storedJob{}}
	flags := append([]string{"--data-dir=" + dir, "--openai-base-url=" + s.Model, "--openai-api-key=sk-stored"}, keeping...)
	old := runOld(t, flags...)
	create := func(items []credenza.Item) string {
		job, err := old.client.CreateJob(t.Context(), slices.Values(items), textJob)
		if err != nil {
			t.Fatal(err, old.log)
		}
		return job.ID
	}
	large := described(41, 0, "wait")
	large[40].ImageData = make([]byte, 100<<10)
	failed := create(large)
	testkit.Await(t, "the first items are with the model", func() bool {
		status, err := old.client.Status(t.Context())
		return err == nil && status.Pool.InUse > 0
	})
	old.kill()
	lost, err := filepath.Glob(filepath.Join(dir, "jetstream", "$G", "streams", "OBJ_*"))
	if err != nil || len(lost) != 1 {
		t.Fatal(lost, err)
	}
	if err := os.RemoveAll(lost[0]); err != nil {
		t.Fatal(err)
	}
	sound.Store(true)
	old = runOld(t, flags...)
	s.Jobs["failed"] = jobOf(t, old.client, failed, 0)
	sound.Store(false)
	s.Jobs["finished"] = jobOf(t, old.client, create(described(130, 120, "spoil")), 0)
	cancelled := create(described(60, 40, "wait"))
	jobOf(t, old.client, cancelled, 40)
	if _, err := old.client.CancelJob(t.Context(), cancelled); err != nil {
		t.Fatal(err)
	}
	s.Jobs["cancelled"] = jobOf(t, old.client, cancelled, 0)
	half := described(350, 120, "wait")
	half[300].ImageData = make([]byte, 100<<10)
	s.Jobs["half"] = jobOf(t, old.client, create(half), 120)
	id := create(described(7, 0, "wait for it"))
	job, err := old.client.Job(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	s.Jobs["begun"] = storedJob{Job: job}
	status, err := old.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Version, s.Answers = status.Version, 120+40 // jobs have texts in common
	old.kill()
	pack(t, *makeStore, dir, s)
}

// pack writes a data folder and what it holds as one file.
func pack(t *testing.T, path, dir string, s stored) {
	t.Helper()
	says, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, storedName), says, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	zipped, err := gzip.NewWriterLevel(file, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	packed := tar.NewWriter(zipped)
	if err := packed.AddFS(filtered{os.DirFS(dir)}); err != nil {
		t.Fatal(err)
	}
	for _, end := range []func() error{packed.Close, zipped.Close, file.Close} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
}

// filtered is a data folder without its lock, which belongs to a process.
type filtered struct{ fs.FS }

func (f filtered) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(f.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasSuffix(e.Name(), "lock") }), err
}
