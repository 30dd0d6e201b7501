package jobs

import (
	"context"
	"errors"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/codec"
)

// Reviewed returns what a review needs to know of a job.
func (s *Service) Reviewed(ctx context.Context, owner catalog.Owner, id string) (catalog.ReviewedJob, error) {
	rec, err := s.find(ctx, owner, id)
	if err != nil {
		return catalog.ReviewedJob{}, err
	}
	return rec.reviewed(), nil
}

// recordOf returns the record of a job under review as it is now. The error is NotFound if
// the job is gone, also if another one has its id.
func (s *Service) recordOf(ctx context.Context, job catalog.ReviewedJob) (*jobRecord, error) {
	rec, err := s.find(ctx, catalog.Owner{All: true}, job.ID)
	if err == nil && rec.Upload != job.Upload {
		return nil, notFound()
	}
	return rec, err
}

func (r *jobRecord) reviewed() catalog.ReviewedJob {
	job := catalog.ReviewedJob{ID: r.ID, State: r.State, Mode: r.Options.Mode, Upload: r.Upload, Items: r.Items}
	if r.State.Ended() && r.Tally != nil {
		job.Done = r.Tally.Done
	}
	return job
}

// ResultsAfter calls each with the results of a job behind a place, in the order in which
// they were stored. If it meets the job's end, it returns the job as it has ended. It
// passes over results that cannot be read.
func (s *Service) ResultsAfter(ctx context.Context, job catalog.ReviewedJob, after uint64, each func(place uint64, chunk int64, outcomes []catalog.Outcome) error) (catalog.ReviewedJob, error) {
	if some, err := s.store.hasResultsAfter(ctx, job.Upload, after); err != nil || !some {
		return job, asFault(err)
	}
	all := reading{filters: []string{allOf(resultsPrefix, job.Upload)}, after: after}
	err := s.store.replay(ctx, all, func(msg jetstream.Msg, seq uint64) error {
		if msg.Subject() == endSubject(job.Upload) {
			return errAtEnd
		}
		if chunk, outcomes, ok := readResults(msg); ok {
			return each(seq, chunk, outcomes)
		}
		return nil
	})
	if s.config.Sync == 0 && (err == nil || errors.Is(err, errAtEnd)) { // as for watchers
		if syncErr := s.store.sync(ctx); syncErr != nil {
			err = syncErr
		}
	}
	if errors.Is(err, errAtEnd) && !job.State.Ended() {
		return s.settled(ctx, job)
	}
	if errors.Is(err, errAtEnd) {
		err = nil
	}
	return job, asFault(err)
}

// readResults returns the results of a message and the chunk of their items, if they can be
// read.
func readResults(msg jetstream.Msg) (chunk int64, outcomes []catalog.Outcome, ok bool) {
	outcomes, err := codec.DecodeOutcomes(msg.Data())
	chunk, chunkErr := chunkNumber(msg.Subject())
	return chunk, outcomes, err == nil && chunkErr == nil
}

// hasResultsAfter reports whether something of an upload's results is stored behind a place.
func (st *store) hasResultsAfter(ctx context.Context, upload string, after uint64) (bool, error) {
	if err := st.away(); err != nil {
		return false, err
	}
	last, err := st.last(ctx, st.results, allOf(resultsPrefix, upload))
	return last != nil && last.Sequence > after, err
}

// settled has the record of a job say that the job has ended, and returns the job then.
func (s *Service) settled(ctx context.Context, job catalog.ReviewedJob) (catalog.ReviewedJob, error) {
	rec, err := s.recordOf(ctx, job)
	if err == nil {
		err = s.settle(ctx, rec)
	}
	if err == nil {
		rec, err = s.recordOf(ctx, job)
	}
	if err != nil {
		return job, asFault(err)
	}
	return rec.reviewed(), nil
}

// Pictures calls each with the index of every item of a job that has a picture, or an
// address that may lead to one. An item too large for its chunk counts as one.
func (s *Service) Pictures(ctx context.Context, job catalog.ReviewedJob, each func(index int64)) error {
	if err := s.store.away(); err != nil {
		return err
	}
	return asFault(s.store.eachChunk(ctx, job.Upload, func(_ int64, c *chunk) error {
		for at, index := range c.indexes {
			if c.objects[at] || c.items[at].HasPicture() {
				each(index)
			}
		}
		return nil
	}))
}

// Bounds of the rows of a page: how many chunks are read at once, how many rows are there
// before their bytes are counted, and how many bytes a page has before it ends.
const (
	rowReaders  = 8
	rowsAtOnce  = 4 * rowReaders
	maxRowBytes = 4 << 20
)

// Rows returns the columns of a job's rows, and the cells of those at some places: nil for
// an item that was not made of a row. If there are too many bytes, it returns the cells of
// the first places, of at least one.
func (s *Service) Rows(ctx context.Context, job catalog.ReviewedJob, places []catalog.ResultPlace) (columns []string, cells [][]string, err error) {
	if s.pages.Acquire(ctx, 1) != nil {
		return nil, nil, context.Cause(ctx)
	}
	defer s.pages.Release(1)
	rec, err := s.recordOf(ctx, job)
	if err != nil {
		return nil, nil, err
	}
	bytes := 0
	for some := range slices.Chunk(places, rowsAtOnce) {
		names, read, err := s.readRows(ctx, rec, some)
		if err != nil {
			return nil, nil, s.orGone(ctx, catalog.Owner{All: true}, job.ID, err)
		}
		if len(names) > 0 { // all have the same
			columns = names
		}
		for _, row := range read {
			if bytes += cellBytes(row); bytes > maxRowBytes && len(cells) > 0 {
				return columns, cells, nil
			}
			cells = append(cells, row)
		}
	}
	return columns, cells, nil
}

func cellBytes(cells []string) (n int) {
	for _, cell := range cells {
		n += len(cell)
	}
	return n
}

// readRows returns the columns and cells of the rows at some places.
func (s *Service) readRows(ctx context.Context, rec *jobRecord, places []catalog.ResultPlace) (columns []string, cells [][]string, err error) {
	byChunk := map[int64][]int{}
	for i, p := range places {
		byChunk[p.Chunk] = append(byChunk[p.Chunk], i)
	}
	cells = make([][]string, len(places))
	found := make(chan []string, len(byChunk))
	reading, within := errgroup.WithContext(ctx)
	reading.SetLimit(rowReaders)
	for number, wanted := range byChunk {
		reading.Go(func() (err error) {
			defer recovered(&err)
			r := rows{store: s.store, rec: rec}
			subject := chunkSubject(itemsPrefix, rec.Upload, number)
			for _, i := range wanted {
				if cells[i], err = r.of(within, subject, places[i].Index); err != nil {
					return err
				}
			}
			found <- r.columns
			return nil
		})
	}
	if err := reading.Wait(); err != nil {
		return nil, nil, err
	}
	close(found)
	for c := range found {
		if len(c) > 0 {
			columns = c
		}
	}
	return columns, cells, nil
}
