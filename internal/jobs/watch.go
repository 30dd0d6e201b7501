package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/codec"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Watch calls send with a job's results after the token (empty: from the beginning) and
// follows the job until its summary. It returns the first error of send. A send that
// blocks delays only this watch.
func (s *Service) Watch(ctx context.Context, owner catalog.Owner, id, token string, send func(catalog.JobEvent) error) error {
	rec, err := s.find(ctx, owner, id)
	if err != nil {
		return err
	}
	from, err := parseResume(token, rec)
	if err != nil {
		return err
	}
	if s.config.Sync == 0 {
		send = s.afterSync(ctx, send)
	}
	events := s.newEvents(rec, from, send)
	w := &watch{service: s, rec: rec, out: rebatch{sizes: s.batchSizes(rec), seen: from, send: events.next}}
	watching, stop := context.WithCancelCause(ctx)
	var guarding sync.WaitGroup
	defer guarding.Wait()
	defer stop(nil)
	guarding.Go(func() { s.guard(watching, owner, rec, stop) })
	guarding.Go(func() { events.follow(watching, stop) })
	if rec.Options.Delivery == catalog.InOrder {
		err = w.inOrder(watching, from.At)
	} else {
		err = w.asStored(watching, from.At)
	}
	if err == nil {
		err = w.finish(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return asFault(err)
}

// afterSync returns send preceded by a sync, so that only synced results are sent.
func (s *Service) afterSync(ctx context.Context, send func(catalog.JobEvent) error) func(catalog.JobEvent) error {
	return func(e catalog.JobEvent) error {
		if err := s.store.sync(ctx); err != nil {
			return err
		}
		return send(e)
	}
}

// The interval for checking the store of a watched job, and the number of these checks
// after which the job is checked.
const (
	guardEvery  = time.Second
	guardRecord = 5
)

// guard stops a watch whose job is deleted, or whose store is lost.
func (s *Service) guard(ctx context.Context, owner catalog.Owner, rec *jobRecord, stop context.CancelCauseFunc) {
	for looks := 1; pause(ctx, guardEvery) == nil; looks++ {
		if err := s.store.away(); err != nil {
			stop(err)
			return
		}
		if looks%guardRecord != 0 {
			continue
		}
		now, err := s.find(ctx, owner, rec.ID)
		if fault.Is(err, fault.NotFound) || (err == nil && now.Upload != rec.Upload) {
			stop(notFound())
			return
		}
	}
}

func (s *Service) batchSizes(rec *jobRecord) [catalog.NumKinds]int {
	sizes := s.config.BatchSize
	for kind := range sizes {
		if n := rec.Options.BatchSize; n > 0 {
			sizes[kind] = n
		}
	}
	return sizes
}

// watch is one reader of one job.
type watch struct {
	service *Service
	rec     *jobRecord
	out     rebatch
}

// errAtEnd ends the reading of a job's results.
var errAtEnd = errors.New("the job's end")

// read reads results, until each returns errAtEnd. It does not wait for more results of a
// job that had ended, even if the stored end is lost.
func (w *watch) read(ctx context.Context, r reading, each func(jetstream.Msg, *jetstream.MsgMetadata) error) error {
	err := w.service.store.follow(ctx, r, w.rec.State.Ended(), each)
	if errors.Is(err, errAtEnd) {
		return nil
	}
	return err
}

// asStored sends results in the order in which they were stored.
func (w *watch) asStored(ctx context.Context, from position) error {
	all := reading{filters: []string{allOf(resultsPrefix, w.rec.Upload)}}
	if from.Major > 0 {
		all.after = from.Major - 1
	}
	return w.read(ctx, all, func(msg jetstream.Msg, meta *jetstream.MsgMetadata) error {
		if msg.Subject() == endSubject(w.rec.Upload) {
			return errAtEnd
		}
		outcomes, err := codec.DecodeOutcomes(msg.Data())
		if err != nil {
			return &unreadable{err}
		}
		if err := w.addAfter(from, meta.Sequence.Stream, outcomes); err != nil {
			return err
		}
		if meta.NumPending == 0 { // no further message exists, so the batch is not held back
			return w.out.flush()
		}
		return nil
	})
}

// inOrder sends results in the order of the items.
func (w *watch) inOrder(ctx context.Context, from position) error {
	for chunk := from.Major; chunk < uint64(w.rec.Chunks); chunk++ {
		outcomes, err := w.chunk(ctx, int64(chunk))
		if err == nil {
			err = w.addAfter(from, chunk, outcomes)
		}
		if err != nil {
			return err
		}
	}
	return w.end(ctx)
}

// addAfter adds those of a message's or chunk's results that come after a position.
func (w *watch) addAfter(from position, major uint64, outcomes []catalog.Outcome) error {
	for i := range outcomes {
		if at := (position{major, i + 1}); at.after(from) {
			if err := w.out.add(outcomes[i], at); err != nil {
				return err
			}
		}
	}
	return nil
}

// end waits for the job's end.
func (w *watch) end(ctx context.Context) error {
	end := reading{filters: []string{endSubject(w.rec.Upload)}}
	return w.read(ctx, end, func(jetstream.Msg, *jetstream.MsgMetadata) error { return errAtEnd })
}

// chunk waits for all results of a chunk, or for the job's end, and returns them in
// the order of their items.
func (w *watch) chunk(ctx context.Context, number int64) ([]catalog.Outcome, error) {
	var all []catalog.Outcome
	own := reading{filters: []string{chunkSubject(resultsPrefix, w.rec.Upload, number), endSubject(w.rec.Upload)}}
	err := w.read(ctx, own, func(msg jetstream.Msg, _ *jetstream.MsgMetadata) error {
		if msg.Subject() == endSubject(w.rec.Upload) {
			return errAtEnd
		}
		outcomes, err := codec.DecodeOutcomes(msg.Data())
		if err != nil {
			return &unreadable{err}
		}
		if all = append(all, outcomes...); len(all) >= chunkSize(msg) {
			return errAtEnd
		}
		return nil
	})
	slices.SortFunc(all, func(a, b catalog.Outcome) int { return cmp.Compare(a.Index, b.Index) })
	return all, err
}

// finish sends the remaining results and the summary.
func (w *watch) finish(ctx context.Context) error {
	if err := w.out.flush(); err != nil {
		return err
	}
	if err := w.service.settle(ctx, w.rec); err != nil {
		return err
	}
	rec, _, err := w.service.store.get(ctx, w.rec.ID)
	if err != nil {
		return err
	}
	if rec.Upload != w.rec.Upload || rec.Tally == nil {
		return notFound()
	}
	if w.out.seen.Done < rec.Tally.Done {
		return dataLoss(fmt.Errorf("%d missing of %s", rec.Tally.Done-w.out.seen.Done, catalog.Count(rec.Tally.Done, "result")))
	}
	summary := rec.Tally.summary(rec)
	return w.out.send(catalog.JobEvent{Summary: &summary, Token: w.out.seen.token()})
}

// after reports whether a result at p comes after those before q.
func (p position) after(q position) bool {
	return p.Major > q.Major || (p.Major == q.Major && p.Minor > q.Minor)
}

// rebatch makes batches of results, which are stored in groups of any size and of both
// kinds.
type rebatch struct {
	sizes [catalog.NumKinds]int
	seen  resume // what was sent
	send  func(catalog.JobEvent) error

	waiting []catalog.Outcome // of one kind
	at      position          // of the last one that waits
}

func (b *rebatch) add(o catalog.Outcome, at position) error {
	if len(b.waiting) > 0 && b.waiting[0].Kind != o.Kind {
		if err := b.flush(); err != nil {
			return err
		}
	}
	b.waiting = append(b.waiting, o)
	b.at = at
	if len(b.waiting) < b.sizes[o.Kind] {
		return nil
	}
	return b.flush()
}

func (b *rebatch) flush() error {
	if len(b.waiting) == 0 {
		return nil
	}
	b.seen.At = b.at
	b.seen.Batches++
	b.seen.Done += int64(len(b.waiting))
	for i := range b.waiting {
		if b.waiting[i].Err != nil {
			b.seen.Failed++
		}
	}
	batch := &catalog.Batch{
		ID: b.seen.Batches, Kind: b.waiting[0].Kind, Outcomes: b.waiting, At: time.Now(),
		Progress: catalog.Progress{Done: b.seen.Done, Failed: b.seen.Failed, Total: b.seen.Total},
	}
	b.waiting = nil
	return b.send(catalog.JobEvent{Batch: batch, Token: b.seen.token()})
}
