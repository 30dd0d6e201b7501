package rpc

import (
	"cmp"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/intake"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// Jobs keeps and runs jobs. It is safe for concurrent use. Errors are faults or
// the context's.
type Jobs interface {
	// Create stores a job: items from next until io.EOF, at least one. If the owner has
	// a job with the spec's request id, it returns that job and may leave items unread.
	Create(ctx context.Context, spec catalog.JobSpec, next classify.Source) (catalog.Job, error)
	Get(ctx context.Context, who catalog.Owner, id string) (catalog.Job, error)
	List(ctx context.Context, q catalog.JobQuery) (jobs []catalog.Job, next string, err error)
	Cancel(ctx context.Context, who catalog.Owner, id string) (catalog.Job, error)
	// Pause has no further item begun until Resume.
	Pause(ctx context.Context, who catalog.Owner, id, reason string) (catalog.Job, error)
	Resume(ctx context.Context, who catalog.Owner, id string) (catalog.Job, error)
	Retry(ctx context.Context, who catalog.Owner, id, requestID string) (catalog.Job, error)
	Delete(ctx context.Context, who catalog.Owner, id string) error
	// Results calls take with a page of a job's results and, if they were asked for, the
	// cells of their rows. A take that returns false has no room for the result.
	Results(ctx context.Context, q catalog.ResultQuery, take func(o *catalog.Outcome, cells []string) bool) (catalog.ResultPage, error)
	// Watch hands the job's events to send, from after the token, until the summary.
	Watch(ctx context.Context, who catalog.Owner, id, token string, send func(catalog.JobEvent) error) error
}

// defaultPage is how many jobs a page has if the caller does not say.
const defaultPage = 50

// jobs serves JobService.
type jobs struct {
	credenzav1.UnimplementedJobServiceServer
	jobs    Jobs
	limits  limits
	readers *sync.WaitGroup
}

// CreateJob stores a job.
func (j *jobs) CreateJob(stream credenzav1.JobService_CreateJobServer) error {
	ctx := stream.Context()
	upload := startFeed("an upload", stream.Recv, j.readers)
	defer upload.leave()
	spec, err := upload.spec(ctx)
	if err != nil {
		return err
	}
	if err := j.limits.checkModel("spec.options.model", spec.GetOptions().GetModel()); err != nil {
		return err
	}
	job, err := j.jobs.Create(ctx, jobSpecFromProto(spec, ownerOf(ctx)), notEmpty(upload.next, "item", "send some after the spec"))
	if err != nil {
		return err
	}
	return sendFault(stream.SendAndClose(&credenzav1.CreateJobResponse{Job: jobToProto(ctx, &job)}))
}

// SubmitJob stores a job that comes in one message.
func (j *jobs) SubmitJob(ctx context.Context, req *credenzav1.SubmitJobRequest) (*credenzav1.SubmitJobResponse, error) {
	spec := req.GetSpec()
	if err := j.limits.checkModel("spec.options.model", spec.GetOptions().GetModel()); err != nil {
		return nil, err
	}
	kind := "item"
	if req.GetRows() != nil {
		kind = "row"
	}
	items, err := takeList(req, intake.From(ctx))
	if err != nil {
		return nil, err
	}
	job, err := j.jobs.Create(ctx, jobSpecFromProto(spec, ownerOf(ctx)), notEmpty(items.source(), kind, "send some"))
	if err != nil {
		return nil, err
	}
	return &credenzav1.SubmitJobResponse{Job: jobToProto(ctx, &job)}, nil
}

// notEmpty returns a source that fails, with the advice, if it has no item or row at all.
// It finds out when it is asked, because a repeated request id asks for none.
func notEmpty(next classify.Source, kind, advice string) classify.Source {
	some := false
	return func(ctx context.Context) (*catalog.Item, error) {
		item, err := next(ctx)
		if !some && errors.Is(err, io.EOF) {
			return nil, fault.Invalid(kind+"s", "a job needs at least one %s: %s", kind, advice)
		}
		some = some || err == nil
		return item, err
	}
}

// GetJob shows a job.
func (j *jobs) GetJob(ctx context.Context, req *credenzav1.GetJobRequest) (*credenzav1.GetJobResponse, error) {
	job, err := j.jobs.Get(ctx, ownerOf(ctx), req.GetJobId())
	if err != nil {
		return nil, err
	}
	return &credenzav1.GetJobResponse{Job: jobToProto(ctx, &job)}, nil
}

// ListJobs answers with a page of jobs.
func (j *jobs) ListJobs(ctx context.Context, req *credenzav1.ListJobsRequest) (*credenzav1.ListJobsResponse, error) {
	page, next, err := j.jobs.List(ctx, catalog.JobQuery{
		Owner: ownerOf(ctx), State: jobStatesFromProto[req.GetState()],
		Size: cmp.Or(int(req.GetPageSize()), defaultPage), Token: req.GetPageToken(),
	})
	if err != nil {
		return nil, err
	}
	res := &credenzav1.ListJobsResponse{Jobs: make([]*credenzav1.Job, len(page)), NextPageToken: next}
	for i := range page {
		res.Jobs[i] = jobToProto(ctx, &page[i])
	}
	return res, nil
}

// CancelJob ends a job before its time.
func (j *jobs) CancelJob(ctx context.Context, req *credenzav1.CancelJobRequest) (*credenzav1.CancelJobResponse, error) {
	job, err := j.jobs.Cancel(ctx, ownerOf(ctx), req.GetJobId())
	if err != nil {
		return nil, err
	}
	return &credenzav1.CancelJobResponse{Job: jobToProto(ctx, &job)}, nil
}

// PauseJob pauses a job.
func (j *jobs) PauseJob(ctx context.Context, req *credenzav1.PauseJobRequest) (*credenzav1.PauseJobResponse, error) {
	job, err := j.jobs.Pause(ctx, ownerOf(ctx), req.GetJobId(), req.GetReason())
	if err != nil {
		return nil, err
	}
	return &credenzav1.PauseJobResponse{Job: jobToProto(ctx, &job)}, nil
}

// ResumeJob continues a paused job.
func (j *jobs) ResumeJob(ctx context.Context, req *credenzav1.ResumeJobRequest) (*credenzav1.ResumeJobResponse, error) {
	job, err := j.jobs.Resume(ctx, ownerOf(ctx), req.GetJobId())
	if err != nil {
		return nil, err
	}
	return &credenzav1.ResumeJobResponse{Job: jobToProto(ctx, &job)}, nil
}

// RetryJob makes a job of another's failed items.
func (j *jobs) RetryJob(ctx context.Context, req *credenzav1.RetryJobRequest) (*credenzav1.RetryJobResponse, error) {
	job, err := j.jobs.Retry(ctx, ownerOf(ctx), req.GetJobId(), req.GetRequestId())
	if err != nil {
		return nil, err
	}
	return &credenzav1.RetryJobResponse{Job: jobToProto(ctx, &job)}, nil
}

// DeleteJob deletes a job.
func (j *jobs) DeleteJob(ctx context.Context, req *credenzav1.DeleteJobRequest) (*credenzav1.DeleteJobResponse, error) {
	if err := j.jobs.Delete(ctx, ownerOf(ctx), req.GetJobId()); err != nil {
		return nil, err
	}
	return &credenzav1.DeleteJobResponse{}, nil
}

// WatchJob streams a job's results.
func (j *jobs) WatchJob(req *credenzav1.WatchJobRequest, stream credenzav1.JobService_WatchJobServer) error {
	ctx := stream.Context()
	position := parseWatchPosition(req.GetResumeToken())
	return j.jobs.Watch(ctx, ownerOf(ctx), req.GetJobId(), position.token, func(e catalog.JobEvent) error {
		for _, event := range position.events(ctx, &e) {
			if err := sendFault(stream.Send(event)); err != nil {
				return err
			}
		}
		return nil
	})
}
