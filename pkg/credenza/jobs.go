package credenza

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// JobState is the state of a job: the name of the proto's JobState without its prefix.
type JobState string

// The states. The last three are final.
const (
	JobQueued    JobState = "QUEUED"
	JobRunning   JobState = "RUNNING"
	JobPaused    JobState = "PAUSED" // until ResumeJob
	JobSucceeded JobState = "SUCCEEDED"
	JobCancelled JobState = "CANCELLED"
	JobFailed    JobState = "FAILED"
)

// Ended reports whether the state is final.
func (s JobState) Ended() bool { return s == JobSucceeded || s == JobCancelled || s == JobFailed }

// JobSpec describes a job to create. The zero value takes every default.
type JobSpec struct {
	// Options are those of a call. A job is always Bulk, BatchSize and InOrder apply to
	// the batches of WatchJob, and waits for quota and outages do not count against
	// ItemTimeout.
	Options Options
	// Name is for people, at most 200 characters.
	Name string
	// RequestID, if it is not empty, makes CreateJob safe to repeat: the same caller
	// gets the same job for the same id until that is deleted, whatever the items.
	// It has 200 characters at most.
	RequestID string
}

// Job is a catalogue that the server classifies in the background.
type Job struct {
	ID    string
	Name  string
	State JobState
	// Progress is that of the job; its total is always known.
	Progress Progress
	// FailuresByReason counts failed items so far.
	FailuresByReason map[string]int64
	Created          time.Time
	Started          time.Time // zero: no server has started it
	Ended            time.Time // zero: it has not
	// Message is why the job does not progress, or why it failed. Mostly empty.
	Message string
	// RetryOf is the job that this one retries. Empty: none.
	RetryOf string
	// PromptTokens and CompletionTokens are those of all questions and answers so far. With
	// a token file they are 0 for callers without the scope operate.
	PromptTokens, CompletionTokens int64
}

// JobQuery selects jobs. The zero value selects all.
type JobQuery struct {
	// State is the one to list; empty: all.
	State JobState
	// PageSize is how many are fetched at once, at most 1,000; 0 takes the server's.
	PageSize int
}

// CreateJob uploads a catalogue as a job. The job exists once CreateJob has returned
// without an error, and not before. It takes items from the sequence, at least one, no
// faster than the server stores them. The items need not fit into memory.
//
// The sequence runs on a goroutine of its own, as that of Feed does, and is stopped at
// its next item when the call fails. CreateJob waits for that; UploadEnded is for
// sequences that block. A sequence that cannot continue cancels ctx before it ends, so
// that no job is created.
//
// A call that failed is not repeated, since its items are used up. With a RequestID the
// caller can repeat it, and gets the existing job if only the answer was lost.
func (c *Client) CreateJob(ctx context.Context, items iter.Seq[Item], spec JobSpec, opts ...UploadOption) (Job, error) {
	return c.upload(ctx, itemSource(items), spec, uploadOf(opts))
}

// CreateJobFromRows does the same with the rows of a table, as texts. The server finds out
// which column fills which field, as it does for files; UploadOverrides correct it. The job
// keeps its rows: see ResultQuery.WithRows.
func (c *Client) CreateJobFromRows(
	ctx context.Context, columns []string, rows iter.Seq[[]string], spec JobSpec, opts ...UploadOption,
) (Job, error) {
	up := uploadOf(opts)
	return c.upload(ctx, rowSource(columns, rows, up.overrides), spec, up)
}

func (c *Client) upload(ctx context.Context, src source, spec JobSpec, up *upload) (Job, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var work sync.WaitGroup
	defer work.Wait() // runs after the cancel below
	defer cancel(nil)
	stream, err := c.openUpload(ctx, spec)
	if err != nil {
		return Job{}, err
	}
	q := newQueue(usualChunk)
	if src.rows {
		q.first = shortList
	}
	work.Go(func() { q.collect(ctx, src.pieces) })
	work.Go(func() {
		if src.rows {
			q.wait(ctx, 0)
		}
		if err := send(ctx, c, stream, uploadChunk, q.slot); err != nil {
			cancel(err)
		}
	})
	res := &credenzav1.CreateJobResponse{}
	err = stream.RecvMsg(res) // not CloseAndRecv: the sending goroutine closes
	if up.ended != nil {
		up.ended()
	}
	if err != nil {
		if e, ok := errors.AsType[*Error](context.Cause(ctx)); ok {
			return Job{}, e
		}
		return Job{}, errorFrom(err)
	}
	return jobFromProto(res.GetJob()), nil
}

