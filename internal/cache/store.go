package cache

import (
	"context"
	"encoding/base64"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/sony/gobreaker/v2"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/codec"
)

// Bounds on the cost of the bucket.
const (
	// readTime is the longest that a question waits for the bucket: about the time of a
	// call to the model. A read takes some 50 microseconds, and more after a start.
	readTime = time.Second
	// readShare is the inverse of the share of a question's time that a read may take:
	// the model needs the rest.
	readShare = 4
	// slowRead is the time from which a successful read counts as a failure: a bucket
	// that takes half as long as the model does not help.
	slowRead = readTime / 2
	// fairRead is the least time of a cancelled read that counts as a failure, so that
	// callers with little time left do not disable the bucket for the others.
	fairRead  = 100 * time.Millisecond
	writeTime = 2 * time.Second
	openTime  = 5 * time.Second
	// startTime is how long New waits for the bucket to open.
	startTime = 2 * time.Second
	// closeTime is how long Close writes the rest of the queue.
	closeTime = 2 * time.Second
	// queued is the most answers in the queue for writing, of about 1 KB each.
	queued = 4096
	// linger is how long an answer waits for others that are written with it, and batch
	// the most answers that are written at once.
	linger = 25 * time.Millisecond
	batch  = 256
	// tries is the number of failures in succession that make an outage, and pause the
	// time until the bucket is tried again.
	tries = 3
	pause = 5 * time.Second
)

// store is a bucket that may fail at any time. It is safe for concurrent use.
type store struct {
	bucket Bucket
	ttl    time.Duration
	log    *zap.Logger
	counts *counts

	kv     atomic.Pointer[jetstream.KeyValue] // nil while it is not open
	away   atomic.Bool                        // it was logged that the bucket fails; until a read or write succeeds
	full   atomic.Bool                        // it was logged that the queue is full; until it is empty
	reads  *gobreaker.CircuitBreaker[jetstream.KeyValueEntry]
	writes *gobreaker.CircuitBreaker[uint64]
	known  *known // nil: others write to the bucket too

	mu     sync.RWMutex
	closed bool
	queue  chan written  // one, so that the last answer under a key stays
	ending chan struct{} // closed with the queue
	stop   context.CancelFunc

	opening, writing sync.WaitGroup
}

type written struct {
	key   catalog.Fingerprint
	entry *entry
}

func openStore(bucket Bucket, ttl time.Duration, log *zap.Logger, counts *counts) *store {
	s := &store{
		bucket: bucket.withDefaults(), ttl: ttl, log: log, counts: counts,
		queue: make(chan written, queued), ending: make(chan struct{}),
	}
	if bucket.Owned {
		s.known = newKnown(s.bucket.MaxBytes)
	}
	s.reads = gobreaker.NewCircuitBreaker[jetstream.KeyValueEntry](s.breaker("reading"))
	s.writes = gobreaker.NewCircuitBreaker[uint64](s.breaker("writing"))
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	begin, cancel := context.WithTimeout(ctx, startTime)
	err := s.open(begin)
	cancel()
	if err != nil {
		s.closedBy(err)
	}
	s.opening.Go(func() { s.keepOpen(ctx) })
	s.writing.Go(func() { s.write(ctx) })
	return s
}

// name returns the key as a name in the bucket.
func name(key catalog.Fingerprint) string { return base64.RawURLEncoding.EncodeToString(key[:]) }

// readLimit returns how long a question with ctx's deadline may wait for the bucket.
func readLimit(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(readTime, time.Until(deadline)/readShare)
	}
	return readTime
}

// get returns the stored entry of a key, if it can be read within the limit.
func (s *store) get(ctx context.Context, key catalog.Fingerprint, limit time.Duration) (*entry, bool) {
	if s.known != nil && !s.known.mayHave(key) {
		return nil, false
	}
	kv := s.kv.Load()
	if kv == nil {
		s.counts.skipped.Add(1)
		return nil, false
	}
	got, err := s.reads.Execute(func() (jetstream.KeyValueEntry, error) { return read(ctx, *kv, name(key), limit) })
	switch {
	case got != nil: // also if the read was slow
		s.inUse()
		return s.decode(got)
	case errors.Is(err, jetstream.ErrKeyNotFound):
		s.inUse()
	case errors.Is(err, context.Canceled): // the caller left
	case isOpen(err):
		s.counts.skipped.Add(1)
	default:
		s.counts.failedReads.Add(1)
		s.lose(kv, err)
	}
	return nil, false
}

// errSlow is the failure of a read that took too long.
var errSlow = errors.New("the shared cache takes too long to answer")

// read reads within the limit. It may return both an entry and errSlow. The error is
// context.Canceled if the bucket is not to blame.
func read(ctx context.Context, kv jetstream.KeyValue, name string, limit time.Duration) (jetstream.KeyValueEntry, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	start := time.Now()
	got, err := kv.Get(limited, name)
	switch {
	case limited.Err() == nil && time.Since(start) > slowRead:
		return got, errSlow
	case limited.Err() == nil || err == nil:
		return got, err
	case ctx.Err() != nil || limit < fairRead:
		return nil, context.Canceled
	default:
		return nil, errSlow
	}
}

// isOpen reports whether err is that of a breaker that is open.
func isOpen(err error) bool {
	return errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests)
}

// decode decodes an entry, and reports whether it has a valid answer.
func (s *store) decode(got jetstream.KeyValueEntry) (*entry, bool) {
	answer, err := codec.DecodeAnswer(got.Value())
	v := &answer.Classification
	if err != nil || v.Category == "" || v.Evidence == 0 || !(v.Confidence >= 0 && v.Confidence <= 1) {
		s.counts.unreadable.Add(1)
		return nil, false
	}
	if answer.Asked.IsZero() {
		answer.Asked = got.Created()
	}
	return newEntry(&answer, got.Created()), true
}

// close writes the queue for up to closeTime, and drops the rest.
func (s *store) close() {
	s.mu.Lock()
	s.closed = true
	close(s.queue)
	close(s.ending)
	s.mu.Unlock()
	giveUp := time.AfterFunc(closeTime, s.stop)
	defer giveUp.Stop()
	s.writing.Wait()
	s.stop()
	s.opening.Wait()
}
