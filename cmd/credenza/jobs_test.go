package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rivo/uniseg"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/rpc/rpctest"
	"github.com/credenza-dev/credenza/internal/taxonomy"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// keeper is a service that keeps jobs, at an address that it takes again after a
// restart.
type jobFixture struct {
	jobs    *rpctest.Jobs
	address string
	server  *rpc.Server
	served  chan error
}

func startJobs(t *testing.T, jobs *rpctest.Jobs) *jobFixture {
	t.Helper()
	k := &jobFixture{jobs: jobs, address: "127.0.0.1:0"}
	k.start(t)
	t.Cleanup(func() { k.stop(t) })
	return k
}

func (k *jobFixture) start(t *testing.T) {
	t.Helper()
	parts := rpc.Parts{
		Authority: auth.New(nil),
		Engine:    struct{ rpc.Engine }{}, Operations: struct{ rpc.Operations }{}, Taxonomy: &taxonomy.Taxonomy{},
		Log: zap.NewNop(), Metrics: prometheus.NewRegistry(),
	}
	if k.jobs != nil {
		parts.Jobs = k.jobs
	}
	server, err := rpc.NewServer(rpc.Config{}, parts)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", k.address)
	if err != nil {
		t.Fatal(err)
	}
	k.server, k.address, k.served = server, listener.Addr().String(), make(chan error, 1)
	go func() { k.served <- server.Serve(listener) }()
}

func (k *jobFixture) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = k.server.Shutdown(ctx)
	if err := <-k.served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// run runs a command of jobs against the service.
func (k *jobFixture) run(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	return credenzaWith(t, stdin, append([]string{"jobs", args[0], "--server", k.address}, args[1:]...)...)
}

// submit makes a job of items with these names, in batches of two.
func (k *jobFixture) submit(t *testing.T, names ...string) string {
	t.Helper()
	got := k.run(t, "name\n"+strings.Join(names, "\n")+"\n", "submit", "-", "--batch-size=2")
	got.expect(t, exitOK, "follow it with credenza jobs watch")
	return strings.TrimSpace(got.out)
}

