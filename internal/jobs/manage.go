package jobs

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// find returns a job's record. The error is NotFound if the owner may not see it.
func (s *Service) find(ctx context.Context, owner catalog.Owner, id string) (*jobRecord, error) {
	if !validID(id) {
		return nil, notFound()
	}
	rec, _, err := s.store.get(ctx, id)
	if fault.Is(err, fault.NotFound) && s.lost.has(ctx, id) {
		return nil, dataLoss(err)
	}
	if err == nil && (rec.Deleted != 0 || !owner.Sees(rec.Owner)) {
		return nil, notFound()
	}
	return rec, err
}

// orGone returns the fault of an error with which a job could not be read: NotFound if the
// job was deleted meanwhile, and what is stored for it.
func (s *Service) orGone(ctx context.Context, owner catalog.Owner, id string, err error) error {
	if _, gone := s.find(ctx, owner, id); fault.Is(gone, fault.NotFound) {
		return gone
	}
	return asFault(err)
}

// show returns a job with the counts of its stored results.
func (s *Service) show(ctx context.Context, rec *jobRecord) (catalog.Job, error) {
	if rec.State.Ended() {
		return rec.job(rec.Tally), nil
	}
	within, cancel := context.WithTimeout(ctx, countTime)
	defer cancel()
	c, err := s.count(within, rec)
	if err != nil {
		return catalog.Job{}, err
	}
	if c.ended != 0 { // the worker that ended the job has not updated the record
		if err := s.settle(ctx, rec); err != nil {
			return catalog.Job{}, asFault(err)
		}
		settled, _, err := s.store.get(ctx, rec.ID)
		if err != nil {
			return catalog.Job{}, err
		}
		return settled.job(settled.Tally), nil
	}
	job := rec.job(&c.sum)
	if active := s.activeJobs.get(rec.ID); active != nil && rec.State != catalog.JobPaused {
		job.Message = active.obstacleText()
	}
	return job, nil
}

// Get returns a job.
func (s *Service) Get(ctx context.Context, owner catalog.Owner, id string) (catalog.Job, error) {
	rec, err := s.find(ctx, owner, id)
	if err != nil {
		return catalog.Job{}, err
	}
	return s.show(ctx, rec)
}

// List returns a page of jobs, the newest first, and the token of the next page,
// empty after the last one.
func (s *Service) List(ctx context.Context, q catalog.JobQuery) ([]catalog.Job, string, error) {
	after, err := parsePage(q.Token)
	if err != nil {
		return nil, "", err
	}
	if err := s.store.away(); err != nil {
		return nil, "", err
	}
	if err := s.mirror.awaitWhole(ctx); err != nil {
		return nil, "", err
	}
	records := s.mirror.all(func(rec *jobRecord) bool {
		return rec.listed() && q.Owner.Sees(rec.Owner) && (q.State == 0 || q.State == rec.State) && after.before(rec)
	})
	slices.SortFunc(records, func(a, b *jobRecord) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), strings.Compare(a.ID, b.ID))
	})
	next := ""
	if len(records) > q.Size {
		records = records[:q.Size]
		next = pageAfter(records[q.Size-1])
	}
	jobs, err := s.showAll(ctx, records)
	return jobs, next, err
}

// listReaders is how many jobs of a list are read at once.
const listReaders = 8

// showAll returns the jobs of the records, except those that were deleted meanwhile.
func (s *Service) showAll(ctx context.Context, records []*jobRecord) ([]catalog.Job, error) {
	jobs := make([]catalog.Job, len(records))
	showing, ctx := errgroup.WithContext(ctx)
	showing.SetLimit(listReaders)
	for i, rec := range records {
		showing.Go(func() (err error) {
			jobs[i], err = s.show(ctx, rec)
			if fault.Is(err, fault.NotFound) {
				return nil
			}
			return err
		})
	}
	err := showing.Wait()
	return slices.DeleteFunc(jobs, func(j catalog.Job) bool { return j.ID == "" }), err
}

