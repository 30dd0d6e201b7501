package review

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// maxTries is how often a change is made again because another one came between.
const maxTries = 20

// Correct makes a change, or counts what it would change.
func (s *Service) Correct(ctx context.Context, q catalog.CorrectionRequest) (result catalog.CorrectionResult, err error) {
	change := &catalog.Change{ID: rand.Text(), Person: q.Person, At: time.Now().Truncate(time.Microsecond), Corrections: q.Corrections, Bulk: q.Bulk, Undo: q.Undo}
	for range maxTries {
		stored := false
		err := s.with(ctx, q.Owner, q.ID, func(x *index) error {
			var err error
			if result.Changed, err = x.prepare(change, &q.Filter); err != nil {
				return err
			}
			if stored = q.CountOnly || (result.Changed == 0 && q.Undo == ""); stored {
				return nil
			}
			place, err := s.store.Correct(ctx, x.job, x.changed, change)
			if stored = place != 0; err == nil && stored {
				x.apply(&catalog.StoredChange{Change: *change, Place: place})
				result.ChangeID = change.ID
			}
			return err
		})
		if err != nil || stored {
			return result, err
		}
	}
	return result, fault.New(fault.StorageAway, "other changes of the job came between: try again")
}

// prepare completes a change as the index is now, and returns how many results it changes.
func (x *index) prepare(change *catalog.Change, f *catalog.ReviewFilter) (int64, error) {
	switch {
	case change.Undo != "":
		target := x.byID[change.Undo]
		if target == nil {
			return 0, fault.Invalid("undo", "the job has no such change: give a change_id that PutCorrections answered for it")
		}
		if !target.active {
			return 0, fault.New(fault.Conflict, "the change was taken back already")
		}
		return x.undone(target), nil
	case change.Bulk != nil:
		indexes := make([]int64, 0, len(x.rows))
		for _, row := range x.view(f, catalog.ByIndex, false) {
			indexes = append(indexes, x.rows[row].index)
		}
		change.Indexes = catalog.NewIndexSet(indexes)
		return int64(len(indexes)), nil
	}
	indexes := make([]int64, len(change.Corrections))
	for i := range change.Corrections {
		index := change.Corrections[i].Index
		if _, ok := x.places.row(index); !ok {
			return 0, fault.Invalid(fmt.Sprintf("list.corrections[%d].index", i), "the job has no result with the index %d: correct only results that it has", index)
		}
		indexes[i] = index
	}
	slices.Sort(indexes)
	if n := len(slices.Compact(indexes)); n < len(change.Corrections) {
		return 0, fault.Invalid("list.corrections", "several corrections are given for %s: give each result one", catalog.Count(len(change.Corrections)-n, "result"))
	}
	return int64(len(indexes)), nil
}