// left are the jobs that there are, the newest first.
func (k *jobFixture) left(t *testing.T) []catalog.Job {
	t.Helper()
	jobs, _, err := k.jobs.List(t.Context(), catalog.JobQuery{Owner: catalog.Owner{All: true}, Size: 100})
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

func TestSubmitPrintsTheID(t *testing.T) {
	k := startJobs(t, rpctest.NewJobs())
	path := write(t, "spring.csv", twoRows)
	got := k.run(t, "", "submit", path, "--mode=text", "--in-order", "--request-id=key", "--item-timeout=5s")
	got.expect(t, exitOK, "credenza: 2 items in the job: follow it with credenza jobs watch job-1 --server "+k.address)
	again := k.run(t, twoRows, "submit", "-", "--request-id=key")
	again.expect(t, exitOK, "")
	if got.out != "job-1\n" || again.out != "job-1\n" {
		t.Errorf("standard output has %q and %q", got.out, again.out)
	}
	jobs := k.left(t)
	want := catalog.Options{
		Mode: catalog.ModeText, Delivery: catalog.InOrder, Priority: catalog.Bulk, ItemTimeout: 5 * time.Second,
	}
	if len(jobs) != 1 || jobs[0].Name != "spring.csv" || jobs[0].Progress.Total != 2 {
		t.Fatalf("got %+v", jobs)
	}
	if diff := cmp.Diff(want, jobs[0].Options); diff != "" {
		t.Error(diff)
	}
}

func TestSubmit_SaysThatTheJobWasThereAlready(t *testing.T) {
	k := startJobs(t, rpctest.NewJobs())
	const said = "credenza: the request id key belongs to this job already: no second one was created\n"
	if got := k.run(t, twoRows, "submit", "-", "--request-id=key"); strings.Contains(got.err, said) {
		t.Errorf("of a new job it says %q", got.err)
	}
	k.jobs.Work("job-1", 2)
	k.run(t, "name\nOak bench\n", "submit", "-", "--request-id=key").expect(t, exitOK, said)
	k.run(t, twoRows, "submit", "-", "--request-id=another").expect(t, exitOK, "id from id\ncredenza: 2 items in the job")
}

// TestJobTable has the list of jobs on terminals: people copy the id, so it is whole on each.
func TestJobTable_FitsTheTerminalWithWholeIDs(t *testing.T) {
	job := credenza.Job{
		ID: "ddofr7cof6zpcshxyaw4xvyaxe", Name: "the autumn catalogue of the shop.csv", State: credenza.JobSucceeded,
		Progress: credenza.Progress{Done: 104, Total: 104},
	}
	for width, header := range map[int]string{
		0:   "job state done failed tokens created name note",
		60:  "job state done",
		80:  "job state done failed name",
		100: "job state done failed tokens name",
		120: "job state done failed tokens created name",
		160: "job state done failed tokens created name note",
	} {
		var out strings.Builder
		w, err := newJobTable(&out, width)
		if err := errors.Join(err, w.write(&job), w.Flush()); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(out.String(), "\n")
		if got := strings.Join(strings.Fields(lines[0]), " "); got != header {
			t.Errorf("at %d the header is %q, want %q", width, got, header)
		}
		if got := uniseg.StringWidth(lines[1]); !strings.HasPrefix(lines[1], job.ID+"  SUCCEEDED  104/104") || width > 0 && got > width {
			t.Errorf("at %d a line of %d is %q", width, got, lines[1])
		}
	}
}

func TestSubmitAndWatch(t *testing.T) {
	k := startJobs(t, busyJobs())
	for _, flag := range []string{"--watch", "--wait"} {
		got := k.run(t, twoRows, "submit", "-", flag)
		got.expect(t, exitOK, "credenza: 2 items classified in")
		if !strings.HasPrefix(got.out, "job-") || strings.Count(got.out, "\n") != 1 {
			t.Errorf("standard output has %q", got.out)
		}
	}
	k.run(t, "name\nOak chair\nflawed\n", "submit", "-", "--watch").expect(t, exitFailed, "1 item classified in 3s, 1 failed: 1 UPSTREAM_UNAVAILABLE\n")
}

func TestSubmitOfAMistakeMakesNoJob(t *testing.T) {
	k := startJobs(t, rpctest.NewJobs())
	many := strings.Repeat("a,Oak chair,Dining chair\n", 2000)
	long := "\"" + strings.Repeat("x", 150<<20)
	for name, c := range map[string]struct{ text, want string }{
		"at the beginning": {"", "standard input is empty"},
		"at the end":       {twoRows + long, "credenza: no job was made\ncredenza: standard input: line 4, column 1: the row from here on has over"},
		"far down":         {"id,name,type\n" + many + long, "line 2002, column 1: the row from here on has over"},
	} {
		t.Run(name, func(t *testing.T) {
			got := k.run(t, c.text, "submit", "-")
			got.expect(t, exitFailed, c.want)
			if jobs := k.left(t); len(jobs) > 0 || got.out != "" {
				t.Errorf("%v was made, %q printed", jobs, got.out)
			}
		})
	}
}

func TestSubmitInterrupted(t *testing.T) {
	k := startJobs(t, rpctest.NewJobs())
	ctx, cancel := context.WithCancel(t.Context())
	in, pipe := io.Pipe()
	feeding := make(chan struct{})
	go func() {
		defer close(feeding)
		_, _ = io.WriteString(pipe, "name\nOak chair\n")
		cancel()
	}()
	var out, notes bytes.Buffer
	code := run(ctx, []string{"jobs", "submit", "-", "--server", k.address}, streams{in: in, out: &out, err: &notes})
	outcome{code, out.String(), notes.String()}.expect(t, exitInterrupted, "")
	if jobs := k.left(t); len(jobs) > 0 || out.Len() > 0 {
		t.Errorf("%v was made, %q printed", jobs, out.String())
	}
	<-feeding
	_ = pipe.Close()
}

func TestSubmit_ReportsARefusalWhileTheInputIsSilent(t *testing.T) {
	k := startJobs(t, rpctest.NewJobs())
	in, pipe := io.Pipe()
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		_, _ = io.WriteString(pipe, "name\nOak chair\n") // and then nothing, neither rows nor an end
	}()
	var notes bytes.Buffer
	args := []string{"jobs", "submit", "-", "--server", k.address, "--model=nobody"}
	code := run(t.Context(), args, streams{in: in, out: io.Discard, err: &notes})
	outcome{code, "", notes.String()}.expect(t, exitFailed, "this model is not served")
	<-fed
	_ = pipe.Close()
}