// UploadOption tunes CreateJob and CreateJobFromRows.
type UploadOption func(*upload)

type upload struct {
	ended     func()
	overrides Overrides
}

func uploadOf(opts []UploadOption) *upload {
	var up upload
	for _, opt := range opts {
		opt(&up)
	}
	return &up
}

// UploadOverrides name the columns that fill fields, for CreateJobFromRows.
func UploadOverrides(o Overrides) UploadOption { return func(u *upload) { u.overrides = o } }

// UploadEnded calls f once the server has answered, with or without an error, before
// CreateJob waits for a sequence that still runs. f can close what the sequence waits
// for.
func UploadEnded(f func()) UploadOption { return func(u *upload) { u.ended = f } }

type uploadStream = grpc.ClientStreamingClient[credenzav1.CreateJobRequest, credenzav1.CreateJobResponse]

func (c *Client) openUpload(ctx context.Context, spec JobSpec) (uploadStream, error) {
	stream, err := c.jobs.CreateJob(ctx)
	if err != nil {
		return nil, errorFrom(err)
	}
	err = stream.Send(&credenzav1.CreateJobRequest{Part: &credenzav1.CreateJobRequest_Spec{Spec: jobSpecToProto(&spec)}})
	if err != nil && !errors.Is(err, io.EOF) { // EOF: receiving will say why
		return nil, errorFrom(err)
	}
	return stream, nil
}

func jobSpecToProto(spec *JobSpec) *credenzav1.JobSpec {
	return &credenzav1.JobSpec{
		Mode: modeToProto(spec.Options.Mode), Options: optionsToProto(spec.Options),
		DisplayName: text(spec.Name), RequestId: text(spec.RequestID),
	}
}

func uploadChunk(c *chunk) *credenzav1.CreateJobRequest {
	if rows := c.rowChunk(); rows != nil {
		return &credenzav1.CreateJobRequest{Part: &credenzav1.CreateJobRequest_Rows{Rows: rows}}
	}
	return &credenzav1.CreateJobRequest{Part: &credenzav1.CreateJobRequest_Items{Items: &credenzav1.ItemChunk{Items: c.items}}}
}

// SubmitJob creates a job from a list that fits into one message, of 100,000 items (unless
// the server is configured otherwise) and 64 MiB at most. CreateJob has no such limit. With
// a RequestID a call that failed can be repeated: it gets the existing job if only the
// answer was lost.
func (c *Client) SubmitJob(ctx context.Context, items []Item, spec JobSpec) (Job, error) {
	req := &credenzav1.SubmitJobRequest{Items: converted(items, itemToProto), Spec: jobSpecToProto(&spec)}
	if err := c.checkSize(req); err != nil {
		return Job{}, err
	}
	res, err := c.jobs.SubmitJob(ctx, req)
	return jobFromProto(res.GetJob()), errorFrom(err)
}

// Job returns a job.
func (c *Client) Job(ctx context.Context, id string) (Job, error) {
	res, err := c.jobs.GetJob(ctx, &credenzav1.GetJobRequest{JobId: text(id)})
	return jobFromProto(res.GetJob()), errorFrom(err)
}

// Jobs iterates over jobs, the newest first, and fetches them page by page. An
// error is an *Error and the last thing that comes.
func (c *Client) Jobs(ctx context.Context, q JobQuery) iter.Seq2[Job, error] {
	return pages(func(token string) ([]Job, string, error) {
		res, err := c.jobs.ListJobs(ctx, &credenzav1.ListJobsRequest{
			PageSize: clampInt32(q.PageSize), PageToken: token, State: jobStateToProto(q.State),
		})
		return converted(res.GetJobs(), jobFromProto), res.GetNextPageToken(), err
	})
}

