package cache

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// known has the keys of a bucket that this process alone writes to, so that the bucket is
// not asked for others. It is a Bloom filter in two generations: a full one becomes the old
// one, and the one before that is dropped. The bucket deletes its oldest answers when it is
// full, and has no more keys than a generation.
//
// One in fifty keys that the bucket does not have is reported as present.
type known struct {
	mu       sync.Mutex
	loaded   bool // it has the keys from before the start
	now, old []uint64
	added    int // to now
}

const (
	// leastBytes is the least size of an answer in the bucket.
	leastBytes = 256
	// bitsPerKey and probes are the filter's parameters.
	bitsPerKey = 8
	probes     = 4
)

func newKnown(maxBytes int64) *known {
	words := max(maxBytes/leastBytes*bitsPerKey/64, 1)
	return &known{now: make([]uint64, words), old: make([]uint64, words)}
}

// places returns a key's bits. A key is a hash, so its parts are independent.
func (k *known) places(key *catalog.Fingerprint) (at [probes]uint64) {
	for i := range at {
		at[i] = binary.LittleEndian.Uint64(key[8*i:]) % uint64(64*len(k.now))
	}
	return at
}

func (k *known) add(key catalog.Fingerprint) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.added >= 64*len(k.now)/bitsPerKey {
		k.now, k.old, k.added = k.old, k.now, 0
		clear(k.now)
	}
	k.added++
	for _, at := range k.places(&key) {
		k.now[at/64] |= 1 << (at % 64)
	}
}

// mayHave reports whether the bucket may have a key.
func (k *known) mayHave(key catalog.Fingerprint) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.loaded {
		return true
	}
	at := k.places(&key)
	return has(k.now, at) || has(k.old, at)
}

func has(bits []uint64, at [probes]uint64) bool {
	for _, at := range at {
		if bits[at/64]&(1<<(at%64)) == 0 {
			return false
		}
	}
	return true
}

// errBroken is the error of a list that ended early.
var errBroken = errors.New("the list of keys ended early")

// load adds the keys that the bucket has from before the start, once.
func (k *known) load(ctx context.Context, kv jetstream.KeyValue) error {
	if k.loaded { // which only this goroutine sets
		return nil
	}
	list, err := kv.WatchAll(ctx, jetstream.IgnoreDeletes(), jetstream.MetaOnly())
	if err != nil {
		return err
	}
	defer func() { _ = list.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case entry, open := <-list.Updates():
			if !open {
				return errBroken
			}
			if entry == nil { // the end
				k.mu.Lock()
				defer k.mu.Unlock()
				k.loaded = true
				return nil
			}
			if key, err := base64.RawURLEncoding.DecodeString(entry.Key()); err == nil && len(key) == len(catalog.Fingerprint{}) {
				k.add(catalog.Fingerprint(key))
			}
		}
	}
}
