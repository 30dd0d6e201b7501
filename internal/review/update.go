package review

import (
	"context"
	"errors"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Bounds of what an index reads without being the one that grows, and of what it reads
// between two counts of its bytes.
const (
	fewRows  = 1000
	fewBytes = 1 << 20 // of changes
)

// errMore is for the functions that a store calls: there is more than a few.
var errMore = errors.New("more than a few results or changes")

// update reads what the store has in addition to an index: a few results at once, more or
// the first ones when no other index grows.
func (s *Service) update(ctx context.Context, x *opened, job catalog.ReviewedJob) error {
	if x.made {
		u := &update{service: s, x: x, job: job, few: true}
		if err := u.run(ctx); !u.more {
			return err
		}
	}
	if s.growing.Acquire(ctx, 1) != nil {
		return context.Cause(ctx)
	}
	defer s.growing.Release(1)
	u := &update{service: s, x: x, job: job}
	return u.run(ctx)
}

// update is one reading of what an index does not have.
type update struct {
	service *Service
	x       *opened
	job     catalog.ReviewedJob
	few     bool // it ends at more than a few
	more    bool // it has ended so
	changes []catalog.StoredChange
	counted int // rows or bytes when they were last counted
}

// run reads changes before results, and applies them after them, so that the results of all
// changes are there.
func (u *update) run(ctx context.Context) error {
	defer func() { u.x.pending = 0 }()
	if err := u.readPictures(ctx); err != nil {
		return err
	}
	if err := u.readChanges(ctx); err != nil {
		return err
	}
	if u.x.job.State != u.job.State || !u.x.complete() {
		if err := u.readResults(ctx); err != nil {
			return err
		}
	}
	u.x.pending = 0
	for i := range u.changes {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		u.x.apply(&u.changes[i])
	}
	u.x.made = true
	return u.service.charge(u.x)
}

// count counts the index's bytes if so much was read that it matters, or returns errMore.
func (u *update) count(read, few int) error {
	if read-u.counted < few {
		return nil
	}
	if u.few {
		u.more = true
		return errMore
	}
	u.counted = read
	return u.service.charge(u.x)
}

func (u *update) readPictures(ctx context.Context) error {
	if u.x.pictured || u.job.Mode == catalog.ModeAuto {
		return nil
	}
	err := u.service.store.Pictures(ctx, u.job, u.x.pictures.grow)
	u.x.pictured = err == nil || fault.Is(err, fault.DataLoss) // what can be read is read
	if u.x.pictured {
		return nil
	}
	return err
}

func (u *update) readChanges(ctx context.Context) error {
	u.counted = 0
	err := u.service.store.Changes(ctx, u.job, u.x.changed, func(c catalog.StoredChange) error {
		u.changes = append(u.changes, c)
		u.x.pending += changeBytes(&c)
		return u.count(int(u.x.pending), fewBytes)
	})
	if fault.Is(err, fault.DataLoss) {
		u.x.lost, err = err, nil
	}
	return err
}

func (u *update) readResults(ctx context.Context) error {
	u.counted = len(u.x.rows)
	job, err := u.service.store.ResultsAfter(ctx, u.job, u.x.results, func(place uint64, chunk int64, outcomes []catalog.Outcome) error {
		if err := u.count(len(u.x.rows), fewRows); err != nil {
			return err
		}
		for i := range outcomes {
			if err := u.x.add(&outcomes[i], chunk); err != nil {
				return err
			}
		}
		u.x.results = place
		return nil
	})
	if err == nil {
		u.x.job = job
	}
	return err
}