// CancelJob ends a job early and returns it. Its results so far are kept. A job that has
// ended is returned unchanged, without an error.
func (c *Client) CancelJob(ctx context.Context, id string) (Job, error) {
	res, err := c.jobs.CancelJob(ctx, &credenzav1.CancelJobRequest{JobId: text(id)})
	return jobFromProto(res.GetJob()), errorFrom(err)
}

// PauseOptions are those of PauseJob.
type PauseOptions struct {
	// Reason is for people, at most 500 characters. It comes back in Job.Message.
	Reason string
}

// PauseJob pauses a job: no further item is begun, and calls in flight go on. The error has
// CodeFailedPrecondition if the job has ended.
func (c *Client) PauseJob(ctx context.Context, id string, o PauseOptions) (Job, error) {
	res, err := c.jobs.PauseJob(ctx, &credenzav1.PauseJobRequest{JobId: text(id), Reason: text(o.Reason)})
	return jobFromProto(res.GetJob()), errorFrom(err)
}

// ResumeJob continues a paused job. The error has CodeFailedPrecondition if the job has
// ended; one that is not paused is not changed.
func (c *Client) ResumeJob(ctx context.Context, id string) (Job, error) {
	res, err := c.jobs.ResumeJob(ctx, &credenzav1.ResumeJobRequest{JobId: text(id)})
	return jobFromProto(res.GetJob()), errorFrom(err)
}

// RetryOptions are those of Retry.
type RetryOptions struct {
	// RequestID is that of the new job, as in JobSpec.
	RequestID string
}

// Retry creates a job from the items of an ended job that failed and may succeed
// later, and returns it. Its results have the indexes of the old job. The error has
// CodeFailedPrecondition if the job has not ended or has no such item.
func (c *Client) Retry(ctx context.Context, id string, o RetryOptions) (Job, error) {
	res, err := c.jobs.RetryJob(ctx, &credenzav1.RetryJobRequest{JobId: text(id), RequestId: text(o.RequestID)})
	return jobFromProto(res.GetJob()), errorFrom(err)
}

// RetryJob is Retry with two strings that are easily swapped.
//
// Deprecated: use Retry.
func (c *Client) RetryJob(ctx context.Context, id, requestID string) (Job, error) {
	return c.Retry(ctx, id, RetryOptions{RequestID: requestID})
}

// DeleteJob deletes a job with its items and results. One that runs is cancelled
// first.
func (c *Client) DeleteJob(ctx context.Context, id string) error {
	_, err := c.jobs.DeleteJob(ctx, &credenzav1.DeleteJobRequest{JobId: text(id)})
	return errorFrom(err)
}

const jobStatePrefix = "JOB_STATE_"

// jobStateToProto converts a state. It keeps an invalid one, so that the server names
// the field in its error.
func jobStateToProto(s JobState) credenzav1.JobState {
	if s == "" {
		return credenzav1.JobState_JOB_STATE_UNSPECIFIED
	}
	if value, ok := credenzav1.JobState_value[jobStatePrefix+string(s)]; ok {
		return credenzav1.JobState(value)
	}
	return credenzav1.JobState(-1)
}

func jobFromProto(p *credenzav1.Job) Job {
	return Job{
		ID:               p.GetJobId(),
		Name:             p.GetDisplayName(),
		State:            JobState(enumName(p.GetState().String(), jobStatePrefix)),
		Progress:         progressFromProto(p.GetProgress()),
		FailuresByReason: p.GetFailuresByReason(),
		Created:          timeFromProto(p.GetCreateTime()),
		Started:          timeFromProto(p.GetStartTime()),
		Ended:            timeFromProto(p.GetEndTime()),
		Message:          p.GetMessage(),
		RetryOf:          p.GetRetryOf(),
		PromptTokens:     p.GetPromptTokens(),
		CompletionTokens: p.GetCompletionTokens(),
	}
}

// timeFromProto returns the zero time for nil.
func timeFromProto(p *timestamppb.Timestamp) time.Time {
	if p == nil {
		return time.Time{}
	}
	return p.AsTime()
}
