package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/rpc/rpctest"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

func TestWatchSurvivesARestart(t *testing.T) {
	k := startJobs(t, rpctest.NewJobs())
	id := k.submit(t, "a", "b", "c", "d", "e")
	k.jobs.Work(id, 2)
	var notes bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(t.Context(), []string{"jobs", "watch", id, "--server", k.address}, streams{out: io.Discard, err: &notes})
	}()
	k.jobs.Watched(t.Context(), id)
	k.stop(t)
	k.jobs.Work(id, 2)
	k.start(t)
	k.jobs.Work(id, 1)
	if code := <-ended; code != exitOK {
		t.Errorf("got exit code %d", code)
	}
	got := notes.String()
	if strings.Count(got, "waiting for") != 1 || !strings.Contains(got, "credenza: 5 items classified") {
		t.Errorf("got %s", got)
	}
}

func TestWatch_ReportsAnOutageOnce(t *testing.T) {
	k := startJobs(t, busyJobs())
	id := k.submit(t, "a")
	k.jobs.Away(3)
	got := k.run(t, "", "watch", id)
	if strings.Count(got.err, "waiting for") != 1 {
		t.Errorf("got %s", got.err)
	}
	got.expect(t, exitOK, "credenza: waiting for "+k.address+": the storage of jobs is away: try again later (UNAVAILABLE)\ncredenza: 1 item classified")
}

func TestWatchInterrupted(t *testing.T) {
	k := startJobs(t, rpctest.NewJobs())
	id := k.submit(t, "a", "b", "c")
	k.jobs.Work(id, 2)
	ctx, cancel := context.WithCancel(t.Context())
	var notes bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"jobs", "watch", id, "--server", k.address}, streams{out: io.Discard, err: &notes})
	}()
	k.jobs.Watched(t.Context(), id)
	cancel()
	outcome{<-ended, "", notes.String()}.expect(t, exitInterrupted, "credenza: interrupted at ")
	outcome{exitInterrupted, "", notes.String()}.expect(t, exitInterrupted, "of 3 items: the job goes on, see it again with credenza jobs watch job-1 --server "+k.address+"\n")
	if jobs := k.left(t); jobs[0].State != catalog.JobRunning {
		t.Errorf("the job is %v", jobs[0].State)
	}
}

func TestResults(t *testing.T) {
	k := startJobs(t, rpctest.NewJobs())
	id := k.submit(t, "a", "b", "flawed", "d", "e")
	k.run(t, "", "results", id).expect(t, exitOK, "credenza: 0 results; the job is QUEUED with 5 items: wait for the rest with --follow")
	k.jobs.Work(id, 2)
	got := k.run(t, "", "results", id)
	got.expect(t, exitOK, "credenza: 2 results; the job is RUNNING with 5 items")
	if n := len(answers(t, got.out)); n != 2 {
		t.Errorf("%d results", n)
	}
	k.jobs.Work(id, 3)
	got = k.run(t, "", "results", id, "--in-order")
	got.expect(t, exitFailed, "credenza: 5 results, 1 failed: 1 UPSTREAM_UNAVAILABLE\n")
	if n := len(answers(t, got.out)); n != 5 {
		t.Errorf("%d results", n)
	}
	path := filepath.Join(t.TempDir(), "r.csv")
	k.run(t, "", "results", id, "--out", path).expect(t, exitFailed, "5 results")
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if rows, err := csv.NewReader(file).ReadAll(); err != nil || len(rows) != 6 || rows[0][0] != "index" {
		t.Errorf("got %v, %v", rows, err)
	}
	got = k.run(t, "", "results", id, "--resume=seen-2")
	if n := len(answers(t, got.out)); n != 1 {
		t.Errorf("%d results after the second batch", n)
	}
	k.run(t, "", "results", id, "--resume=x").expect(t, exitFailed, "resume_token: it is not of this job")
}

