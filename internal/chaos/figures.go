package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

// figures are what a process holds at rest: the sums of its metrics by their names.
type figures map[string]float64

const (
	goroutines  = "go_goroutines"
	files       = "process_open_fds"
	memory      = "process_resident_memory_bytes"
	calls       = "grpc_server_started_total" // in flight: without those that were handled
	connections = "credenza_connections"      // without that which asks
	admitted    = "credenza_caller_items_in_flight"
	misused     = "credenza_leases_misused_total" // which are faults of the program
	stored      = "credenza_store_bytes"
)

// limits are the most that a process may hold at rest: a part of what it held before, and
// room for what differs from one moment to another, such as connections that are idle. What
// is stored is what is known of jobs that are gone.
var limits = []struct {
	metric           string
	part, room, unit float64
	text             string // of the value and of that before, in the unit
}{
	{goroutines, 1, 12, 1, "%.0f goroutines, %.0f before"},
	{files, 1, 12, 1, "%.0f files, %.0f before"},
	{memory, 1.25, 48 << 20, 1 << 20, "%.0f MiB, %.0f before"},
	{calls, 0, 0, 1, "%.0f calls in flight"},
	{connections, 0, 0, 1, "%.0f connections"},
	{"credenza_pool_in_use", 0, 0, 1, "%.0f calls to the model in flight"},
	{"credenza_queue_waiting", 0, 0, 1, "%.0f questions wait"},
	{"credenza_intake_bytes", 0, 0, 1, "%.0f bytes not handled"},
	{admitted, 0, 0, 1, "%.0f items admitted"},
	{misused, 0, 0, 1, "%.0f leases misused"},
	{stored, 0, 1 << 20, 1 << 20, "%.1f MiB stored although all jobs were deleted"},
}

// excess says what of the figures is over those before, empty if nothing is.
func (f figures) excess(before figures) string {
	var over []string
	for _, l := range limits {
		now, then := f[l.metric], before[l.metric]
		if now >= 0 && now <= l.part*then+l.room {
			continue
		}
		values := []any{now / l.unit, then / l.unit} // of which a text may take the first alone
		over = append(over, fmt.Sprintf(l.text, values[:strings.Count(l.text, "%")]...))
	}
	return strings.Join(over, ", ")
}

// settled reads the figures of all replicas at rest. With figures from before it waits until
// they are back there, for a time, and reports those that are not.
func (w *world) settled(ctx context.Context, before map[string]figures, patience time.Duration) map[string]figures {
	after := map[string]figures{}
	until := time.Now().Add(patience)
	for _, r := range w.replicas {
		for {
			f, err := w.figures(ctx, r)
			then := f
			if before != nil {
				then = before[r.name]
			}
			excess := f.excess(then)
			if err != nil {
				excess = err.Error()
			}
			after[r.name] = f
			if excess == "" || ctx.Err() != nil {
				break
			}
			if time.Now().After(until) {
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
	if _, err := w.get(ctx, "http://"+r.admin+"/debug/pprof/heap?gc=1"); err != nil {
		return f, err
	}
	text, err := w.get(ctx, "https://"+r.httpAddr+"/metrics")
	if err != nil {
		return f, err
	}
	f = figures{}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		switch name, _, _ = strings.Cut(name, "{"); name {
		case "grpc_server_handled_total":
			f[calls] -= number
		case connections:
			f[connections] += number - 1
		default:
			f[name] += number
		}
	}
	return f, nil
}

// dump writes the goroutines and the heap of a replica next to its log.
func (w *world) dump(ctx context.Context, r *replica) {
	for name, path := range map[string]string{"goroutines.txt": "goroutine?debug=2", "heap.pprof": "heap"} {
		text, err := w.get(ctx, "http://"+r.admin+"/debug/pprof/"+path)
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
	text, err := r.get(ctx, "http://"+r.modelAddr+"/stats")
	if err == nil {
		err = json.Unmarshal([]byte(text), &r.model)
	}
	r.book.check("the model's statistics cannot be read", err)
	r.checkSpeed()
}

// throughputGoal is the least part of the throughput without faults that there is between them.
const throughputGoal = 0.8

// leftJobs reports jobs that are left, since each was deleted, and none may come of an upload
// that broke off.
func (r *report) leftJobs(ctx context.Context, on *replica) {
	c, err := r.dial(on.grpcAddr)
	if !r.book.check("at the end", err) {
		return
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for job, err := range c.Jobs(ctx, credenza.JobQuery{}) {
		if !r.book.check("jobs cannot be listed at the end", err) {
			return
		}
		r.book.violate("job %s is left: name %q, %s, %d of %d items", job.ID, job.Name, job.State, job.Progress.Done, job.Progress.Total)
	}
}

// readLog counts the errors in the log of a replica. A panic is a violation.
func (r *report) readLog(p *process) {
	raw, err := os.ReadFile(p.log.Name())
	if !r.book.check("the log of "+p.name, err) {
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
