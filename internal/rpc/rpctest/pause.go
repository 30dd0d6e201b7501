package rpctest

import (
	"cmp"
	"context"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Pause has Work do nothing for a job until Resume.
func (j *Jobs) Pause(_ context.Context, who catalog.Owner, id, reason string) (catalog.Job, error) {
	return j.change(who, id, func(b *job) {
		if b.State != catalog.JobPaused || reason != "" {
			b.State, b.Message = catalog.JobPaused, cmp.Or(reason, "the job is paused: resume it to go on")
		}
	})
}

// Resume has a job wait for Work again.
func (j *Jobs) Resume(_ context.Context, who catalog.Owner, id string) (catalog.Job, error) {
	return j.change(who, id, func(b *job) {
		if b.State == catalog.JobPaused {
			b.State, b.Message = catalog.JobQueued, ""
		}
	})
}

// change changes a job that has not ended.
func (j *Jobs) change(who catalog.Owner, id string, f func(*job)) (catalog.Job, error) {
	return j.with(who, id, func(b *job) error {
		if b.State.Ended() {
			return fault.New(fault.Conflict, "the job %q has ended", id)
		}
		f(b)
		return nil
	})
}
