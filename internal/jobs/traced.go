package jobs

import (
	"context"
	"errors"
	"strings"

	"go.uber.org/zap"
)

// storedTrace returns the trace of a call that creates a job, as the record has it.
func (s *Service) storedTrace(ctx context.Context) string {
	if s.config.Traces == nil {
		return ""
	}
	return s.config.Traces.Stored(ctx)
}

// traceID returns the id of the trace that the job is in; empty: it is in none.
func (r *jobRecord) traceID() string {
	if parts := strings.Split(r.Trace, "-"); len(parts) > 1 {
		return parts[1]
	}
	return ""
}

// named returns the logger with the job's id in each line, and that of the job's trace.
func (r *jobRecord) named(log *zap.Logger) *zap.Logger {
	log = log.With(zap.String("job", r.ID))
	if id := r.traceID(); id != "" {
		log = log.With(zap.String("trace_id", id))
	}
	return log
}

// traced calls run in the job's trace. That the job has ended or is paused is no failure of
// the work on it, nor is the end of ctx.
func (j *activeJob) traced(ctx context.Context, run func(context.Context) error) error {
	traces := j.service.config.Traces
	if traces == nil || j.rec.Trace == "" {
		return run(ctx)
	}
	within := traces.Continue(ctx, j.rec.Trace, j.rec.ID)
	err := run(within)
	failed := err
	if ctx.Err() != nil || errors.Is(err, errEnded) || errors.Is(err, errPaused) {
		failed = nil
	}
	traces.JobDone(within, failed)
	return err
}
