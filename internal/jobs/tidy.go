package jobs

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/fault"
)

const (
	// tidyEvery is how often a replica tidies, give or take a quarter.
	tidyEvery = 5 * time.Minute
	// graveTime is how long a deleted job's record stays: workers that have not
	// heard of the deletion have stopped by then.
	graveTime = 10 * time.Minute
	// fullPart is the fill level of the store above which the oldest ended jobs are
	// removed.
	fullPart = 0.9
)

// tidyRegularly calls Tidy from time to time until ctx ends. Every replica does so;
// removing twice does no harm.
func (s *Service) tidyRegularly(ctx context.Context) {
	timer := time.NewTimer(time.Minute)
	defer timer.Stop()
	for pause(ctx, s.config.TidyPause) == nil {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.full:
		}
		if s.store.away() != nil { // nothing can be removed
		} else if err := s.Tidy(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("old jobs could not be removed: trying again later", zap.Error(err))
		}
		timer.Reset(tidyEvery*3/4 + rand.N(tidyEvery/2)) //nolint:gosec // replicas are only to differ
	}
}

// foundFull schedules a Tidy soon.
func (s *Service) foundFull() {
	select {
	case s.full <- struct{}{}:
	default:
	}
}

// Tidy removes jobs that ended longer ago than Config.Keep, the oldest ended jobs if
// the store is nearly full, and the remains of deleted jobs and broken uploads.
func (s *Service) Tidy(ctx context.Context) error {
	ended := s.mirror.all(func(rec *jobRecord) bool { return rec.State.Ended() && rec.Deleted == 0 })
	slices.SortFunc(ended, func(a, b *jobRecord) int { return cmp.Compare(a.Ended, b.Ended) })
	full, err := s.isFull(ctx)
	problems := []error{err}
	for _, rec := range ended {
		if !full && rec.Ended.since() < s.config.Keep {
			break // the others are younger
		}
		problems = append(problems, s.retire(ctx, rec))
		if full, err = s.isFull(ctx); err != nil {
			problems = append(problems, err)
		}
	}
	for _, rec := range s.mirror.all(func(rec *jobRecord) bool { return rec.Deleted.since() > graveTime && rec.Deleted != 0 }) {
		problems = append(problems, s.forget(ctx, rec))
	}
	return errors.Join(append(problems, s.removeOrphans(ctx), s.store.records.PurgeDeletes(ctx))...)
}

// retire deletes an ended job.
func (s *Service) retire(ctx context.Context, rec *jobRecord) error {
	if err := s.markDeleted(ctx, rec); err != nil {
		return ignoreMissing(err)
	}
	s.log.Info("an ended job is deleted: its time is over, or the store needs room", zap.String("job", rec.ID), zap.Time("ended", rec.Ended.time()))
	return nil
}

// forget removes the last of a deleted job.
func (s *Service) forget(ctx context.Context, rec *jobRecord) error {
	current, revision, err := s.store.get(ctx, rec.ID)
	if err != nil || current.Upload != rec.Upload {
		return ignoreMissing(err)
	}
	if err := s.removeStored(ctx, current); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	if err := s.store.records.Purge(within, rec.ID, jetstream.LastRevision(revision)); err != nil && !wrongLast(err) {
		return err
	}
	return nil
}

// isFull reports whether ended jobs must be removed to make room.
func (s *Service) isFull(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	rooms, err := s.store.rooms(ctx)
	return slices.ContainsFunc(rooms, func(r Room) bool { return float64(r.Used) > fullPart*float64(r.Limit) }), err
}

// removeOrphans removes uploads that broke off with their server.
func (s *Service) removeOrphans(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, removeTime)
	defer cancel()
	// Each upload has a first chunk.
	info, err := s.store.info(ctx, itemsStream, itemsPrefix+"*.0")
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, rec := range s.mirror.all(func(*jobRecord) bool { return true }) {
		known[rec.Upload] = true
	}
	var problems []error
	for subject := range info.State.Subjects {
		upload, _, _ := strings.Cut(strings.TrimPrefix(subject, itemsPrefix), ".")
		if !known[upload] {
			problems = append(problems, s.removeOrphan(ctx, upload))
		}
	}
	corrected, err := s.store.uploads(ctx, correctionsStream, correctionsPrefix)
	for upload := range corrected {
		if !known[upload] {
			problems = append(problems, s.removeOrphanChanges(ctx, upload))
		}
	}
	return errors.Join(append(problems, err)...)
}

// removeOrphanChanges removes corrections of a job that is gone, which a version without
// corrections leaves when it deletes the job.
func (s *Service) removeOrphanChanges(ctx context.Context, upload string) error {
	if orphan, err := s.isOrphan(ctx, upload, s.store.corrections, changesOf(upload)); err != nil || !orphan {
		return err
	}
	return s.store.removeChanges(ctx, upload)
}

// removeOrphan removes an upload that belongs to no job.
func (s *Service) removeOrphan(ctx context.Context, upload string) error {
	if orphan, err := s.isOrphan(ctx, upload, s.store.items, allOf(itemsPrefix, upload)); err != nil || !orphan {
		return err
	}
	s.log.Info("a broken upload is removed", zap.String("upload", upload))
	return errors.Join(s.store.removeResults(ctx, upload), s.store.remove(ctx, upload, true))
}

// isOrphan reports whether the messages of an upload with a subject belong to no job,
// according to the store, and none was stored recently.
func (s *Service) isOrphan(ctx context.Context, upload string, stream jetstream.Stream, subject string) (bool, error) {
	last, err := s.store.last(ctx, stream, subject)
	if err != nil || last == nil || time.Since(last.Time) < s.config.UploadWait {
		return false, err
	}
	id := last.Header.Get(headerJob)
	if !validID(id) {
		return false, nil // nothing that this program has stored
	}
	rec, _, err := s.store.get(ctx, id)
	if (err == nil && rec.Upload == upload) || (err != nil && !fault.Is(err, fault.NotFound)) {
		return false, err
	}
	results, err := s.store.last(ctx, s.store.results, allOf(resultsPrefix, upload))
	if err != nil {
		return false, err
	}
	// With results, it was a job whose record is lost: its callers get DATA_LOSS.
	return results == nil || time.Since(last.Time) >= s.config.Keep, nil
}

func ignoreMissing(err error) error {
	if isMissing(err) || fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
