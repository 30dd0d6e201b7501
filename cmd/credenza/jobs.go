package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/table"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

type jobsCommand struct {
	Submit  jobsSubmit  `cmd:"" help:"Submit a file of products as a job, and print its id."`
	List    jobsList    `cmd:"" help:"List jobs, the newest first."`
	Show    jobsShow    `cmd:"" help:"Show a job."`
	Watch   jobsWatch   `cmd:"" help:"Follow a job until it ends."`
	Results jobsResults `cmd:"" help:"Write a job's results."`
	Pause   jobsPause   `cmd:"" help:"Pause a job: no further item is begun until it is resumed."`
	Resume  jobsResume  `cmd:"" help:"Resume a paused job."`
	Cancel  jobsCancel  `cmd:"" help:"Cancel a job; its results so far are kept."`
	Retry   jobsRetry   `cmd:"" help:"Create a new job of the failed items of an ended one that may succeed now, and print its id."`
	Delete  jobsDelete  `cmd:"" help:"Delete a job with its results."`
}

// Help is the second part of `credenza jobs --help`.
func (*jobsCommand) Help() string {
	return `A job is classified by a running service in the background: it needs neither this program nor a terminal, and goes on after a restart of the service.`
}

// defaultServer is the address of a service with default settings.
const defaultServer = "127.0.0.1:50051"

// jobServer is the service that has the jobs.
type jobServer struct {
	Server string `env:"CREDENZA_SERVER" default:"127.0.0.1:50051" placeholder:"HOST:PORT" help:"The service that has the jobs (default: 127.0.0.1:50051)."`
	connection
}

// explain returns the error of a call with advice.
func (j *jobServer) explain(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	if call, ok := errors.AsType[*credenza.Error](err); ok && call.Code == "UNIMPLEMENTED" {
		return fmt.Errorf("the service at %s keeps no jobs: it has no storage for them, or is older than this program", j.Server)
	}
	return unreachable(j.Server, err)
}

// again returns a command line for the same service.
func (j *jobServer) again(command string) string {
	if j.Server != defaultServer && j.Server != os.Getenv("CREDENZA_SERVER") {
		command += " --server " + j.Server
	}
	return "credenza jobs " + command
}