// Cancel ends a job and returns it. A job that has ended is returned unchanged.
func (s *Service) Cancel(ctx context.Context, owner catalog.Owner, id string) (catalog.Job, error) {
	rec, err := s.find(ctx, owner, id)
	if err != nil {
		return catalog.Job{}, err
	}
	if !rec.State.Ended() {
		if err := s.end(ctx, rec, catalog.JobCancelled, ""); err != nil {
			return catalog.Job{}, asFault(err)
		}
		if rec, err = s.find(ctx, owner, id); err != nil {
			return catalog.Job{}, err
		}
	}
	return rec.job(rec.Tally), nil
}

// Delete removes a job and all that is stored for it.
func (s *Service) Delete(ctx context.Context, owner catalog.Owner, id string) error {
	rec, err := s.find(ctx, owner, id)
	if err != nil {
		return err
	}
	return asFault(errors.Join(s.markDeleted(ctx, rec), s.store.sync(ctx)))
}

// markDeleted hides a job from callers and removes what is stored for it. The record
// stays for some time, so that data that cannot be removed now, or that a worker
// still stores, is removed later.
func (s *Service) markDeleted(ctx context.Context, rec *jobRecord) error {
	gone, err := s.change(ctx, rec, func(rec *jobRecord) error {
		rec.Form, rec.Needs = storedForm, "" // every version may remove what is left of it
		rec.Deleted = now()
		return nil
	})
	if err != nil {
		return err
	}
	s.tallies.Delete(gone.Upload)
	return s.removeStored(ctx, gone)
}

// removeStored removes all that is stored for a job, except its record.
func (s *Service) removeStored(ctx context.Context, rec *jobRecord) error {
	s.removeConsumer(ctx, rec)
	ctx, cancel := context.WithTimeout(ctx, removeTime)
	defer cancel()
	return errors.Join(s.store.removeResults(ctx, rec.Upload), s.store.removeChanges(ctx, rec.Upload), s.store.remove(ctx, rec.Upload, rec.Objects))
}

// removeTime bounds the removal of a job.
const removeTime = 30 * time.Second

// Retry creates a job from the items of an ended job that failed and may succeed later.
func (s *Service) Retry(ctx context.Context, owner catalog.Owner, id, requestID string) (catalog.Job, error) {
	job, err := s.retry(ctx, owner, id, requestID)
	return s.synced(ctx, job, err)
}

func (s *Service) retry(ctx context.Context, owner catalog.Owner, id, requestID string) (catalog.Job, error) {
	old, err := s.find(ctx, owner, id)
	if err != nil {
		return catalog.Job{}, err
	}
	rec := s.newRecord(ctx, catalog.JobSpec{
		Options: old.Options, Name: old.Name, RequestID: requestID, Owner: catalog.Owner{Name: old.Owner},
	})
	rec.RetryOf = old.ID
	if requestID != "" {
		job, err := s.existing(ctx, rec.ID)
		switch {
		case err == nil && job.RetryOf != old.ID:
			return catalog.Job{}, fault.New(fault.Conflict, "the request_id belongs to another job: give another one")
		case err == nil || !fault.Is(err, fault.NotFound):
			return job, err
		}
	}
	if !old.State.Ended() {
		return catalog.Job{}, fault.New(fault.Conflict, "the job has not ended: wait for it, or cancel it first")
	}
	failed, err := s.retryable(ctx, old)
	if err != nil {
		return catalog.Job{}, asFault(err)
	}
	if failed.count == 0 {
		return catalog.Job{}, fault.New(fault.Conflict, "no failed item of the job may succeed later: there is nothing to retry")
	}
	return s.fill(ctx, rec, func(u *upload) error {
		if err := s.copyItems(ctx, old, u, failed); err != nil {
			return err
		}
		if u.items == failed.count {
			return nil
		}
		if _, err := s.find(ctx, owner, id); err != nil { // it is being deleted
			return err
		}
		return dataLoss(errors.New("items are missing"))
	})
}

// copyItems adds the wanted items of a job to an upload.
func (s *Service) copyItems(ctx context.Context, old *jobRecord, u *upload, wanted *indexSet) error {
	return s.store.eachChunk(ctx, old.Upload, func(_ int64, c *chunk) error {
		for at, index := range c.indexes {
			if wanted.Bit(int(index)) == 0 {
				continue
			}
			it, err := s.store.loadItem(ctx, old.Upload, c, at)
			if err != nil {
				return err
			}
			if err := u.add(ctx, it, index); err != nil {
				return err
			}
		}
		return nil
	})
}