func busyJobs() *rpctest.Jobs {
	jobs := rpctest.NewJobs()
	jobs.Busy = true
	return jobs
}

func TestListAndShow(t *testing.T) {
	k := startJobs(t, rpctest.NewJobs())
	first, second := k.submit(t, "a", "flawed", "c"), k.submit(t, "d")
	k.jobs.Work(first, 3)
	k.run(t, "", "retry", first, "--request-id=key").expect(t, exitOK, "1 item in the job")

	var ids []string
	got := k.run(t, "", "list")
	got.expect(t, exitOK, "")
	for line := range strings.Lines(got.out) {
		var job map[string]any
		if err := json.Unmarshal([]byte(line), &job); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, fmt.Sprint(job["job_id"], " ", job["state"], " ", job["done"], "/", job["total"]))
	}
	if diff := cmp.Diff([]string{"job-3 QUEUED 0/1", second + " QUEUED 0/1", first + " SUCCEEDED 3/3"}, ids); diff != "" {
		t.Error(diff)
	}
	for flags, want := range map[string]string{
		"--limit=1 --output=csv":              "job_id,name,state,done,failed,total,failures,created,started,ended,message,retry_of,prompt_tokens,completion_tokens\njob-3,,QUEUED,0,0,1,",
		"--state=succeeded --output=table":    "job    state      done  failed  tokens  created",
		"--state=cancelled --output=csv":      "job_id,name",
		"--state=queued --limit=5 --output=a": "",
	} {
		got := k.run(t, "", append([]string{"list"}, strings.Fields(flags)...)...)
		if !strings.HasPrefix(got.out, want) {
			t.Errorf("%s: got %s", flags, got.out)
		}
	}
	if got := k.run(t, "", "list", "--state=failed", "--output=table"); got.out != "" || got.err != "credenza: there are no such jobs\n" {
		t.Errorf("got %q and %q", got.out, got.err)
	}

	got = k.run(t, "", "show", first, "--output=table")
	got.expect(t, exitOK, "")
	for _, want := range []string{"job_id    job-1\n", "state     SUCCEEDED\n", "failures  1 UPSTREAM_UNAVAILABLE\n", "tokens    600 in, 90 out\n", "ended     2030-01-02T03:00:"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("got %s, want %q in it", got.out, want)
		}
	}
	if got := k.run(t, "", "list", "--state=succeeded", "--output=table"); !strings.Contains(got.out, "     1  690     2030-") {
		t.Errorf("got %s", got.out)
	}
	if got := k.run(t, "", "show", first); !strings.Contains(got.out, `"prompt_tokens":600,"completion_tokens":90`) {
		t.Errorf("got %s", got.out)
	}
	if got := k.run(t, "", "show", "job-3"); !strings.Contains(got.out, `"retry_of":"job-1"`) {
		t.Errorf("got %s", got.out)
	}
}

