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

// Watch hands a job's results to send, from after the token, empty for the
// beginning, and follows the job until its summary. Send's error ends it, and is
// returned. A reader that blocks in send holds up nothing but itself.
func (s *Service) Watch(ctx context.Context, who catalog.Owner, id, token string, send func(catalog.JobEvent) error) error {
	rec, _, err := s.find(ctx, who, id)
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
	guarding.Go(func() { s.guard(watching, who, rec, stop) })
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

// afterSync has what send shows on disk before.
func (s *Service) afterSync(ctx context.Context, send func(catalog.JobEvent) error) func(catalog.JobEvent) error {
	return func(e catalog.JobEvent) error {
		if err := s.store.sync(ctx); err != nil {
			return err
		}
		return send(e)
	}
}

// How often it is looked whether the store of a watched job is still there, and
// after how many of these looks whether the job is.
const (
	guardEvery  = time.Second
	guardRecord = 5
)

// guard stops a watch whose job is deleted, or whose store is lost.
func (s *Service) guard(ctx context.Context, who catalog.Owner, rec *jobRecord, stop context.CancelCauseFunc) {
	for looks := 1; pause(ctx, guardEvery) == nil; looks++ {
		if err := s.store.storage.Lost(); err != nil {
			stop(err)
			return
		}
		if looks%guardRecord != 0 {
			continue
		}
		now, _, err := s.find(ctx, who, rec.ID)
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

// read reads results. Of a job that had ended nothing more comes, not even its end if
// that is lost.
func (w *watch) read(ctx context.Context, r reading, each func(jetstream.Msg, *jetstream.MsgMetadata) error) error {
	return w.service.store.follow(ctx, r, w.rec.State.Ended(), each)
}

// asStored hands results on in the order in which they were stored.
func (w *watch) asStored(ctx context.Context, from position) error {
	all := reading{filters: []string{allOf(resultsPrefix, w.rec.Upload)}}
	if from.Major > 0 {
		all.after = from.Major - 1
	}
	err := w.read(ctx, all, func(msg jetstream.Msg, meta *jetstream.MsgMetadata) error {
		if msg.Subject() == endSubject(w.rec.Upload) {
			return errAtEnd
		}
		outcomes, err := codec.DecodeOutcomes(msg.Data())
		if err != nil {
			return &unreadable{err}
		}
		for i := range outcomes {
			at := position{meta.Sequence.Stream, i + 1}
			if !at.after(from) {
				continue
			}
			if err := w.out.add(outcomes[i], at); err != nil {
				return err
			}
		}
		if meta.NumPending == 0 { // nothing else is there: what waits has waited for long enough
			return w.out.flush()
		}
		return nil
	})
	if errors.Is(err, errAtEnd) {
		return nil
	}
	return err
}

// inOrder hands results on in the order of the items.
func (w *watch) inOrder(ctx context.Context, from position) error {
	for chunk := from.Major; chunk < uint64(w.rec.Chunks); chunk++ {
		outcomes, err := w.chunk(ctx, int64(chunk))
		if err != nil {
			return err
		}
		for i := range outcomes {
			at := position{chunk, i + 1}
			if !at.after(from) {
				continue
			}
			if err := w.out.add(outcomes[i], at); err != nil {
				return err
			}
		}
	}
	return w.end(ctx)
}

// end waits for the job's end.
func (w *watch) end(ctx context.Context) error {
	end := reading{filters: []string{endSubject(w.rec.Upload)}}
	err := w.read(ctx, end, func(jetstream.Msg, *jetstream.MsgMetadata) error { return errAtEnd })
	if errors.Is(err, errAtEnd) {
		return nil
	}
	return err
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
	if err == nil || errors.Is(err, errAtEnd) {
		return all, nil
	}
	return nil, err
}

// finish sends what is left and the summary.
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
		return dataLoss(fmt.Errorf("%d of %d results are missing", rec.Tally.Done-w.out.seen.Done, rec.Tally.Done))
	}
	summary := rec.Tally.summary(rec)
	return w.out.send(catalog.JobEvent{Summary: &summary, Token: w.out.seen.token()})
}

// after reports whether a result at p comes after those before q.
func (p position) after(q position) bool {
	return p.Major > q.Major || (p.Major == q.Major && p.Minor > q.Minor)
}

// rebatch makes batches of results as they are read, which were stored in groups
// of any size and of both kinds.
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
