package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

func asError(err error) *credenza.Error {
	if e, ok := errors.AsType[*credenza.Error](err); ok {
		return e
	}
	return nil
}

// head is the first lines of the table that print writes a row of.
const head = `| seed | time | items | results | of them errors | returned with a status | lost | doubled | jobs | faults | goroutines | files | MiB | between faults |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|`

// print writes what happened, and a row for docs/reliability.md.
func (r *report) print(out io.Writer) {
	b := r.book
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
	p("faults: %s", b.list("fault"))
	p("statuses of calls: %s", b.list("status"))
	p("errors of items: %s", b.list("item error"))
	p("errors in logs: %s", b.list("log"))
	p("jobs: %d, of them %d cancelled, and %d retries; uploads broken off: %d", b.jobs.Load(), b.cancelled.Load(), b.retries.Load(), b.uploadsBroken.Load())
	p("model: %d calls, %d answered well, %d different questions, %d paid again", r.model.Calls, r.model.Succeeded, r.model.Messages.Distinct, r.model.Messages.ExtraPaid)
	p("throughput: %.0f results/s without faults; between them %.0f, at worst %.0f", r.baseline.perSecond(), r.calms.perSecond(), r.worst)
	p("\n%s", head)
	p("| %d | %s | %d | %d | %d | %d | %d | %d | %d | %d | %s | %s | %s | %.0f %% of %.0f/s |",
		r.seed, minutes(r.took), b.accepted.Load(), b.answered.Load(), b.failed.Load(),
		b.returned.Load(), b.lost.Load(), b.doubled.Load(), b.jobs.Load()+b.retries.Load(), b.total("fault"),
		r.pairs(goroutines, 1), r.pairs(files, 1), r.pairs(memory, 1<<20),
		100*r.calms.perSecond()/max(1, r.baseline.perSecond()), r.baseline.perSecond())
}

// pairs is a figure of each replica before and after, in a unit.
func (r *report) pairs(metric string, unit float64) string {
	var all []string
	for _, each := range r.replicas {
		all = append(all, fmt.Sprintf("%.0f→%.0f", r.before[each.name][metric]/unit, r.after[each.name][metric]/unit))
	}
	return strings.Join(all, " ")
}

// minutes writes a time as flags take it.
func minutes(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}