func TestPauseOfAJob(t *testing.T) {
	k := startJobs(t, rpctest.NewJobs())
	id := k.submit(t, "a", "b", "c")
	k.jobs.Work(id, 1)
	k.run(t, "", "pause", id, "--reason=until Monday").expect(t, exitOK, "credenza: job-1 is PAUSED: 1 of 3 items classified: resume it with credenza jobs resume job-1")
	for _, line := range []string{"show job-1 --output=table", "list --state=paused --output=table"} {
		if got := k.run(t, "", strings.Fields(line)...); !strings.Contains(got.out, "PAUSED") || !strings.Contains(got.out, "until Monday") {
			t.Errorf("%s: got %s", line, got.out)
		}
	}
	k.run(t, "", "resume", id).expect(t, exitOK, "credenza: job-1 is QUEUED: 1 of 3 items classified")
	k.jobs.Work(id, 2)
	k.run(t, "", "pause", id).expect(t, exitFailed, `the job "job-1" has ended`)
	k.run(t, "", "resume", id).expect(t, exitFailed, `the job "job-1" has ended`)
}

func TestEndsOfJobs(t *testing.T) {
	k := startJobs(t, rpctest.NewJobs())
	id := k.submit(t, "a", "flawed", "c", "d")
	k.run(t, "", "retry", id).expect(t, exitFailed, `the job "job-1" has not ended`)
	k.jobs.Work(id, 2)
	k.run(t, "", "cancel", id).expect(t, exitOK, "credenza: job-1 is CANCELLED: 2 of 4 items classified")
	k.run(t, "", "watch", id).expect(t, exitFailed, "1 failed: 1 UPSTREAM_UNAVAILABLE, 2 without a result: the job is CANCELLED\n")
	got := k.run(t, "", "retry", id)
	got.expect(t, exitOK, "credenza: 1 item in the job")
	k.jobs.Work(strings.TrimSpace(got.out), 1)
	k.run(t, "", "watch", strings.TrimSpace(got.out)).expect(t, exitFailed, "1 may succeed later: try them again with credenza jobs retry job-2")
	k.run(t, "", "delete", id).expect(t, exitOK, "credenza: job-1 is deleted")
	for _, command := range []string{"show", "watch", "results", "pause", "resume", "cancel", "retry", "delete"} {
		k.run(t, "", command, id).expect(t, exitFailed, `there is no job "job-1": list the jobs`)
	}
}

func TestJobsOfAServiceThatHasNone(t *testing.T) {
	k := startJobs(t, nil)
	for _, line := range []string{"submit -", "list", "show x", "watch x", "results x", "pause x", "resume x", "cancel x", "retry x", "delete x"} {
		k.run(t, twoRows, strings.Fields(line)...).expect(t, exitFailed, "credenza: the service at "+k.address+" keeps no jobs")
	}
	k.stop(t)
	k.served <- nil
	for _, line := range []string{"submit -", "list", "watch x", "results x"} {
		k.run(t, twoRows, strings.Fields(line)...).expect(t, exitFailed, "credenza: "+k.address+" cannot be reached: is the service running there")
	}
}

func TestJobsServerOfTheEnvironment(t *testing.T) {
	k := startJobs(t, rpctest.NewJobs())
	t.Setenv("CREDENZA_SERVER", k.address)
	got := credenzaWith(t, twoRows, "jobs", "submit", "-")
	got.expect(t, exitOK, "follow it with credenza jobs watch job-1\n")
}

func TestJobsUsage(t *testing.T) {
	for line, want := range map[string]string{
		"":                                   "expected one of",
		"list --limit=-1":                    "--limit is -1",
		"list --state=lost":                  "--state must be one of queued, running, paused, succeeded, cancelled or failed, not \"lost\"",
		"show":                               "the job's id is empty",
		"submit - --batch-size=1001":         "--batch-size is 1001: give a number from 1 to 1000",
		"submit - --bulk":                    "unknown flag --bulk",
		"results x --in-order --resume=seen": "can't be used together",
		"results x --out=r.xlsx":             "--out is \"r.xlsx\", and a job's results are written as csv, jsonl or table here",
		"results x --out=r.pdf":              "--out is \"r.pdf\", and a job's results are written as csv, jsonl or table here",
	} {
		got := credenzaWith(t, "", append([]string{"jobs"}, strings.Fields(line)...)...)
		got.expect(t, exitUsage, want)
	}
	credenzaWith(t, "", "jobs", "watch", "").expect(t, exitUsage, "the job's id is empty")
}
