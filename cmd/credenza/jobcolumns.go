package main

import (
	"fmt"
	"io"
	"time"

	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// jobColumn is one column of a list of jobs and the function of its values.
type jobColumn struct {
	name  string
	value func(j *credenza.Job) table.Value
}

func jobText(of func(j *credenza.Job) string) func(*credenza.Job) table.Value {
	return func(j *credenza.Job) table.Value { return table.TextValue(of(j)) }
}

func jobCount(of func(j *credenza.Job) int64) func(*credenza.Job) table.Value {
	return func(j *credenza.Job) table.Value { return table.IntValue(of(j)) }
}

// fullJobColumns are for programs, in CSV and JSON lines, and for the description
// of one job.
var fullJobColumns = []jobColumn{
	{"job_id", jobText(func(j *credenza.Job) string { return j.ID })},
	{"name", jobText(func(j *credenza.Job) string { return j.Name })},
	{"state", jobText(func(j *credenza.Job) string { return string(j.State) })},
	{"done", jobCount(func(j *credenza.Job) int64 { return j.Progress.Done })},
	{"failed", jobCount(func(j *credenza.Job) int64 { return j.Progress.Failed })},
	{"total", jobCount(func(j *credenza.Job) int64 { return j.Progress.Total })},
	{"failures", jobText(func(j *credenza.Job) string { return countsByReason(j.FailuresByReason) })},
	{"created", jobText(func(j *credenza.Job) string { return timeText(j.Created) })},
	{"started", jobText(func(j *credenza.Job) string { return timeText(j.Started) })},
	{"ended", jobText(func(j *credenza.Job) string { return timeText(j.Ended) })},
	{"message", jobText(func(j *credenza.Job) string { return j.Message })},
	{"retry_of", jobText(func(j *credenza.Job) string { return j.RetryOf })},
}

// briefJobColumns are for people, in an aligned table.
var briefJobColumns = []jobColumn{
	{"job", jobText(func(j *credenza.Job) string { return j.ID })},
	{"state", jobText(func(j *credenza.Job) string { return string(j.State) })},
	{"done", jobText(func(j *credenza.Job) string { return fmt.Sprintf("%d/%d", j.Progress.Done, j.Progress.Total) })},
	{"failed", jobCount(func(j *credenza.Job) int64 { return j.Progress.Failed })},
	{"created", jobText(func(j *credenza.Job) string { return j.Created.Local().Format(time.DateTime) })},
	{"name", jobText(func(j *credenza.Job) string { return j.Name })},
	{"note", jobText(jobNote)},
}

func jobNote(j *credenza.Job) string {
	if j.Message == "" && j.RetryOf != "" {
		return "retry of " + j.RetryOf
	}
	return j.Message
}

// timeText returns a time for programs, empty for the zero time.
func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// describeJob writes a job's fields, one a line.
func describeJob(w io.Writer, job *credenza.Job) {
	for _, c := range fullJobColumns {
		if value := c.value(job); !value.Blank() {
			printLine(w, "%-8s  %s", c.name, table.Printable(value.String()))
		}
	}
}
