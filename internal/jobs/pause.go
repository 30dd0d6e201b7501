package jobs

import (
	"cmp"
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// pausedMessage is the message of a job that was paused without a reason.
const pausedMessage = "the job is paused: resume it to go on"

// Pause has no further item of a job begun, on any replica, until Resume. Calls in flight
// go on, and their results are stored. If the job is paused already, a reason that is not
// empty replaces the one that it has.
func (s *Service) Pause(ctx context.Context, owner catalog.Owner, id, reason string) (catalog.Job, error) {
	ended := fault.New(fault.Conflict, "the job has ended: there is nothing to pause")
	job, err := s.changeShown(ctx, owner, id, func(rec *jobRecord) error {
		switch {
		case rec.State.Ended():
			return ended
		case rec.State == catalog.JobPaused && reason == "":
			return errUnchanged
		}
		rec.setState(catalog.JobPaused, cmp.Or(reason, pausedMessage))
		return nil
	})
	if err == nil && job.State.Ended() { // its last result was stored meanwhile
		err = ended
	}
	if err != nil {
		return catalog.Job{}, err
	}
	return job, nil
}

// Resume has a paused job wait for a replica again. A job that is not paused is returned
// unchanged.
func (s *Service) Resume(ctx context.Context, owner catalog.Owner, id string) (catalog.Job, error) {
	return s.changeShown(ctx, owner, id, func(rec *jobRecord) error {
		switch {
		case rec.State.Ended():
			return fault.New(fault.Conflict, "the job has ended: there is nothing to resume")
		case rec.State != catalog.JobPaused:
			return errUnchanged
		}
		rec.setState(catalog.JobQueued, "")
		return nil
	})
}

// changeShown has f change the record of a job, and returns the job once the change is on
// disk.
func (s *Service) changeShown(ctx context.Context, owner catalog.Owner, id string, f func(*jobRecord) error) (catalog.Job, error) {
	rec, err := s.find(ctx, owner, id)
	if err != nil {
		return catalog.Job{}, err
	}
	_, err = s.change(ctx, rec, func(current *jobRecord) error {
		rec = current
		return f(rec)
	})
	switch {
	case err == nil:
		rec.named(s.log).Info("a job is paused or resumed", zap.Bool("paused", rec.State == catalog.JobPaused))
		if active := s.activeJobs.get(id); active != nil && !rec.runnable() {
			active.pause() // and not only once the mirror has heard of it
		}
	case !errors.Is(err, errUnchanged):
		return catalog.Job{}, asFault(err)
	}
	if err := s.store.sync(ctx); err != nil {
		return catalog.Job{}, err
	}
	return s.show(ctx, rec)
}
