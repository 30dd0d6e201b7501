package review

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Store is where jobs are stored: see jobs.Service. Errors are faults or the context's.
type Store interface {
	// Reviewed returns a job that the owner may see.
	Reviewed(ctx context.Context, owner catalog.Owner, id string) (catalog.ReviewedJob, error)
	// ResultsAfter calls each with the results behind a place, and returns the job as it is
	// then.
	ResultsAfter(ctx context.Context, job catalog.ReviewedJob, after uint64, each func(place uint64, chunk int64, outcomes []catalog.Outcome) error) (catalog.ReviewedJob, error)
	// Changes calls each with the changes behind a place. DataLoss comes after all that can
	// be read.
	Changes(ctx context.Context, job catalog.ReviewedJob, after uint64, each func(catalog.StoredChange) error) error
	// Correct stores a change after the one at a place, and returns its own place; 0 if
	// another change is there already.
	Correct(ctx context.Context, job catalog.ReviewedJob, after uint64, change *catalog.Change) (uint64, error)
	// Pictures calls each with the index of every item that has a picture.
	Pictures(ctx context.Context, job catalog.ReviewedJob, each func(index int64)) error
	// Rows returns the columns of the rows of a job, and the cells of some of them. It
	// returns those of fewer places, but at least one, if there are too many bytes.
	Rows(ctx context.Context, job catalog.ReviewedJob, places []catalog.ResultPlace) (columns []string, cells [][]string, err error)
}

// Service shows and corrects results. Its methods are safe for concurrent use.
//
// Errors are faults or the context's: those of the store, InvalidRequest, and Conflict for
// a job that is too large.
type Service struct {
	store Store
	max   int64
	// growing is held by the index that grows. Without it, indexes that grow at once would
	// take the whole budget each.
	growing *semaphore.Weighted

	mu    sync.Mutex
	open  []*opened // the last used one first
	timer bool      // freeIdle will be called
}

// opened is an index with its size when it was last used.
type opened struct {
	*index
	turn    *semaphore.Weighted // a lock of the index that heeds a context
	made    bool                // it had all that was stored once
	refused error               // why the index is empty and stays so; nil: it does not
	upload  string
	bytes   int64
	used    time.Time
}

// New returns a service whose indexes take at most so many bytes together.
func New(store Store, maxBytes int64) *Service {
	return &Service{store: store, max: maxBytes, growing: semaphore.NewWeighted(1)}
}

// with calls use with the index of a job, which has all that is stored. It holds the
// index's turn meanwhile.
func (s *Service) with(ctx context.Context, owner catalog.Owner, id string, use func(*index) error) error {
	job, err := s.store.Reviewed(ctx, owner, id)
	if err != nil {
		return err
	}
	x := s.get(job)
	if x.turn.Acquire(ctx, 1) != nil {
		return context.Cause(ctx)
	}
	defer x.turn.Release(1)
	if x.refused != nil {
		return x.refused
	}
	if err := s.update(ctx, x, job); err != nil {
		return err
	}
	if err := use(x.index); err != nil {
		return err
	}
	_ = s.charge(x) // what was asked is done
	return nil
}

// get returns the index of a job, which may be empty.
func (s *Service) get(job catalog.ReviewedJob) *opened {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.open, func(o *opened) bool { return o.upload == job.Upload })
	x := &opened{index: newIndex(job), turn: semaphore.NewWeighted(1), upload: job.Upload, bytes: indexBytes}
	if at >= 0 {
		x = s.open[at]
	}
	s.first(x)
	return x
}

// first makes an index the last used one, in place of any other of its job. The caller
// holds mu.
func (s *Service) first(x *opened) {
	x.used = time.Now()
	s.open = slices.DeleteFunc(s.open, func(o *opened) bool { return o.upload == x.upload })
	s.open = slices.Insert(s.open, 0, x)
	if !s.timer {
		s.timer = true
		time.AfterFunc(idleTime, s.freeIdle)
	}
}

// idleTime is how long an index stays that no caller uses: a break of the person at work,
// for example. That of a deleted job stays no longer either.
const idleTime = 30 * time.Minute

// freeIdle drops the indexes that were not used for that long.
func (s *Service) freeIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = slices.DeleteFunc(s.open, func(o *opened) bool { return time.Since(o.used) >= idleTime })
	if s.timer = len(s.open) > 0; s.timer {
		time.AfterFunc(idleTime-time.Since(s.open[len(s.open)-1].used), s.freeIdle)
	}
}

// charge counts an index's bytes, and drops the least recently used others if all together
// have too many. One that is too large alone is emptied and refused from then on.
func (s *Service) charge(x *opened) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x.bytes = x.size(); x.bytes > s.max {
		x.index, x.bytes = newIndex(x.job), indexBytes
		x.refused = fault.New(fault.Conflict, "the job has too many results to list, filter and correct: they take more than the %d MiB of memory that are there for reviews. Export them, page through them with ListJobResults, or ask the operator to raise review-memory-mib", s.max>>20)
	}
	s.first(x)
	total := int64(0)
	for _, o := range s.open {
		total += o.bytes
	}
	for i := len(s.open) - 1; i > 0 && total > s.max; i-- {
		total -= s.open[i].bytes
		s.open = slices.Delete(s.open, i, i+1)
	}
	return x.refused
}
