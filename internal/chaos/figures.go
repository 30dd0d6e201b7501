package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

// figures are what a process holds at rest.
type figures struct {
	goroutines, files float64
	memory            float64 // resident, in bytes
	calls             float64 // of gRPC, in flight
	connections       float64 // of callers
	upstream          float64 // calls to the model in flight
	waiting           float64 // for the model
	intake            float64 // bytes that have arrived and are not handled
	admitted          float64 // items of callers in flight
	misused           float64 // leases, which are faults of the program
	stored            float64 // bytes of jobs
}

// Room for what differs from one moment to another, such as connections that are idle:
// goroutines and files by number, memory by a part and a number of bytes.
const (
	goroutineRoom = 12
	fileRoom      = 12
	memoryPart    = 1.25
	memoryRoom    = 48 << 20
	storedRoom    = 1 << 20 // of what is known of jobs that are gone
)

// excess says what of the figures is over those before, empty if nothing is.
func (f figures) excess(before figures) string {
	var over []string
	note := func(wrong bool, format string, args ...any) {
		if wrong {
			over = append(over, fmt.Sprintf(format, args...))
		}
	}
	note(f.goroutines > before.goroutines+goroutineRoom, "%.0f goroutines, %.0f before", f.goroutines, before.goroutines)
	note(f.files > before.files+fileRoom, "%.0f files, %.0f before", f.files, before.files)
	note(f.memory > before.memory*memoryPart+memoryRoom, "%.0f MiB, %.0f before", mib(f.memory), mib(before.memory))
	note(f.calls != 0, "%.0f calls in flight", f.calls)
	note(f.connections != 0, "%.0f connections", f.connections)
	note(f.upstream != 0, "%.0f calls to the model in flight", f.upstream)
	note(f.waiting != 0, "%.0f questions wait", f.waiting)
	note(f.intake != 0, "%.0f bytes not handled", f.intake)
	note(f.admitted != 0, "%.0f items admitted", f.admitted)
	note(f.misused != 0, "%.0f leases misused", f.misused)
	note(f.stored > storedRoom, "%.1f MiB stored although all jobs were deleted", mib(f.stored))
	return strings.Join(over, ", ")
}

func mib(bytes float64) float64 { return bytes / (1 << 20) }

// settled reads the figures of all replicas at rest. With figures from before it waits until
// they are back there, for a time, and reports those that are not.
func (w *world) settled(ctx context.Context, before map[string]figures, patience time.Duration) map[string]figures {
	after := map[string]figures{}
	until := time.Now().Add(patience)
	for _, r := range w.replicas {
		for {
			f, err := w.figures(ctx, r)
			excess := ""
			switch {
			case err != nil:
				excess = err.Error()
			case before != nil:
				excess = f.excess(before[r.name])
			default:
				excess = f.excess(f)
			}
			if excess == "" || ctx.Err() != nil {
				after[r.name] = f
				break
			}
			if time.Now().After(until) {
				after[r.name] = f
				w.dump(ctx, r)
				w.book.violate("%s does not come to rest: %s", r.name, excess)
				break
			}
			_ = pause(ctx, time.Second)
		}
	}
	return after
}

// figures reads those of a replica, after a collection of its garbage.
func (w *world) figures(ctx context.Context, r *replica) (f figures, err error) {
	if _, err := w.text(ctx, "http://"+r.admin+"/debug/pprof/heap?gc=1"); err != nil {
		return f, err
	}
	text, err := w.text(ctx, "https://"+r.httpAddr+"/metrics")
	if err != nil {
		return f, err
	}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		name, _, _ = strings.Cut(name, "{")
		f.add(name, number)
	}
	return f, nil
}

func (f *figures) add(name string, value float64) {
	switch name {
	case "go_goroutines":
		f.goroutines = value
	case "process_open_fds":
		f.files = value
	case "process_resident_memory_bytes":
		f.memory = value
	case "grpc_server_started_total":
		f.calls += value
	case "grpc_server_handled_total":
		f.calls -= value
	case "credenza_connections":
		f.connections = value - 1 // that which asks
	case "credenza_pool_in_use":
		f.upstream = value
	case "credenza_queue_waiting":
		f.waiting += value
	case "credenza_intake_bytes":
		f.intake = value
	case "credenza_caller_items_in_flight":
		f.admitted += value
	case "credenza_leases_misused_total":
		f.misused = value
	case "credenza_store_bytes":
		f.stored += value
	}
}

func (w *world) text(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: w.authority.client(), DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	return string(raw), err
}

// dump writes the goroutines and the heap of a replica next to its log.
func (w *world) dump(ctx context.Context, r *replica) {
	for name, path := range map[string]string{"goroutines.txt": "goroutine?debug=2", "heap.pprof": "heap"} {
		text, err := w.text(ctx, "http://"+r.admin+"/debug/pprof/"+path)
		if err == nil {
			err = os.WriteFile(filepath.Join(w.dir, r.name+"-"+name), []byte(text), 0o600)
		}
		if err != nil {
			w.book.say("%s: %s: %v", r.name, name, err)
		}
	}
}

// modelStats are the counts of the simulated model.
type modelStats struct {
	Calls     int64 `json:"calls"`
	Succeeded int64 `json:"succeeded"`
	Messages  struct {
		Distinct  int64 `json:"distinct"`
		ExtraPaid int64 `json:"extra_paid"`
	} `json:"messages"`
}

// finish checks what is left in the stores, and reads what the model counted.
func (r *report) finish(ctx context.Context) {
	for _, store := range []string{"NATS", "disk"} {
		r.leftJobs(ctx, r.sharing(store)[0])
	}
	for _, replica := range r.replicas {
		r.readLog(replica.process)
	}
	if err := r.get(ctx, "http://"+r.modelAddr+"/stats", &r.model); err != nil {
		r.book.violate("the model's statistics cannot be read: %v", err)
	}
	r.checkSpeed()
}

// throughputGoal is the least part of the throughput without faults that there is between them.
const throughputGoal = 0.8

// leftJobs reports jobs that are left, since each was deleted, and none may come of an upload
// that broke off.
func (r *report) leftJobs(ctx context.Context, on *replica) {
	c, err := r.dial(on.grpcAddr)
	if err != nil {
		r.book.violate("%v", err)
		return
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for job, err := range c.Jobs(ctx, credenza.JobQuery{}) {
		if err != nil {
			r.book.violate("jobs cannot be listed at the end: %v", err)
			return
		}
		r.book.violate("job %s is left: name %q, %s, %d of %d items", job.ID, job.Name, job.State, job.Progress.Done, job.Progress.Total)
	}
}

// readLog counts the errors in the log of a replica. A panic is a violation.
func (r *report) readLog(p *process) {
	raw, err := os.ReadFile(p.log.Name())
	if err != nil {
		r.book.violate("%v", err)
		return
	}
	for line := range strings.Lines(string(raw)) {
		var entry struct{ Level, Msg string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || strings.Contains(line, "panic") {
			r.book.violate("the log of %s has: %.300s", p.name, line)
			return
		}
		if entry.Level != "info" && entry.Level != "warn" {
			what, _, _ := strings.Cut(entry.Msg, ": write ") // without the file's name
			r.book.count("log", fmt.Sprintf("%q", what))
		}
	}
}
