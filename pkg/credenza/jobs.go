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

// JobState is where a job is in its life: the name of the proto's JobState without
// its prefix.
type JobState string

// The states. The last three are final.
const (
	JobQueued    JobState = "QUEUED"
	JobRunning   JobState = "RUNNING"
	JobSucceeded JobState = "SUCCEEDED"
	JobCancelled JobState = "CANCELLED"
	JobFailed    JobState = "FAILED"
)

// Ended reports whether the state is final.
func (s JobState) Ended() bool { return s == JobSucceeded || s == JobCancelled || s == JobFailed }

// JobSpec is what holds for a whole job. The zero value takes every default.
type JobSpec struct {
	// Options are as for a call, but for Bulk, which a job always is. BatchSize and
	// InOrder are about the batches of WatchJob, and waits for quota and outages do
	// not count against ItemTimeout.
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
	Started          time.Time // zero: no server has taken it up
	Ended            time.Time // zero: it has not
	// Message is what keeps the job from going on, or why it failed. Mostly empty.
	Message string
	// RetryOf is the job that this one retries. Empty: none.
	RetryOf string
}

// JobQuery selects jobs. The zero value selects all.
type JobQuery struct {
	// State is the one to list; empty: all.
	State JobState
	// PageSize is how many are fetched at once, at most 1,000; 0 takes the server's.
	PageSize int
}

// CreateJob hands a catalogue over. The job exists once this has returned without
// an error, and not before. Items are taken from the sequence no faster than the
// server stores them, and at least one is needed; what does not exist yet need not
// fit into memory.
//
// The sequence runs on a goroutine of its own, as that of Feed does, and is
// stopped at its next item when the call fails: one that blocks on something else
// holds up the return until then, which UploadEnded is for. A sequence that cannot
// go on cancels ctx before it ends: no job is made then.
//
// A call that failed is not repeated, since its items are used up. With a
// RequestID the caller can do so, and gets the job that an answer was lost of.
func (c *Client) CreateJob(ctx context.Context, items iter.Seq[Item], spec JobSpec, opts ...UploadOption) (Job, error) {
	var up upload
	for _, opt := range opts {
		opt(&up)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var work sync.WaitGroup
	defer work.Wait() // runs after the cancel below
	defer cancel(nil)
	stream, err := c.openUpload(ctx, spec)
	if err != nil {
		return Job{}, err
	}
	slot := make(chan *chunk, 1)
	work.Go(func() { collect(ctx, items, slot) })
	work.Go(func() {
		if err := send(ctx, c, stream, uploadChunk, slot); err != nil {
			cancel(err)
		}
	})
	res := &credenzav1.CreateJobResponse{}
	err = stream.RecvMsg(res) // not CloseAndRecv: who sends closes
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

// UploadOption tunes CreateJob.
type UploadOption func(*upload)

type upload struct{ ended func() }

// UploadEnded calls f once the server has answered, well or badly, and before
// CreateJob waits for a sequence that still runs: what that waits for can be closed
// there.
func UploadEnded(f func()) UploadOption { return func(u *upload) { u.ended = f } }

type uploadStream = grpc.ClientStreamingClient[credenzav1.CreateJobRequest, credenzav1.CreateJobResponse]

func (c *Client) openUpload(ctx context.Context, spec JobSpec) (uploadStream, error) {
	stream, err := c.jobs.CreateJob(ctx)
	if err != nil {
		return nil, errorFrom(err)
	}
	err = stream.Send(&credenzav1.CreateJobRequest{Part: &credenzav1.CreateJobRequest_Spec{Spec: &credenzav1.JobSpec{
		Mode: modeToProto(spec.Options.Mode), Options: optionsToProto(spec.Options),
		DisplayName: text(spec.Name), RequestId: text(spec.RequestID),
	}}})
	if err != nil && !errors.Is(err, io.EOF) { // EOF: receiving will say why
		return nil, errorFrom(err)
	}
	return stream, nil
}

func uploadChunk(items *credenzav1.ItemChunk) *credenzav1.CreateJobRequest {
	return &credenzav1.CreateJobRequest{Part: &credenzav1.CreateJobRequest_Items{Items: items}}
}

// Job shows a job.
func (c *Client) Job(ctx context.Context, id string) (Job, error) {
	res, err := c.jobs.GetJob(ctx, &credenzav1.GetJobRequest{JobId: text(id)})
	return jobFromProto(res.GetJob()), errorFrom(err)
}

// Jobs iterates over jobs, the newest first, and fetches them page by page. An
// error is an *Error and the last thing that comes.
func (c *Client) Jobs(ctx context.Context, q JobQuery) iter.Seq2[Job, error] {
	return func(yield func(Job, error) bool) {
		req := &credenzav1.ListJobsRequest{PageSize: clampInt32(q.PageSize), State: jobStateToProto(q.State)}
		for {
			res, err := c.jobs.ListJobs(ctx, req)
			if err != nil {
				yield(Job{}, errorFrom(err))
				return
			}
			for _, job := range res.GetJobs() {
				if !yield(jobFromProto(job), nil) {
					return
				}
			}
			if req.PageToken = res.GetNextPageToken(); req.GetPageToken() == "" {
				return
			}
		}
	}
}

// CancelJob ends a job before its time and returns it. Results so far stay. A job
// that has ended stays as it is, and is no error.
func (c *Client) CancelJob(ctx context.Context, id string) (Job, error) {
	res, err := c.jobs.CancelJob(ctx, &credenzav1.CancelJobRequest{JobId: text(id)})
	return jobFromProto(res.GetJob()), errorFrom(err)
}

// RetryJob makes a new job of the items of an ended one that failed and may
// succeed later, and returns it. Its results have the indexes of the old one. It
// is "FAILED_PRECONDITION" where the job runs or has no such item. requestID is
// the new job's, as in JobSpec.
func (c *Client) RetryJob(ctx context.Context, id, requestID string) (Job, error) {
	res, err := c.jobs.RetryJob(ctx, &credenzav1.RetryJobRequest{JobId: text(id), RequestId: text(requestID)})
	return jobFromProto(res.GetJob()), errorFrom(err)
}

// DeleteJob deletes a job with its items and results. One that runs is cancelled
// first.
func (c *Client) DeleteJob(ctx context.Context, id string) error {
	_, err := c.jobs.DeleteJob(ctx, &credenzav1.DeleteJobRequest{JobId: text(id)})
	return errorFrom(err)
}

const jobStatePrefix = "JOB_STATE_"

// jobStateToProto passes a state that is none on, so that the server names the
// field.
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
	}
}

// timeFromProto returns the zero time where none was sent.
func timeFromProto(p *timestamppb.Timestamp) time.Time {
	if p == nil {
		return time.Time{}
	}
	return p.AsTime()
}
