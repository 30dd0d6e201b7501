package jobs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// headerEnd is the end's own header: an endForm, JSON.
const headerEnd = "Credenza-End"

// endForm is the last message of a job's results.
type endForm struct {
	State   catalog.JobState `json:"state"`
	Message string           `json:"message,omitempty"`
	At      moment           `json:"at"`
}

func (e *endForm) read(msg jetstream.Msg) error {
	var form endForm
	if err := json.Unmarshal([]byte(msg.Headers().Get(headerEnd)), &form); err != nil {
		return fmt.Errorf("read the end of a job: %w", err)
	}
	if !form.State.Ended() {
		return fmt.Errorf("the end of a job has the state %d", form.State)
	}
	*e = form
	return nil
}

// markRunning records that a job is running. The error is errEnded if it has ended, and
// errPaused if it is paused.
func (s *Service) markRunning(ctx context.Context, job *jobRecord) error {
	_, err := s.change(ctx, job, func(rec *jobRecord) error {
		switch {
		case rec.State.Ended():
			return errEnded
		case rec.State == catalog.JobPaused:
			return errPaused
		case rec.State == catalog.JobRunning:
			return errUnchanged
		}
		rec.setState(catalog.JobRunning, "")
		rec.Started = cmp.Or(rec.Started, now()) // a resumed job was started before
		return nil
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

// maxFailedRuns is how many runs of a job may fail in a row, on any replicas, while no result
// is stored.
const maxFailedRuns = 3

// countFailedRun counts a replica's run of a job that failed for another reason than its store.
// It ends the job after maxFailedRuns of them.
func (s *Service) countFailedRun(ctx context.Context, job *jobRecord, cause error) error {
	within, cancel := context.WithTimeout(ctx, countTime)
	defer cancel()
	c, err := s.count(within, job)
	if err != nil {
		return err
	}
	rec, err := s.change(ctx, job, func(rec *jobRecord) error {
		if rec.State.Ended() {
			return errEnded
		}
		if rec.FailedRuns++; rec.FailedRunsAt < c.sum.Done {
			rec.FailedRuns, rec.FailedRunsAt = 1, c.sum.Done
		}
		return nil
	})
	if err != nil || rec.FailedRuns < maxFailedRuns {
		return err
	}
	job.named(s.log).Error("a job has failed", zap.Int("failed_runs", rec.FailedRuns), zap.Error(cause))
	return s.end(ctx, job, catalog.JobFailed, fmt.Sprintf("the job was begun %d times and failed each time: %s", rec.FailedRuns, fault.From(asFault(cause)).Message))
}

// endIfDone ends the job if each item has its result, and reports whether the job has
// ended.
func (s *Service) endIfDone(ctx context.Context, j *activeJob) (ended bool, err error) {
	err = j.retryUntilDone(ctx, func() error {
		within, cancel := context.WithTimeout(ctx, storeTime)
		defer cancel()
		c, err := s.count(within, j.rec)
		if err != nil {
			return err
		}
		ended = c.ended != 0
		switch {
		case ended:
			return s.settle(ctx, j.rec)
		case c.sum.Done >= j.rec.Items:
			ended = true
			return s.end(ctx, j.rec, catalog.JobSucceeded, "")
		}
		return nil
	})
	return ended, err
}

// end stores a job's end, unless it has one, and updates the record.
func (s *Service) end(ctx context.Context, rec *jobRecord, state catalog.JobState, message string) error {
	within, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	form, err := json.Marshal(endForm{State: state, Message: message, At: now()})
	if err != nil {
		return err
	}
	_, err = s.store.js.PublishMsg(within, &nats.Msg{
		Subject: endSubject(rec.Upload), Header: nats.Header{headerEnd: {string(form)}, headerJob: {rec.ID}},
	}, jetstream.WithExpectLastSequencePerSubject(0), jetstream.WithRetryAttempts(0))
	if err != nil && !wrongLast(err) { // else it has ended already
		return err
	}
	within, cancel = context.WithTimeout(ctx, countTime)
	defer cancel()
	// The server that answers reads may be behind the one that stored the end.
	_, err = persist(within, func(ctx context.Context) (struct{}, error) { return struct{}{}, s.settle(ctx, rec) })
	return err
}

// settle updates the record of a job from the stored end. Callers rely on the record,
// so it says that the job has ended only when the end and all results before it are
// on disk.
func (s *Service) settle(ctx context.Context, job *jobRecord) error {
	rec, err := s.change(ctx, job, func(rec *jobRecord) error {
		if rec.State.Ended() {
			return errUnchanged
		}
		if err := s.close(ctx, rec); err != nil {
			return err
		}
		return s.store.sync(ctx)
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err != nil {
		return err
	}
	s.tallies.Delete(rec.Upload)
	s.removeConsumer(ctx, rec)
	rec.named(s.log).Info("a job has ended", zap.Int64("done", rec.Tally.Done), zap.Int64("failed", rec.Tally.Failed))
	return nil
}

// close fills the record from the stored end and the sum of the results.
func (s *Service) close(ctx context.Context, rec *jobRecord) error {
	ctx, cancel := context.WithTimeout(ctx, countTime)
	defer cancel()
	c, err := s.count(ctx, rec)
	if err != nil {
		return err
	}
	if c.ended == 0 {
		return storageAway(errors.New("the end of the job is not visible yet"))
	}
	rec.setState(c.end.State, c.end.Message)
	rec.Ended = c.end.At
	rec.Tally, rec.EndedSeq = &c.sum, c.ended
	return nil
}

// countTime is for counting a job from its beginning.
const countTime = time.Minute

// removeConsumer removes the consumer of a job's chunks. If that fails, Tidy removes it
// later.
func (s *Service) removeConsumer(ctx context.Context, rec *jobRecord) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	if err := s.store.items.DeleteConsumer(ctx, rec.Upload); err != nil && !isMissing(err) {
		rec.named(s.log).Debug("the consumer of a job stays", zap.Error(err))
	}
}
