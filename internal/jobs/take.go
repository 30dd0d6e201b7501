package jobs

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/codec"
)

// take is a chunk in hand: this replica's turn at it.
type take struct {
	name   string // of nobody else's
	number int64
	chunk  *chunk
	done   map[int64]bool // indexes with a result of an earlier take
	given  int            // places looked at

	mu  sync.Mutex
	msg jetstream.Msg // what is acknowledged: the latest delivery

	// What follows is the saver's, one at a time, but for lost, which the run's
	// lock guards.
	left   int    // items without a stored result
	last   uint64 // sequence of the chunk's last stored message; 0: none
	stored int    // messages stored in this take
	lost   bool   // another worker has the chunk
}

// next returns the place of the next item to be done.
func (t *take) next() (at int, ok bool) {
	for t.given < len(t.chunk.items) {
		at = t.given
		t.given++
		if !t.done[t.chunk.indexes[at]] {
			return at, true
		}
	}
	return 0, false
}

func (t *take) message() jetstream.Msg {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.msg
}

func (t *take) redelivered(msg jetstream.Msg) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.msg = msg
}

// fetchWait is how long the store is asked for a chunk at a time. Between, it is
// looked whether the job has ended.
const fetchWait = 250 * time.Millisecond

// take waits for a chunk to do. The error is io.EOF when the job has ended.
func (r *run) take(ctx context.Context) (*take, error) {
	for !r.isOver() {
		msg, err := r.fetch(ctx)
		if err != nil {
			return nil, err
		}
		if msg == nil {
			if err := r.checkDrained(ctx); err != nil {
				return nil, err
			}
			continue
		}
		r.incomplete, r.quiet = 0, 0
		t, err := r.receive(ctx, msg)
		if t != nil || err != nil {
			return t, err
		}
	}
	return nil, io.EOF
}

// A job may lack results although no chunk is left to do: a store that has just
// changed its leader may be a little behind. After maxIncomplete looks in a row all
// chunks are looked at anew, which costs nothing where their results are stored;
// after maxAnew such rounds the job is given up.
const (
	maxIncomplete = 40
	maxAnew       = 3
)

// checkDrained ends a job whose chunks are all done, of which whoever did the last
// one may not have come to tell. The error is io.EOF when the job has ended.
func (r *run) checkDrained(ctx context.Context) error {
	var info *jetstream.ConsumerInfo
	err := r.insist(ctx, func() (err error) {
		within, cancel := context.WithTimeout(ctx, storeTime)
		defer cancel()
		info, err = r.consumer.Info(within)
		return r.rejoin(ctx, err)
	})
	if err != nil || info == nil {
		return err
	}
	if info.NumPending > 0 || info.NumAckPending > 0 {
		return r.checkQuiet(ctx)
	}
	ended, err := r.service.endIfDone(ctx, r)
	switch {
	case err != nil:
		return err
	case ended:
		return io.EOF
	}
	if r.incomplete++; r.incomplete == maxIncomplete/2 {
		return r.insist(ctx, func() error { return r.service.store.checkChunks(ctx, r.rec) })
	}
	if r.incomplete <= maxIncomplete {
		return nil
	}
	r.incomplete = 0
	if r.anew++; r.anew > maxAnew {
		return &unreadable{errors.New("results are missing although every chunk is done")}
	}
	return r.insist(ctx, func() error {
		r.service.removeConsumer(ctx, r.rec)
		return r.begin(ctx)
	})
}

// maxQuiet is how often in a row a chunk that should come is looked for, about half a
// minute, before it is looked whether it is lost.
const maxQuiet = 120

// checkQuiet finds out why no chunk comes although the store has some to give: it may
// count chunks that it has lost.
func (r *run) checkQuiet(ctx context.Context) error {
	if r.quiet++; r.quiet%maxQuiet != 0 || len(r.held()) > 0 {
		return nil
	}
	return r.insist(ctx, func() error { return r.service.store.checkChunks(ctx, r.rec) })
}

