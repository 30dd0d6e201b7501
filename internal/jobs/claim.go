package jobs

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/codec"
)

// claim is a chunk that this replica works on.
type claim struct {
	name   string // unique
	number int64
	chunk  *chunk
	done   map[int64]bool // indexes with a result of an earlier claim
	given  int            // places that next has returned or skipped

	msg  atomic.Pointer[jetstream.Msg] // the latest delivery, which is the one to acknowledge
	lost atomic.Bool                   // another worker has the chunk

	// One saver at a time uses these.
	left   int    // items without a stored result
	last   uint64 // sequence of the chunk's last stored message; 0: none
	stored int    // messages stored by this claim
}

// next returns the place of the next item without a result.
func (t *claim) next() (at int, ok bool) {
	for t.given < len(t.chunk.items) {
		at = t.given
		t.given++
		if !t.done[t.chunk.indexes[at]] {
			return at, true
		}
	}
	return 0, false
}

// fetchWait is the time of one request for a chunk. Between requests, the job is
// checked for its end.
const fetchWait = 250 * time.Millisecond

// claim waits for a chunk and claims it. The error is io.EOF when the job has ended.
func (j *activeJob) claim(ctx context.Context) (*claim, error) {
	for !j.draining.Load() {
		msg, err := j.fetch(ctx)
		if err != nil {
			return nil, err
		}
		if msg == nil {
			if err := j.checkDrained(ctx); err != nil {
				return nil, err
			}
			continue
		}
		j.incomplete, j.emptyFetches = 0, 0
		t, err := j.receive(ctx, msg)
		if t != nil || err != nil {
			return t, err
		}
	}
	return nil, io.EOF
}

// A job may lack results although no chunk is left: a store that has just changed its
// leader may be behind. After maxIncomplete checks in a row all chunks are delivered
// again, which is cheap for chunks with stored results. After maxRestarts such rounds
// the job fails.
const (
	maxIncomplete = 40
	maxRestarts   = 3
)

// checkDrained ends a job if all its chunks are done, since the worker of the last
// chunk may have died before it did so. The error is io.EOF when the job has ended.
func (j *activeJob) checkDrained(ctx context.Context) error {
	var info *jetstream.ConsumerInfo
	err := j.retryUntilDone(ctx, func() (err error) {
		within, cancel := context.WithTimeout(ctx, storeTime)
		defer cancel()
		info, err = j.consumer.Info(within)
		return j.restoreConsumer(ctx, err)
	})
	if err != nil || info == nil {
		return err
	}
	if info.NumPending > 0 || info.NumAckPending > 0 {
		return j.checkStalled(ctx)
	}
	ended, err := j.service.endIfDone(ctx, j)
	switch {
	case err != nil:
		return err
	case ended:
		return io.EOF
	}
	if j.incomplete++; j.incomplete == maxIncomplete/2 {
		return j.retryUntilDone(ctx, func() error { return j.service.store.checkChunks(ctx, j.rec) })
	}
	if j.incomplete <= maxIncomplete {
		return nil
	}
	j.incomplete = 0
	if j.restarts++; j.restarts > maxRestarts {
		return &unreadable{errors.New("results are missing although every chunk is done")}
	}
	return j.retryUntilDone(ctx, func() error {
		j.service.removeConsumer(ctx, j.rec)
		return j.begin(ctx)
	})
}

// maxEmptyFetches is the number of fetches in a row without an expected chunk, about
// half a minute, after which the chunks are checked for losses.
const maxEmptyFetches = 120

// checkStalled checks for lost chunks if the store delivers none although it counts
// some.
func (j *activeJob) checkStalled(ctx context.Context) error {
	if j.emptyFetches++; j.emptyFetches%maxEmptyFetches != 0 || len(j.ownClaims()) > 0 {
		return nil
	}
	return j.retryUntilDone(ctx, func() error { return j.service.store.checkChunks(ctx, j.rec) })
}

// restoreConsumer creates the consumer again if it is missing. Otherwise it returns err.
func (j *activeJob) restoreConsumer(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	if _, looking := j.service.store.items.Consumer(within, j.rec.Upload); !isMissing(looking) {
		return err
	}
	return j.begin(ctx)
}

