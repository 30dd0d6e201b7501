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

// Bounds of what the bucket may cost.
const (
	// readTime is the most that a question waits for the bucket: about what the model
	// takes. A read takes some 50 microseconds, and more just after a start.
	readTime = time.Second
	// readShare is the part of a question's own time, as its inverse, that a read may
	// take: the model needs the rest.
	readShare = 4
	// slowRead is what counts as a failure although it succeeds: a bucket that takes
	// half of what the model does is no help.
	slowRead = readTime / 2
	// fairRead is what a bucket must have had for a read that was broken off to count
	// as a failure: callers in a hurry do not take the bucket from the others.
	fairRead  = 100 * time.Millisecond
	writeTime = 2 * time.Second
	openTime  = 5 * time.Second
	// startTime is how long the start waits for the bucket to be opened.
	startTime = 2 * time.Second
	// closeTime is how long the end waits for what is still to be written.
	closeTime = 2 * time.Second
	// queued is how many answers may wait to be written, of about 1 KB each.
	queued = 4096
	// linger is how long an answer waits for others to be written with it, and batch how
	// many at most are written at once.
	linger = 25 * time.Millisecond
	batch  = 256
	// tries is how many failures in a row make an outage, and pause how long the
	// bucket is then left alone before it is tried again.
	tries = 3
	pause = 5 * time.Second
)

// store is a bucket that may be away at any time. It is safe for concurrent use.
type store struct {
	bucket Bucket
	ttl    time.Duration
	log    *zap.Logger
	counts *counts

	kv     atomic.Pointer[jetstream.KeyValue] // nil while it is not open
	away   atomic.Bool                        // as was logged; until something was read or written
	full   atomic.Bool                        // as was logged; until a queue is empty
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

// name is a key as the bucket takes it.
func name(key catalog.Fingerprint) string { return base64.RawURLEncoding.EncodeToString(key[:]) }

// readLimit is how long a question with ctx's time may wait for the bucket.
func readLimit(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(readTime, time.Until(deadline)/readShare)
	}
	return readTime
}

// get returns what is stored under a key, if it can be had within the limit.
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
	case got != nil: // too late for the breaker, perhaps
		s.inUse()
		return s.decode(got)
	case errors.Is(err, jetstream.ErrKeyNotFound):
		s.inUse()
	case errors.Is(err, context.Canceled): // the caller's end
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
// context.Canceled if it says nothing of the bucket.
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

// isOpen reports whether a breaker let nothing through.
func isOpen(err error) bool {
	return errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests)
}

// decode reads an entry, and reports whether it is an answer that can be used.
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

// close writes what is queued within closeTime, and gives the rest up.
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
