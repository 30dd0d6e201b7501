package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

type jobsWatch struct{ oneJob }

// Help is the second part of `credenza jobs watch --help`.
func (*jobsWatch) Help() string {
	return `Waits for a server that is away. An interruption ends only the watching: the job goes on. The exit code is 1 if items failed or the job was cancelled.`
}

// Run follows the job.
func (c *jobsWatch) Run(ctx context.Context, s streams) error {
	return c.call(ctx, func(client *credenza.Client) error {
		job, err := client.Job(ctx, c.ID)
		if err != nil {
			return err
		}
		return c.follow(ctx, client, &job, s.err)
	})
}

// follow shows a job's progress until its end, and its summary.
func (j *jobServer) follow(ctx context.Context, client *credenza.Client, job *credenza.Job, notes io.Writer) error {
	if job.State == credenza.JobPaused {
		printLine(notes, "credenza: %s is %s (%s): it waits for %s", job.ID, job.State, job.Message, j.again("resume "+job.ID))
	}
	bar := newProgress(notes, false, "classifying", job.Progress.Total)
	defer bar.end()
	watch := client.WatchJob(ctx, job.ID, "", j.onOutage(notes, bar))
	watch.OnNotice(onNotice(notes, bar))
	var seen tally
	for batch, err := range watch.Batches() {
		if err != nil {
			if ctx.Err() != nil {
				bar.end()
				printLine(notes, "credenza: interrupted at %d of %s: the job goes on, see it again with %s",
					seen.Done, catalog.Count(job.Progress.Total, "item"), j.again("watch "+job.ID))
			}
			return err
		}
		seen.add(batch.Results)
		bar.at(batch.Progress.Done)
	}
	bar.end()
	err := j.conclude(ctx, client, job, watch.Summary(), seen.withoutPicture(), notes)
	if seen.Retryable > 0 {
		printLine(notes, "credenza: %d may succeed later: try them again with %s", seen.Retryable, j.again("retry "+job.ID))
	}
	return err
}

// onOutage prints a line for each outage.
func (j *jobServer) onOutage(notes io.Writer, bar *progress) credenza.WatchOption {
	return credenza.WatchNotify(func(attempt int, err error) {
		if attempt == 1 {
			bar.hideWhile(func() { printLine(notes, "credenza: waiting for %s: %s", j.Server, publicText(err)) })
		}
	})
}

// conclude prints the summary of an ended job, and returns the command's error.
func (j *jobServer) conclude(ctx context.Context, client *credenza.Client, job *credenza.Job, sum credenza.Summary, pictures string, notes io.Writer) error {
	line := fmt.Sprintf("%s classified in %v", catalog.Count(sum.Succeeded, "item"), sum.Elapsed.Round(time.Millisecond))
	if sum.Failed > 0 {
		line += fmt.Sprintf(", %d failed: %s", sum.Failed, countsByReason(sum.FailuresByReason))
	}
	line += pictures
	missing := job.Progress.Total - sum.Succeeded - sum.Failed
	if missing > 0 {
		ended, err := client.Job(ctx, job.ID)
		if err != nil {
			return err
		}
		line += fmt.Sprintf(", %d without a result: the job is %s", missing, ended.State)
		if ended.Message != "" {
			line += ": " + table.Printable(ended.Message)
		}
	}
	printLine(notes, "credenza: %s", line)
	if sum.Failed > 0 || missing > 0 {
		return errItemsFailed
	}
	return nil
}
