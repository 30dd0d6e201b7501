package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/resultfile"
	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

type jobsResults struct {
	oneJob
	Output  string `enum:"auto,csv,jsonl,table" default:"auto" placeholder:"csv|jsonl|table" help:"The format of the results (default: by the ending of --out; else a table on a terminal and JSON lines elsewhere)."`
	Out     string `short:"o" placeholder:"FILE" help:"Write results to FILE."`
	InOrder bool   `xor:"place" help:"Write results in the order of the catalogue. Those that come before their turn are kept in memory."`
	Follow  bool   `short:"f" help:"Wait for the results that are not there yet."`
	Resume  string `xor:"place" placeholder:"TOKEN" help:"Continue after the place that an interrupted run has printed, and follow."`
}

// Help is the second part of `credenza jobs results --help`.
func (*jobsResults) Help() string {
	return `JSON lines and tables are those of "credenza classify"; CSV has the same columns as JSON lines, but for the alternatives. Of a running job the results so far are written; with --follow all of them, as they come. The exit code is 1 if items failed.`
}

// Validate finds an --out whose ending names no format, or that of a sheet.
func (c *jobsResults) Validate() error {
	if err := c.oneJob.Validate(); err != nil {
		return err
	}
	format, err := chooseFormat(c.Output, c.Out, false)
	if err == nil && format != table.XLSX {
		return nil
	}
	return fmt.Errorf("--out is %q, and a job's results are written as csv, jsonl or table here: "+
		"change the ending, or give --output (the console exports sheets)", c.Out)
}

// Run writes the results.
func (c *jobsResults) Run(ctx context.Context, s streams) (err error) {
	out, err := openOutput(ctx, c.Out, c.Output, &input{}, s.out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	w, err := resultfile.New(out, resultfile.Layout{Format: out.format, OfJob: true}, out.width, out.height)
	if err != nil {
		return err
	}
	return c.call(ctx, func(client *credenza.Client) error {
		job, err := client.Job(ctx, c.ID)
		if err != nil {
			return err
		}
		run := &resultsCopy{jobsResults: c, client: client, job: &job, notes: s.err}
		run.write = func(results []credenza.Result) error { return writeResults(w, results) }
		run.end = func() error { return w.Flush(true) }
		if c.InOrder {
			run.write = inOrder(run.write)
		}
		run.bar = newProgress(s.err, out.terminal, "results", job.Progress.Total)
		defer run.bar.end()
		return run.copy(ctx)
	})
}

// resultsRun is one run of the command.
type resultsCopy struct {
	*jobsResults
	client *credenza.Client
	job    *credenza.Job // as it was at the beginning
	notes  io.Writer
	bar    *progress
	// write writes a batch; nil is the end.
	write func([]credenza.Result) error
	end   func() error // writes what was held back
	tally tally
}

// waitsForAll reports whether the command waits for the job's last result.
func (r *resultsCopy) waitsForAll() bool { return r.Follow || r.Resume != "" || r.job.State.Ended() }

// copy writes results until the job's end, or those that exist at its start if
// waitsForAll is false.
func (r *resultsCopy) copy(ctx context.Context) error {
	watch := r.client.WatchJob(ctx, r.job.ID, r.Resume, r.onOutage(r.notes, r.bar))
	watch.OnNotice(onNotice(r.notes, r.bar))
	var failed error
	if r.waitsForAll() || r.job.Progress.Done > 0 {
		failed = r.batches(watch)
	}
	r.bar.end()
	if failed == nil || r.tally.Done > 0 { // else what the file held before is left alone
		err := r.write(nil)
		if err == nil {
			err = r.end()
		}
		if err != nil && failed == nil {
			failed = unwritten(err)
		}
	}
	return r.conclude(ctx, watch.Token(), failed)
}

func (r *resultsCopy) batches(watch *credenza.Watch) error {
	for batch, err := range watch.Batches() {
		if err != nil {
			return err
		}
		if err := r.write(batch.Results); err != nil {
			return unwritten(err)
		}
		r.tally.add(batch.Results)
		r.bar.at(batch.Progress.Done)
		if !r.waitsForAll() && batch.Progress.Done >= r.job.Progress.Done {
			return nil
		}
	}
	return nil
}

func unwritten(err error) error { return fmt.Errorf("the results cannot be written: %w", err) }

// conclude prints how many results were written, and returns the command's error.
func (r *resultsCopy) conclude(ctx context.Context, token string, err error) error {
	line := catalog.Count(r.tally.Done, "result")
	line += r.tally.problems()
	switch {
	case ctx.Err() != nil && err != nil && token != "" && !r.InOrder:
		printLine(r.notes, "credenza: interrupted: %s; continue with %s", line, r.again("results "+r.job.ID+" --resume "+token))
	case ctx.Err() != nil && err != nil:
		printLine(r.notes, "credenza: interrupted: %s", line)
	case err != nil:
	case !r.waitsForAll():
		printLine(r.notes, "credenza: %s; the job is %s with %s: wait for the rest with --follow",
			line, r.job.State, catalog.Count(r.job.Progress.Total, "item"))
	default:
		printLine(r.notes, "credenza: %s", line)
	}
	if err == nil && r.tally.failed() > 0 {
		return errItemsFailed
	}
	return err
}

// inOrder returns a function that writes results in the order of their indexes. A job
// that retries another has gaps in its indexes, so most of its results are written at
// the end.
func inOrder(write func([]credenza.Result) error) func([]credenza.Result) error {
	next, early := int64(0), map[int64]credenza.Result{}
	return func(results []credenza.Result) error {
		var ready []credenza.Result
		for _, r := range results {
			early[r.Index] = r
		}
		for r, ok := early[next]; ok; r, ok = early[next] {
			ready = append(ready, r)
			delete(early, next)
			next++
		}
		if results == nil {
			for _, index := range slices.Sorted(maps.Keys(early)) {
				ready = append(ready, early[index])
			}
			clear(early)
		}
		return write(ready)
	}
}
