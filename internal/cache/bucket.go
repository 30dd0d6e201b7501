package cache

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sony/gobreaker/v2"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// Bucket is the key-value bucket behind the memory.
type Bucket struct {
	JetStream jetstream.JetStream
	// Publish sends a message on the same connection and waits for no acknowledgement.
	Publish func(subject string, message []byte) error
	// Owned is set if this process alone writes to the bucket, so that it can know the
	// bucket's keys.
	Owned bool
	// Name is the bucket's; empty: "credenza_answers".
	Name string
	// MaxBytes is its size on disk; the oldest answers are deleted. 0: 1 GiB.
	MaxBytes int64
	// Replicas returns the number of servers that store it, and is called whenever it is
	// opened. Nil: one.
	Replicas func() int
}

func (b Bucket) withDefaults() Bucket {
	b.Name = cmp.Or(b.Name, "credenza_answers")
	b.MaxBytes = cmp.Or(b.MaxBytes, 1<<30)
	if b.Replicas == nil {
		b.Replicas = func() int { return 1 }
	}
	return b
}

// subject returns the subject of the answer under a key's name.
func (b *Bucket) subject(name string) string { return "$KV." + b.Name + "." + name }

// breaker returns the settings of a breaker that logs once when the bucket begins to fail.
func (s *store) breaker(what string) gobreaker.Settings {
	return gobreaker.Settings{
		Name: what, Timeout: pause,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= tries },
		IsSuccessful: func(err error) bool {
			return err == nil || errors.Is(err, jetstream.ErrKeyNotFound)
		},
		IsExcluded: func(err error) bool { return errors.Is(err, context.Canceled) },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			switch {
			case from == gobreaker.StateClosed:
				s.log.Warn("the shared cache fails and is passed over: answers are kept in memory alone", zap.String("at", what))
			case to == gobreaker.StateClosed:
				s.log.Info("the shared cache is in use again", zap.String("at", what))
			}
		},
	}
}

// open opens the bucket, and creates it if necessary. It differs from a usual key-value
// bucket in one way: when it is full, the oldest answers are deleted, while a usual one
// refuses new ones.
func (s *store) open(ctx context.Context) error {
	_, err := s.bucket.JetStream.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: "KV_" + s.bucket.Name, Description: "Credenza's cached answers", Subjects: []string{s.bucket.subject(">")},
		MaxMsgsPerSubject: 1, MaxBytes: s.bucket.MaxBytes, MaxAge: s.ttl, Discard: jetstream.DiscardOld,
		Duplicates: min(s.ttl, 2*time.Minute), Storage: jetstream.FileStorage, Replicas: s.bucket.Replicas(),
		AllowRollup: true, DenyDelete: true, AllowDirect: true,
	})
	if err != nil {
		return err
	}
	kv, err := s.bucket.JetStream.KeyValue(ctx, s.bucket.Name)
	if err != nil {
		return err
	}
	s.kv.Store(&kv)
	return nil
}

// keepOpen opens the bucket again after it was lost, and reads its keys, until ctx ends.
func (s *store) keepOpen(ctx context.Context) {
	s.learn(ctx)
	for range catalog.Every(ctx, pause) {
		if s.kv.Load() == nil {
			limited, cancel := context.WithTimeout(ctx, openTime)
			_ = s.open(limited) // its failure was logged, and it is tried again
			cancel()
		}
		s.learn(ctx)
	}
}

// learn reads the keys of an open bucket that this process owns. After an error it is
// called again; until then the bucket is asked for every key.
func (s *store) learn(ctx context.Context) {
	if kv := s.kv.Load(); s.known != nil && kv != nil {
		_ = s.known.load(ctx, *kv)
	}
}

// lose makes keepOpen open the bucket again if err means that it does not exist.
func (s *store) lose(kv *jetstream.KeyValue, err error) {
	if !errors.Is(err, jetstream.ErrNoStreamResponse) && !errors.Is(err, nats.ErrNoResponders) {
		return
	}
	if s.kv.CompareAndSwap(kv, nil) {
		s.closedBy(err)
	}
}

// closedBy logs once that the bucket cannot be opened, and inUse that it works again: an
// open bucket may still be unreadable.
func (s *store) closedBy(err error) {
	if !s.away.Swap(true) {
		s.log.Warn("the shared cache cannot be opened: answers are kept in memory alone until it can", zap.Error(err))
	}
}

func (s *store) inUse() {
	if s.away.Load() && s.away.Swap(false) {
		s.log.Info("the shared cache is open")
	}
}
