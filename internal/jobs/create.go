package jobs

import (
	"context"
	"errors"
	"io"

	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Create stores the items of next until io.EOF, at least one, as a job. The job exists
// and is on disk once Create returns it. If the owner has a job with the spec's request
// id, Create returns that job and ignores the items.
func (s *Service) Create(ctx context.Context, spec catalog.JobSpec, next classify.Source) (catalog.Job, error) {
	if err := s.store.away(); err != nil { // before items are taken
		return catalog.Job{}, err
	}
	job, err := s.create(ctx, spec, next)
	return s.synced(ctx, job, err)
}

// synced returns the job once it is on disk.
func (s *Service) synced(ctx context.Context, job catalog.Job, err error) (catalog.Job, error) {
	if err == nil {
		err = s.store.sync(ctx)
	}
	if err != nil {
		return catalog.Job{}, err
	}
	return job, nil
}

func (s *Service) create(ctx context.Context, spec catalog.JobSpec, next classify.Source) (catalog.Job, error) {
	rec := s.newRecord(ctx, spec)
	if spec.RequestID != "" {
		if job, err := s.existing(ctx, rec.ID); err == nil || !fault.Is(err, fault.NotFound) {
			return job, err
		}
	}
	return s.fill(ctx, rec, func(u *upload) error {
		for {
			it, err := next(ctx)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			if err := u.add(ctx, it, u.items); err != nil {
				return err
			}
		}
		if u.items == 0 {
			return fault.Invalid("items", "there are none: send at least one")
		}
		return nil
	})
}

func (s *Service) newRecord(ctx context.Context, spec catalog.JobSpec) *jobRecord {
	rec := &jobRecord{
		ID: newName(), Name: spec.Name, Owner: spec.Owner.Name,
		State: catalog.JobQueued, Options: spec.Options, Form: storedForm, Trace: s.storedTrace(ctx),
	}
	if spec.RequestID != "" {
		rec.ID = idFor(spec.Owner.Name, spec.RequestID)
	}
	return rec
}

func (s *Service) existing(ctx context.Context, id string) (catalog.Job, error) {
	rec, _, err := s.store.get(ctx, id)
	if err != nil {
		return catalog.Job{}, err
	}
	if rec.Deleted != 0 {
		return catalog.Job{}, notFound()
	}
	return s.show(ctx, rec)
}

// fill admits a job, new or retried: it stores the items that put adds, then creates the
// job. If that fails, it removes what was stored.
func (s *Service) fill(ctx context.Context, rec *jobRecord, put func(*upload) error) (catalog.Job, error) {
	u := s.store.newUpload(rec.ID)
	u.grown = func(ctx context.Context) error { return s.hold(ctx, rec, u) }
	err := u.grown(ctx)
	if err == nil {
		err = put(u)
	}
	if err == nil {
		err = u.finish(ctx)
	}
	if err == nil {
		err = u.grown(ctx)
	}
	if err = asFault(err); err != nil {
		s.release(ctx, rec)
		if fault.Is(err, fault.StorageFull) {
			s.foundFull()
		}
		s.discard(ctx, u)
		return catalog.Job{}, err
	}
	rec.Upload, rec.Items, rec.Chunks, rec.Objects, rec.Bytes = u.name, u.items, u.chunks, u.bucket, u.total
	rec.Created = now()
	switch err := s.enter(ctx, rec); {
	case err == nil, s.entered(ctx, rec):
		return rec.job(nil), nil
	case errors.Is(err, errOutrun): // another call with the same request id was faster
		s.discard(ctx, u)
		job, err := s.existing(ctx, rec.ID)
		if fault.Is(err, fault.NotFound) { // and its job is deleted already
			err = fault.Wrap(err, fault.StorageAway, "another call with this request_id came between: try again")
		}
		return job, err
	default: // the record may still come to be stored, so its items stay
		return catalog.Job{}, asFault(err)
	}
}

// entered reports whether a record is stored although its storing seemed to fail.
func (s *Service) entered(ctx context.Context, rec *jobRecord) bool {
	got, _, err := s.store.get(context.WithoutCancel(ctx), rec.ID)
	return err == nil && got.Upload == rec.Upload
}

func (s *Service) discard(ctx context.Context, u *upload) {
	if err := u.discard(ctx); err != nil {
		s.log.Warn("a failed upload could not be removed: trying again later", zap.Error(err))
	}
}

// enter creates the job. It replaces a job with the same id that is being removed.
func (s *Service) enter(ctx context.Context, rec *jobRecord) error {
	revision, err := s.store.put(ctx, rec, 0)
	if errors.Is(err, errOutrun) {
		old, at, getErr := s.store.get(ctx, rec.ID)
		if getErr != nil || old.Deleted == 0 {
			return err
		}
		if err := s.removeStored(ctx, old); err != nil {
			return err
		}
		revision, err = s.store.put(ctx, rec, at)
	}
	if err != nil {
		return err
	}
	s.mirror.put(rec, revision)
	return nil
}