// call dials the service and makes calls to it.
func (j *jobServer) call(ctx context.Context, calls func(c *credenza.Client) error) (err error) {
	client, err := j.dial(j.Server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	return j.explain(ctx, calls(client))
}

// oneJob is a job of a service.
type oneJob struct {
	jobServer
	ID string `arg:"" help:"The job's id, as submit and list print it."`
}

// Validate refuses ids that no job can have, such as the output of a failed submit.
func (j *oneJob) Validate() error {
	if strings.TrimSpace(j.ID) == "" {
		return errors.New("the job's id is empty: give one that submit or list has printed")
	}
	return nil
}

type jobsList struct {
	jobServer
	State  string `enum:",queued,running,paused,succeeded,cancelled,failed" default:"" placeholder:"queued|running|paused|succeeded|cancelled|failed" help:"Only jobs in this state."`
	Limit  uint   `placeholder:"N" help:"No more than the N newest (default: all)."`
	Output string `enum:"auto,csv,jsonl,table" default:"auto" placeholder:"csv|jsonl|table" help:"The format of the list (default: a table on a terminal and JSON lines elsewhere)."`
}

// Run lists jobs.
func (c *jobsList) Run(ctx context.Context, s streams) error {
	format, err := chooseFormat(c.Output, "", isTerminal(s.out))
	if err != nil {
		return err
	}
	w, err := newJobWriter(s.out, format)
	if err != nil {
		return err
	}
	query := credenza.JobQuery{State: credenza.JobState(strings.ToUpper(c.State)), PageSize: int(min(c.Limit, maxPageSize))}
	written := uint(0)
	err = c.call(ctx, func(client *credenza.Client) error {
		for job, err := range client.Jobs(ctx, query) {
			if err == nil {
				err = w.write(&job)
			}
			if err != nil {
				return err
			}
			if written++; written == c.Limit {
				break
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if written == 0 && format == table.Aligned {
		printLine(s.err, "credenza: there are no such jobs")
		return nil
	}
	return w.Flush()
}

// maxPageSize is the contract's bound for a page of jobs.
const maxPageSize = 1000

type jobsShow struct {
	oneJob
	Output string `enum:"auto,csv,jsonl,table" default:"auto" placeholder:"csv|jsonl|table" help:"The format of the job (default: line by line on a terminal and as one line of JSON elsewhere)."`
}

// Run shows a job.
func (c *jobsShow) Run(ctx context.Context, s streams) error {
	format, err := chooseFormat(c.Output, "", isTerminal(s.out))
	if err != nil {
		return err
	}
	var job credenza.Job
	err = c.call(ctx, func(client *credenza.Client) (err error) {
		job, err = client.Job(ctx, c.ID)
		return err
	})
	if err != nil {
		return err
	}
	if format == table.Aligned {
		describeJob(s.out, &job)
		return nil
	}
	return printList(s.out, format, []credenza.Job{job}, fullJobColumns...)
}

// change makes a call that changes the job, and prints its state and what may come next.
func (j *oneJob) change(
	ctx context.Context, s streams, next string, change func(*credenza.Client, context.Context, string) (credenza.Job, error),
) error {
	return j.call(ctx, func(client *credenza.Client) error {
		job, err := change(client, ctx, j.ID)
		if err == nil {
			printLine(s.err, "credenza: %s is %s: %d of %s classified%s",
				job.ID, job.State, job.Progress.Done, catalog.Count(job.Progress.Total, "item"), next)
		}
		return err
	})
}

type jobsCancel struct{ oneJob }

// Run cancels a job.
func (c *jobsCancel) Run(ctx context.Context, s streams) error {
	return c.change(ctx, s, "", (*credenza.Client).CancelJob)
}

type jobsPause struct {
	oneJob
	Reason string `placeholder:"TEXT" help:"Why, for all who look at the job."`
}

// Run pauses a job.
func (c *jobsPause) Run(ctx context.Context, s streams) error {
	next := ": resume it with " + c.again("resume "+c.ID)
	return c.change(ctx, s, next, func(client *credenza.Client, ctx context.Context, id string) (credenza.Job, error) {
		return client.PauseJob(ctx, id, credenza.PauseOptions{Reason: c.Reason})
	})
}

type jobsResume struct{ oneJob }

// Run resumes a job.
func (c *jobsResume) Run(ctx context.Context, s streams) error {
	return c.change(ctx, s, ": follow it with "+c.again("watch "+c.ID), (*credenza.Client).ResumeJob)
}

type jobsRetry struct {
	oneJob
	RequestID string `placeholder:"KEY" help:"Create no second job for the same KEY."`
	Watch     bool   `aliases:"wait" help:"Follow the new job until it ends."`
}

// Run creates the new job.
func (c *jobsRetry) Run(ctx context.Context, s streams) error {
	return c.call(ctx, func(client *credenza.Client) error {
		job, err := client.Retry(ctx, c.ID, credenza.RetryOptions{RequestID: c.RequestID})
		if err != nil {
			return err
		}
		return c.created(ctx, client, s, &job, c.RequestID, c.Watch)
	})
}

// created prints the id of a new job, and follows the job if watch is true. It prints
// nothing else to standard output, from which scripts take the id. It says if the job is an
// earlier one of the same requestID.
func (j *jobServer) created(
	ctx context.Context, client *credenza.Client, s streams, job *credenza.Job, requestID string, watch bool,
) error {
	printLine(s.out, "%s", job.ID)
	if requestID != "" && job.State != credenza.JobQueued {
		printLine(s.err, "credenza: the request id %s belongs to this job already: no second one was created", requestID)
	}
	if watch {
		return j.follow(ctx, client, job, s.err)
	}
	printLine(s.err, "credenza: %s in the job: follow it with %s", catalog.Count(job.Progress.Total, "item"), j.again("watch "+job.ID))
	return nil
}

type jobsDelete struct{ oneJob }

// Run deletes a job.
func (c *jobsDelete) Run(ctx context.Context, s streams) error {
	return c.call(ctx, func(client *credenza.Client) error {
		err := client.DeleteJob(ctx, c.ID)
		if err == nil {
			printLine(s.err, "credenza: %s is deleted", c.ID)
		}
		return err
	})
}

func newJobWriter(out io.Writer, format table.Format) (*listing[credenza.Job], error) {
	if format == table.Aligned {
		width, _ := terminalSize(out)
		return newJobTable(out, width)
	}
	return newListing(out, format, fullJobColumns...)
}
