package jobs

import (
	"context"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/codec"
)

// savers is how many chunks' results are stored at once.
const savers = 8

// save is the run's classify.Sink: it returns when the results are stored. While
// the store is away or full it waits, and with it the job: the engine admits
// nothing beyond the call's window.
func (r *run) save(ctx context.Context, b *catalog.Batch) error {
	var saving errgroup.Group
	saving.SetLimit(savers)
	for t, outcomes := range r.sort(b.Outcomes) {
		saving.Go(func() error { return r.saveTake(ctx, t, outcomes, b.Peak) })
	}
	return saving.Wait()
}

// saveTake stores results of one chunk, and acknowledges it with its last one.
func (r *run) saveTake(ctx context.Context, t *take, outcomes []catalog.Outcome, peak int) error {
	if t.lost {
		return nil
	}
	if err := r.store(ctx, t, outcomes, peak); err != nil || t.lost {
		return err
	}
	if t.left -= len(outcomes); t.left > 0 {
		return nil
	}
	r.acknowledge(ctx, t)
	if r.release(t) {
		_, err := r.service.endIfDone(ctx, r)
		return err
	}
	return nil
}

// release lets go of a chunk and reports whether it was the last in hand.
func (r *run) release(t *take) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.takes, t.number)
	return len(r.takes) == 0
}

// store stores results as one message, or as several where they are too large
// for one.
func (r *run) store(ctx context.Context, t *take, outcomes []catalog.Outcome, peak int) error {
	body, err := codec.EncodeOutcomes(outcomes)
	if err != nil {
		return err
	}
	if len(body) > r.service.config.MaxMessage/4 && len(outcomes) > 1 {
		half := len(outcomes) / 2
		if err := r.store(ctx, t, outcomes[:half], peak); err != nil || t.lost {
			return err
		}
		return r.store(ctx, t, outcomes[half:], peak)
	}
	sum := tallyOf(outcomes, peak)
	msg := &nats.Msg{
		Subject: chunkSubject(resultsPrefix, r.rec.Upload, t.number), Data: body,
		Header: nats.Header{
			headerTally: {encodeTally(&sum)}, headerTake: {fmt.Sprint(t.name, ".", t.stored)},
			headerSize: {strconv.Itoa(len(t.chunk.items))}, headerJob: {r.rec.ID},
		},
	}
	if err := r.insist(ctx, func() error { return r.publish(ctx, t, msg) }); err != nil || t.lost {
		return err
	}
	t.stored++
	return r.insist(ctx, func() error { return r.sync(ctx) })
}

// sync has what was stored on disk as soon as the settings say.
func (r *run) sync(ctx context.Context) error {
	if every := r.service.config.Sync; every > 0 {
		r.service.store.storage.SyncWithin(every)
		return nil
	}
	return r.service.store.sync(ctx)
}

// publish stores a message after the chunk's last one. Where something else is there
// already, it either is this message, whose acknowledgement was lost, or another
// worker has the chunk, and this one's results are for nobody.
func (r *run) publish(ctx context.Context, t *take, msg *nats.Msg) error {
	if err := r.service.store.storage.Lost(); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	ack, err := r.service.store.js.PublishMsg(within, msg, jetstream.WithExpectLastSequencePerSubject(t.last), jetstream.WithRetryAttempts(0))
	if err == nil {
		t.last = ack.Sequence
		return nil
	}
	if !wrongLast(err) {
		return err
	}
	there, err := r.service.store.results.GetLastMsgForSubject(within, msg.Subject)
	switch {
	case err == nil && there.Header.Get(headerTake) == msg.Header.Get(headerTake):
		t.last = there.Sequence
	case err == nil, isMissing(err):
		r.service.log.Warn("another worker has taken over a chunk", zap.String("job", r.rec.ID), zap.Int64("chunk", t.number))
		r.lose(t)
	default:
		return err
	}
	return nil
}

func (r *run) lose(t *take) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t.lost = true
	delete(r.takes, t.number)
}
