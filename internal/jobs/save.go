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

// save is the job's classify.Sink. It returns when the results are stored. While the
// store is away or full it waits, and the engine admits no items beyond the call's
// window.
func (j *activeJob) save(ctx context.Context, b *catalog.Batch) error {
	var saving errgroup.Group
	saving.SetLimit(savers)
	for t, outcomes := range j.groupByClaim(b.Outcomes) {
		saving.Go(func() (err error) {
			defer recovered(&err)
			return j.saveClaim(ctx, t, outcomes, b.Peak)
		})
	}
	return saving.Wait()
}

// saveClaim stores results of one chunk, and acknowledges the chunk after its last one.
func (j *activeJob) saveClaim(ctx context.Context, t *claim, outcomes []catalog.Outcome, peak int) error {
	if t.lost.Load() {
		return nil
	}
	if err := j.store(ctx, t, outcomes, peak); err != nil || t.lost.Load() {
		return err
	}
	if t.left -= len(outcomes); t.left > 0 {
		return nil
	}
	j.acknowledge(ctx, t)
	if j.release(t) {
		_, err := j.service.endIfDone(ctx, j)
		return err
	}
	return nil
}

// release removes a claim and reports whether it was the last one.
func (j *activeJob) release(t *claim) (last bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.claims, t.number)
	return len(j.claims) == 0
}

// store stores results as one message, or as several if they are too large for one.
func (j *activeJob) store(ctx context.Context, t *claim, outcomes []catalog.Outcome, peak int) error {
	body, err := codec.EncodeOutcomes(outcomes)
	if err != nil {
		return err
	}
	if len(body) > j.service.store.storage.MaxMessage()/4 && len(outcomes) > 1 {
		half := len(outcomes) / 2
		if err := j.store(ctx, t, outcomes[:half], peak); err != nil || t.lost.Load() {
			return err
		}
		return j.store(ctx, t, outcomes[half:], peak)
	}
	sum := tallyOf(outcomes, peak)
	msg := &nats.Msg{
		Subject: chunkSubject(resultsPrefix, j.rec.Upload, t.number), Data: body,
		Header: nats.Header{
			headerTally: {encodeTally(&sum)}, headerClaim: {fmt.Sprint(t.name, ".", t.stored)},
			headerSize: {strconv.Itoa(len(t.chunk.items))}, headerJob: {j.rec.ID},
		},
	}
	if err := j.retryUntilDone(ctx, func() error { return j.publish(ctx, t, msg) }); err != nil || t.lost.Load() {
		return err
	}
	t.stored++
	return j.retryUntilDone(ctx, func() error { return j.service.store.syncAsConfigured(ctx) })
}

// publish stores a message after the chunk's last one. If another message is there
// already, it is either this one, whose acknowledgement was lost, or another worker
// has the chunk and this worker's results are dropped.
func (j *activeJob) publish(ctx context.Context, t *claim, msg *nats.Msg) error {
	if err := j.service.store.away(); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	ack, err := j.service.store.js.PublishMsg(within, msg, jetstream.WithExpectLastSequencePerSubject(t.last), jetstream.WithRetryAttempts(0))
	if err == nil {
		t.last = ack.Sequence
		return nil
	}
	if !wrongLast(err) {
		return err
	}
	there, err := j.service.store.results.GetLastMsgForSubject(within, msg.Subject)
	switch {
	case err == nil && there.Header.Get(headerClaim) == msg.Header.Get(headerClaim):
		t.last = there.Sequence
	case err == nil, isMissing(err):
		j.log.Warn("another worker has taken over a chunk", zap.Int64("chunk", t.number))
		j.loseClaim(t)
	default:
		return err
	}
	return nil
}

func (j *activeJob) loseClaim(t *claim) {
	j.mu.Lock()
	defer j.mu.Unlock()
	t.lost.Store(true)
	delete(j.claims, t.number)
}
