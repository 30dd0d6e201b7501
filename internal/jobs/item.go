package jobs

import (
	"context"
	"slices"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Item returns the item of a job with that index, and NotFound if there is none.
func (s *Service) Item(ctx context.Context, who catalog.Owner, id string, index int64) (*catalog.Item, error) {
	rec, err := s.find(ctx, who, id)
	if err != nil {
		return nil, err
	}
	if err := s.store.away(); err != nil {
		return nil, err
	}
	item, err := s.store.findItem(ctx, rec, index)
	if err != nil {
		return nil, s.orGone(ctx, who, id, err)
	}
	return item, nil
}

// findItem looks for an item in the chunks, whose indexes grow: first at the place where it
// is if all chunks have as many items.
func (st *store) findItem(ctx context.Context, rec *jobRecord, index int64) (*catalog.Item, error) {
	r := rows{store: st, rec: rec}
	low, high := int64(0), rec.Chunks
	for at := index / max(1, rec.Items/max(1, rec.Chunks)); low < high; at = low + (high-low)/2 {
		at = min(max(at, low), high-1)
		c, err := r.chunk(ctx, at)
		if err != nil {
			return nil, err
		}
		switch {
		case len(c.indexes) == 0 || index > c.indexes[len(c.indexes)-1]:
			low = at + 1
		case index < c.indexes[0]:
			high = at
		default:
			if place := slices.Index(c.indexes, index); place >= 0 {
				return st.loadItem(ctx, rec.Upload, c, place)
			}
			low = high
		}
	}
	return nil, fault.New(fault.NotFound, "the job has no item %d", index)
}
