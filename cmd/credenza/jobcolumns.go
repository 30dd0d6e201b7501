package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// describedJobColumns are for the description of one job, and for programs.
var describedJobColumns = []column[credenza.Job]{
	{"job_id", text(func(j *credenza.Job) string { return j.ID })},
	{"name", text(func(j *credenza.Job) string { return j.Name })},
	{"state", text(func(j *credenza.Job) string { return string(j.State) })},
	{"done", number(func(j *credenza.Job) int64 { return j.Progress.Done })},
	{"failed", number(func(j *credenza.Job) int64 { return j.Progress.Failed })},
	{"total", number(func(j *credenza.Job) int64 { return j.Progress.Total })},
	{"failures", text(func(j *credenza.Job) string { return countsByReason(j.FailuresByReason) })},
	{"created", text(func(j *credenza.Job) string { return timeText(j.Created) })},
	{"started", text(func(j *credenza.Job) string { return timeText(j.Started) })},
	{"ended", text(func(j *credenza.Job) string { return timeText(j.Ended) })},
	{"message", text(func(j *credenza.Job) string { return j.Message })},
	{"retry_of", text(func(j *credenza.Job) string { return j.RetryOf })},
}

// fullJobColumns are for programs, in CSV and JSON lines.
var fullJobColumns = slices.Concat(describedJobColumns, []column[credenza.Job]{
	{"prompt_tokens", number(func(j *credenza.Job) int64 { return j.PromptTokens })},
	{"completion_tokens", number(func(j *credenza.Job) int64 { return j.CompletionTokens })},
})

// briefJobColumns are for people, in an aligned table.
var briefJobColumns = []column[credenza.Job]{
	{"job", text(func(j *credenza.Job) string { return j.ID })},
	{"state", text(func(j *credenza.Job) string { return string(j.State) })},
	{"done", text(func(j *credenza.Job) string { return fmt.Sprintf("%d/%d", j.Progress.Done, j.Progress.Total) })},
	{"failed", number(func(j *credenza.Job) int64 { return j.Progress.Failed })},
	{"tokens", text(func(j *credenza.Job) string { return count(j.PromptTokens + j.CompletionTokens) })},
	{"created", text(func(j *credenza.Job) string { return j.Created.Local().Format(time.DateTime) })},
	{"name", text(func(j *credenza.Job) string { return j.Name })},
	{"note", text(jobNote)},
}

// jobColumnsFrom is the number of characters of a terminal's line from which on the list of
// jobs has a column. `jobs show` has all of them.
var jobColumnsFrom = map[string]int{"failed": 64, "name": 72, "tokens": 90, "created": 112, "note": 132}

// newJobTable returns a table of jobs that fits lines of width characters, 0 for any number.
// The id, which people copy, is never cut.
func newJobTable(out io.Writer, width int) (*listing[credenza.Job], error) {
	columns := slices.DeleteFunc(slices.Clone(briefJobColumns), func(c column[credenza.Job]) bool {
		return width > 0 && width < jobColumnsFrom[c.name]
	})
	return newListingOf(out, columns, table.WriterConfig{Format: table.Aligned, Width: width, Whole: 1})
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
	for _, c := range describedJobColumns {
		if value := c.value(job); !value.Blank() {
			printLine(w, "%-8s  %s", c.name, value.String())
		}
	}
	if job.PromptTokens+job.CompletionTokens > 0 {
		printLine(w, "%-8s  %d in, %d out", "tokens", job.PromptTokens, job.CompletionTokens)
	}
}