// rejoin makes the consumer anew where that is what is missing. Otherwise it
// returns err.
func (r *run) rejoin(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	if _, looking := r.service.store.items.Consumer(within, r.rec.Upload); !isMissing(looking) {
		return err
	}
	return r.begin(ctx)
}

// fetch returns the next chunk, nil if there is none now.
func (r *run) fetch(ctx context.Context) (jetstream.Msg, error) {
	var msg jetstream.Msg
	err := r.insist(ctx, func() error {
		batch, err := r.consumer.Fetch(1, jetstream.FetchMaxWait(fetchWait))
		if err != nil {
			return r.rejoin(ctx, err)
		}
		for m := range batch.Messages() {
			msg = m
		}
		if msg != nil {
			return nil
		}
		return r.rejoin(ctx, batch.Error())
	})
	if err != nil && msg != nil {
		_ = msg.Nak() // nobody here will do it
	}
	return msg, err
}

// receive begins a take, or returns nil where nothing is to be done for the
// chunk.
func (r *run) receive(ctx context.Context, msg jetstream.Msg) (*take, error) {
	number, err := chunkNumber(msg.Subject())
	if err != nil {
		return nil, &unreadable{err}
	}
	if t := r.inHand(number); t != nil { // it was silent for too long, but is at it
		t.redelivered(msg)
		return nil, nil
	}
	c, err := decodeChunk(msg.Data())
	if err != nil {
		return nil, &unreadable{err}
	}
	t := &take{name: newName(), number: number, chunk: c, msg: msg, left: len(c.items)}
	// How often the chunk was delivered does not tell: the store may have forgotten
	// the last deliveries before a crash.
	if err := r.insist(ctx, func() error { return r.recall(ctx, t) }); err != nil {
		return nil, err
	}
	if t.left == 0 { // only the acknowledgement was missing
		r.acknowledge(ctx, t)
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.takes[number] = t
	return t, nil
}

func (r *run) inHand(number int64) *take {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.takes[number]; t != nil && !t.lost {
		return t
	}
	return nil
}

// recall finds out what earlier takes have stored for a chunk.
func (r *run) recall(ctx context.Context, t *take) error {
	t.done, t.left, t.last = map[int64]bool{}, len(t.chunk.items), 0
	within, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	subject := chunkSubject(resultsPrefix, r.rec.Upload, t.number)
	if _, err := r.service.store.results.GetLastMsgForSubject(within, subject); isMissing(err) {
		return nil // as for almost all chunks
	} else if err != nil {
		return err
	}
	err := r.service.store.replay(within, reading{filters: []string{subject}}, func(msg jetstream.Msg, seq uint64) error {
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
	r.service.log.Info("taking up a chunk again", zap.String("job", r.rec.ID), zap.Int64("chunk", t.number),
		zap.Int("done", len(t.done)), zap.Int("left", t.left))
	return err
}

// acknowledge tells the store that a chunk is done. Where that does not arrive, the
// chunk comes again, and is found to be done.
func (r *run) acknowledge(ctx context.Context, t *take) {
	within, cancel := context.WithTimeout(ctx, ackTime)
	defer cancel()
	if err := t.message().DoubleAck(within); err != nil {
		r.service.log.Debug("a chunk was not acknowledged", zap.String("job", r.rec.ID), zap.Int64("chunk", t.number), zap.Error(err))
	}
}

// ackTime is how long the answer to an acknowledgement is waited for.
const ackTime = 2 * time.Second

// sort finds the takes that outcomes belong to, and gives them their indexes in
// the job.
func (r *run) sort(outcomes []catalog.Outcome) map[*take][]catalog.Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	groups := map[*take][]catalog.Outcome{}
	for _, o := range outcomes {
		p := r.places[o.Index]
		delete(r.places, o.Index)
		o.Index = p.take.chunk.indexes[p.at]
		groups[p.take] = append(groups[p.take], o)
	}
	return groups
}