// fetch returns the next chunk, nil if there is none now.
func (j *activeJob) fetch(ctx context.Context) (jetstream.Msg, error) {
	var msg jetstream.Msg
	err := j.retryUntilDone(ctx, func() error {
		batch, err := j.consumer.Fetch(1, jetstream.FetchMaxWait(fetchWait))
		if err != nil {
			return j.restoreConsumer(ctx, err)
		}
		for m := range batch.Messages() {
			msg = m
		}
		if msg != nil {
			return nil
		}
		return j.restoreConsumer(ctx, batch.Error())
	})
	if err != nil && msg != nil {
		_ = msg.Nak() // another worker has to do it
	}
	return msg, err
}

// receive claims the chunk of a message. It returns nil if the chunk needs no work.
func (j *activeJob) receive(ctx context.Context, msg jetstream.Msg) (*claim, error) {
	number, err := chunkNumber(msg.Subject())
	if err != nil {
		return nil, &unreadable{err}
	}
	if t := j.claimed(number); t != nil { // its heartbeat was late, but it is being worked on
		t.msg.Store(&msg)
		return nil, nil
	}
	c, err := decodeChunk(msg.Data())
	if err != nil {
		return nil, &unreadable{err}
	}
	t := &claim{name: newName(), number: number, chunk: c, left: len(c.items)}
	t.msg.Store(&msg)
	// The number of deliveries does not show whether results are stored: after a crash
	// the store may not remember the last ones.
	if err := j.retryUntilDone(ctx, func() error { return j.loadStored(ctx, t) }); err != nil {
		return nil, err
	}
	if t.left == 0 { // only the acknowledgement was missing
		j.acknowledge(ctx, t)
		return nil, nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.claims[number] = t
	return t, nil
}

func (j *activeJob) claimed(number int64) *claim {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.claims[number]
}

// loadStored reads which results earlier claims have stored for the chunk.
func (j *activeJob) loadStored(ctx context.Context, t *claim) error {
	t.done, t.left, t.last = map[int64]bool{}, len(t.chunk.items), 0
	within, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	subject := chunkSubject(resultsPrefix, j.rec.Upload, t.number)
	if last, err := j.service.store.last(within, j.service.store.results, subject); err != nil || last == nil {
		return err // there is none of almost all chunks
	}
	err := j.service.store.replay(within, reading{filters: []string{subject}}, func(msg jetstream.Msg, seq uint64) error {
		outcomes, err := codec.DecodeOutcomes(msg.Data())
		if err != nil {
			return &unreadable{err}
		}
		for i := range outcomes {
			t.done[outcomes[i].Index] = true
		}
		t.last = seq
		return nil
	})
	t.left -= len(t.done)
	j.log.Info("continuing a chunk", zap.Int64("chunk", t.number),
		zap.Int("done", len(t.done)), zap.Int("left", t.left))
	return err
}

// acknowledge reports to the store that a chunk is done. If that is lost, the chunk is
// delivered again and found to be done.
func (j *activeJob) acknowledge(ctx context.Context, t *claim) {
	within, cancel := context.WithTimeout(ctx, ackTime)
	defer cancel()
	if err := (*t.msg.Load()).DoubleAck(within); err != nil {
		j.log.Debug("a chunk was not acknowledged", zap.Int64("chunk", t.number), zap.Error(err))
	}
}

// ackTime bounds the wait for the answer to an acknowledgement.
const ackTime = 2 * time.Second

// groupByClaim returns the outcomes by the claims of their chunks, with their indexes
// in the job.
func (j *activeJob) groupByClaim(outcomes []catalog.Outcome) map[*claim][]catalog.Outcome {
	j.mu.Lock()
	defer j.mu.Unlock()
	groups := map[*claim][]catalog.Outcome{}
	for _, o := range outcomes {
		p := j.places[o.Index]
		delete(j.places, o.Index)
		o.Index = p.claim.chunk.indexes[p.at]
		groups[p.claim] = append(groups[p.claim], o)
	}
	return groups
}
