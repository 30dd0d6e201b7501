package rpc

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/credenza-dev/credenza/internal/catalog"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

var jobStates = map[catalog.JobState]credenzav1.JobState{
	catalog.JobQueued:    credenzav1.JobState_JOB_STATE_QUEUED,
	catalog.JobRunning:   credenzav1.JobState_JOB_STATE_RUNNING,
	catalog.JobSucceeded: credenzav1.JobState_JOB_STATE_SUCCEEDED,
	catalog.JobCancelled: credenzav1.JobState_JOB_STATE_CANCELLED,
	catalog.JobFailed:    credenzav1.JobState_JOB_STATE_FAILED,
	catalog.JobPaused:    credenzav1.JobState_JOB_STATE_PAUSED,
}

// jobStatesFromProto has 0, which is any, for the unspecified state.
var jobStatesFromProto = inverted(jobStates)

// inverted returns the keys of a map by their values, each of which is there once.
func inverted[K, V comparable](m map[K]V) map[V]K {
	keys := make(map[V]K, len(m))
	for key, value := range m {
		keys[value] = key
	}
	return keys
}

// jobSpecFromProto converts a spec that the checks have let through. No caller waits
// for a job, so it is always bulk.
func jobSpecFromProto(p *credenzav1.JobSpec, owner catalog.Owner) catalog.JobSpec {
	options := optionsFromProto(p.GetMode(), p.GetOptions())
	options.Priority = catalog.Bulk
	return catalog.JobSpec{
		Options: options, Name: p.GetDisplayName(), RequestID: p.GetRequestId(), Owner: owner,
	}
}

// jobToProto converts a job for its caller.
func jobToProto(ctx context.Context, j *catalog.Job) *credenzav1.Job {
	p := &credenzav1.Job{
		JobId:            j.ID,
		DisplayName:      text(j.Name),
		State:            jobStates[j.State],
		Progress:         progressToProto(j.Progress),
		FailuresByReason: j.Failures,
		CreateTime:       timeIfAny(j.Created),
		StartTime:        timeIfAny(j.Started),
		EndTime:          timeIfAny(j.Ended),
		Message:          text(j.Message),
		RetryOf:          j.RetryOf,
	}
	if seesAll(ctx) {
		p.PromptTokens, p.CompletionTokens = j.Usage.Prompt, j.Usage.Completion
	}
	return p
}

// jobEventToProto converts a notice or the summary.
func jobEventToProto(ctx context.Context, e *catalog.JobEvent, token string) *credenzav1.WatchJobResponse {
	p := &credenzav1.WatchJobResponse{ResumeToken: token}
	switch {
	case e.Notice != nil:
		p.Event = &credenzav1.WatchJobResponse_Notice{Notice: noticeToProto(e.Notice)}
	case e.Summary != nil:
		p.Event = &credenzav1.WatchJobResponse_Summary{Summary: ownSummary(ctx, summaryToProto(e.Summary))}
	}
	return p
}

func progressToProto(p catalog.Progress) *credenzav1.Progress {
	return &credenzav1.Progress{Done: p.Done, Failed: p.Failed, Total: p.Total}
}

// timeIfAny returns nil for the zero time.
func timeIfAny(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
