package review

import (
	"context"
	"slices"
	"sync"

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
	Changes(ctx context.Context, job catalog.ReviewedJob, after uint64, each func(catalog.StoredChange)) error
	// Correct stores a change after the one at a place, and returns its own place; 0 if
	// another change is there already.
	Correct(ctx context.Context, job catalog.ReviewedJob, after uint64, change *catalog.Change) (uint64, error)
	// Pictures calls each with the index of every item that has a picture.
	Pictures(ctx context.Context, job catalog.ReviewedJob, each func(index int64)) error
	// Rows returns the columns of the rows of a job, and the cells of some of them.
	Rows(ctx context.Context, job catalog.ReviewedJob, places []catalog.ResultPlace) (columns []string, cells [][]string, err error)
}

// Service shows and corrects results. Its methods are safe for concurrent use.
//
// Errors are faults or the context's: those of the store, InvalidRequest, and Conflict for
// a job that is too large.
type Service struct {
	store Store
	max   int64

	mu   sync.Mutex
	open []*opened // the last used one first
}

// opened is an index with its size when it was last used.
type opened struct {
	*index
	upload string
	bytes  int64
}

// New returns a service whose indexes take at most so many bytes together.
func New(store Store, maxBytes int64) *Service {
	return &Service{store: store, max: maxBytes}
}

// with calls use with the index of a job, which has all that is stored. It holds the
// index's turn meanwhile.
func (s *Service) with(ctx context.Context, owner catalog.Owner, id string, use func(*index) error) error {
	job, err := s.store.Reviewed(ctx, owner, id)
	if err != nil {
		return err
	}
	x := s.get(job)
	if err := x.acquire(ctx); err != nil {
		return err
	}
	defer x.release()
	if err := s.update(ctx, x, job); err != nil {
		return err
	}
	if err := use(x.index); err != nil {
		return err
	}
	_ = s.charge(x) // what was asked is done
	return nil
}

// chargeRows is after how many results an index that is being made is charged.
const chargeRows = 1000

// update reads what the store has in addition to an index. Changes are read before results,
// and applied after them, so that the results of all of them are there.
func (s *Service) update(ctx context.Context, x *opened, job catalog.ReviewedJob) error {
	if err := s.readPictures(ctx, x.index, job); err != nil {
		return err
	}
	var changes []catalog.StoredChange
	err := s.store.Changes(ctx, job, x.changed, func(c catalog.StoredChange) { changes = append(changes, c) })
	if fault.Is(err, fault.DataLoss) {
		x.lost, err = err, nil
	}
	if err != nil {
		return err
	}
	if x.job.State != job.State || !x.complete() {
		if err := s.readResults(ctx, x, job); err != nil {
			return err
		}
	}
	for i := range changes {
		x.apply(&changes[i])
	}
	return s.charge(x)
}

func (s *Service) readResults(ctx context.Context, x *opened, job catalog.ReviewedJob) error {
	charged := len(x.rows)
	job, err := s.store.ResultsAfter(ctx, job, x.results, func(place uint64, chunk int64, outcomes []catalog.Outcome) error {
		for i := range outcomes {
			if err := x.add(&outcomes[i], chunk); err != nil {
				return err
			}
		}
		x.results = place
		if len(x.rows)-charged < chargeRows {
			return nil
		}
		charged = len(x.rows)
		return s.charge(x)
	})
	if err == nil {
		x.job = job
	}
	return err
}

func (s *Service) readPictures(ctx context.Context, x *index, job catalog.ReviewedJob) error {
	if x.pictured || job.Mode == catalog.ModeAuto {
		return nil
	}
	err := s.store.Pictures(ctx, job, x.pictures.grow)
	x.pictured = err == nil || fault.Is(err, fault.DataLoss) // what can be read is read
	if x.pictured {
		return nil
	}
	return err
}

// get returns the index of a job, which may be empty.
func (s *Service) get(job catalog.ReviewedJob) *opened {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.open, func(o *opened) bool { return o.upload == job.Upload })
	if at < 0 {
		s.open = slices.Insert(s.open, 0, &opened{index: newIndex(job), upload: job.Upload})
		return s.open[0]
	}
	x := s.open[at]
	s.open = slices.Insert(slices.Delete(s.open, at, at+1), 0, x)
	return x
}

// charge counts an index's bytes, and drops the least recently used others if all together
// have too many. An index that is too large alone is dropped too, with a fault.
func (s *Service) charge(x *opened) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.bytes = x.size()
	if x.bytes > s.max {
		s.open = slices.DeleteFunc(s.open, func(o *opened) bool { return o == x })
		return fault.New(fault.Conflict, "the job's results take more than the %d MiB of memory that are there for reviews: page through them with ListJobResults, or ask the operator for more in review-memory-mib", s.max>>20)
	}
	total := int64(0)
	for _, o := range s.open {
		total += o.bytes
	}
	for i := len(s.open) - 1; i >= 0 && total > s.max; i-- {
		if s.open[i] != x {
			total -= s.open[i].bytes
			s.open = slices.Delete(s.open, i, i+1)
		}
	}
	return nil
}