func TestResultsFollowAndGoOn(t *testing.T) {
	k := startJobs(t, rpctest.NewJobs())
	id := k.submit(t, "a", "b", "c", "d", "e")
	k.jobs.Work(id, 2)
	ctx, cancel := context.WithCancel(t.Context())
	out := &lines{seen: map[string]func(){`"b"`: cancel}}
	var notes bytes.Buffer
	code := run(ctx, []string{"jobs", "results", id, "--follow", "--server", k.address}, streams{out: out, err: &notes})
	outcome{code, "", notes.String()}.expect(t, exitInterrupted, "credenza: interrupted: 2 results; continue with credenza jobs results job-1 --resume seen-1 --server "+k.address+"\n")
	k.jobs.Work(id, 3)
	rest := k.run(t, "", "results", id, "--resume", "seen-1")
	rest.expect(t, exitOK, "credenza: 3 results\n")
	if n := len(answers(t, out.all.String()+rest.out)); n != 5 {
		t.Errorf("%d results in both parts", n)
	}
}

func TestResultsOfNoJobLeaveTheFileAlone(t *testing.T) {
	k := startJobs(t, rpctest.NewJobs())
	path := write(t, "old.csv", "results of yesterday\n")
	k.run(t, "", "results", "job-1", "--out", path).expect(t, exitFailed, "there is no job")
	k.submit(t, "a")
	k.run(t, "", "results", "job-1", "--out", path, "--resume=x").expect(t, exitFailed, "resume_token")
	if data, err := os.ReadFile(path); err != nil || string(data) != "results of yesterday\n" {
		t.Errorf("got %q, %v", data, err)
	}
}

func TestInOrder(t *testing.T) {
	for name, c := range map[string]struct {
		batches [][]int64
		want    string
	}{
		"as they are":     {[][]int64{{0, 1}, {2}}, "0 1|2|"},
		"the other way":   {[][]int64{{3}, {2, 1}, {0}}, "||0 1 2 3|"},
		"of a retry":      {[][]int64{{7, 2}, {5}}, "||2 5 7"},
		"a retry's first": {[][]int64{{0, 9}, {5}}, "0||5 9"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			write := inOrder(func(results []credenza.Result) error {
				var part []string
				for _, r := range results {
					part = append(part, fmt.Sprint(r.Index))
				}
				got = append(got, strings.Join(part, " "))
				return nil
			})
			for _, batch := range c.batches {
				results := make([]credenza.Result, len(batch))
				for i, index := range batch {
					results[i].Index = index
				}
				if err := write(results); err != nil {
					t.Fatal(err)
				}
			}
			if err := write(nil); err != nil || strings.Join(got, "|") != c.want {
				t.Errorf("got %q, %v, want %q", strings.Join(got, "|"), err, c.want)
			}
		})
	}
}

func TestProgressOfAJob(t *testing.T) {
	synctest.Test(t, testProgressOfAJob)
}

func testProgressOfAJob(t *testing.T) {
	var out bytes.Buffer
	bar := newBar(&out, "classifying", 3000)
	if !strings.Contains(out.String(), "0/3000") {
		t.Errorf("a job that has not begun shows %q", out.String())
	}
	time.Sleep(time.Second) // a bar is drawn some ten times a second at most
	bar.at(1500)
	time.Sleep(time.Second)
	out.Reset()
	bar.hideWhile(func() { printLine(&out, "credenza: waiting") })
	if got := out.String(); !strings.Contains(got, "\rcredenza: waiting\n") || !strings.Contains(got[strings.Index(got, "waiting"):], "1500/3000") {
		t.Errorf("got %q", got)
	}
	bar.at(3000)
	bar.end()
}

func TestProgress_WhenARunIsInterrupted(t *testing.T) {
	var out bytes.Buffer
	r := &classifyRun{notes: &out, bar: newBar(&out, "classifying", 100), rows: newOrdering()}
	r.rows.asked[0] = &pendingRow{}
	r.sayWaiting()
	if got := out.String(); !strings.Contains(got, "\rcredenza: waiting for 1 item in flight: interrupt again to stop at once\n") {
		t.Errorf("the note is on the bar's line: %q", got)
	}
}
