package cache_test

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/credenza-dev/credenza/internal/cache"
)

// faultyBucket is a bucket whose faults the test sets.
type faultyBucket struct {
	jetstream.KeyValue // for methods that are not called

	mu           sync.Mutex
	err          error // of all that is asked; nil: as an empty bucket
	hangs        bool
	takes        time.Duration
	panics       bool
	unwell       bool // it can be opened, and all else fails
	opened, puts int
	gets         int
	keys         []string // that it has from before
	last         []byte   // put
}

func (b *faultyBucket) be(err error, hangs bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err, b.hangs = err, hangs
}

func (b *faultyBucket) recover() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.unwell = false
}

func (b *faultyBucket) slow(takes time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.takes = takes
}

func (b *faultyBucket) timesOpened() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.opened
}

func (b *faultyBucket) answer(ctx context.Context, count *int) error {
	b.mu.Lock()
	err, hangs, takes := b.err, b.hangs, b.takes
	*count++
	b.mu.Unlock()
	if takes > 0 {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

// use is answer for what needs the bucket to be well.
func (b *faultyBucket) use(ctx context.Context, count *int) error {
	b.mu.Lock()
	panics, unwell := b.panics, b.unwell
	b.mu.Unlock()
	if panics {
		panic("the bucket")
	}
	if err := b.answer(ctx, count); err != nil || !unwell {
		return err
	}
	return jetstream.ErrNoStreamResponse
}

func (b *faultyBucket) Get(ctx context.Context, _ string) (jetstream.KeyValueEntry, error) {
	if err := b.use(ctx, &b.gets); err != nil {
		return nil, err
	}
	return nil, jetstream.ErrKeyNotFound
}

// WatchAll lists the keys from before, and a nil for their end.
func (b *faultyBucket) WatchAll(context.Context, ...jetstream.WatchOpt) (jetstream.KeyWatcher, error) {
	list := make(listing, len(b.keys)+1)
	for _, k := range b.keys {
		list <- stored{key: k}
	}
	list <- nil
	return list, nil
}

type listing chan jetstream.KeyValueEntry

func (l listing) Updates() <-chan jetstream.KeyValueEntry { return l }

func (listing) Stop() error { return nil }

func (listing) Error() <-chan error { return nil }

type stored struct {
	jetstream.KeyValueEntry // for methods that are not called
	key                     string
}

func (s stored) Key() string { return s.key }

func (b *faultyBucket) Put(ctx context.Context, _ string, value []byte) (uint64, error) {
	err := b.use(ctx, &b.puts)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = value
	return 1, err
}

// Publish only hands a message to the connection, so it neither waits nor fails.
func (b *faultyBucket) Publish(_ string, value []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.puts++
	b.last = value
	return nil
}

// server has a faultyBucket bucket.
type server struct {
	jetstream.JetStream
	bucket *faultyBucket
}

func (s server) CreateOrUpdateStream(ctx context.Context, _ jetstream.StreamConfig) (jetstream.Stream, error) {
	return nil, s.bucket.answer(ctx, &s.bucket.opened)
}

func (s server) KeyValue(context.Context, string) (jetstream.KeyValue, error) { return s.bucket, nil }

// over returns a cache over the bucket, and its log.
func over(b *faultyBucket) (*cache.Cache, *observer.ObservedLogs) {
	core, logs := observer.New(zap.InfoLevel)
	return cache.New(cache.Config{Bucket: &cache.Bucket{JetStream: server{bucket: b}, Publish: b.Publish}, Log: zap.New(core)}), logs
}
