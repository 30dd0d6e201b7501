package cache_test

import (
	"testing"
	"testing/synctest"

	"github.com/credenza-dev/credenza/internal/cache"
	"github.com/credenza-dev/credenza/internal/catalog"
)

// owner returns a cache that alone writes to the bucket, and knows its keys.
func owner(b *faultyBucket, maxBytes int64) *cache.Cache {
	m := cache.New(cache.Config{MemoryBytes: 1, Bucket: &cache.Bucket{
		JetStream: server{bucket: b}, Publish: b.Publish, Owned: true, MaxBytes: maxBytes,
	}})
	synctest.Wait()
	return m
}

func TestOwnedBucket_IsAskedOnlyForKeysThatItMayHave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &faultyBucket{keys: []string{cache.Name(key(1)), cache.Name(key(2)), "no.key.of.ours"}}
		m := owner(b, 0)
		defer m.Close()
		n := 0
		for i := range 1000 {
			do(t, m, catalog.Lookup{Key: key(i)}, give(&n))
		}
		if b.gets != 2 {
			t.Errorf("it was asked %d times", b.gets)
		}
		for i := range 1000 { // all were written, and none is in memory
			do(t, m, catalog.Lookup{Key: key(i)}, give(&n))
		}
		if b.gets != 1002 {
			t.Errorf("it was asked %d times", b.gets)
		}
	})
}

// The oldest answers leave a full bucket, and later their keys the memory. What may
// still be there is asked for.
func TestOwnedBucket_KnowsAsManyKeysAsItHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const holds = 256
		b := &faultyBucket{}
		m := owner(b, 256*holds)
		defer m.Close()
		n := 0
		for i := range 100 * holds {
			do(t, m, catalog.Lookup{Key: key(i)}, give(&n))
		}
		if b.gets > 100*holds/10 {
			t.Errorf("of %d new keys %d were asked for", 100*holds, b.gets)
		}
		b.gets = 0
		for i := range holds {
			do(t, m, catalog.Lookup{Key: key(99*holds + i)}, give(&n))
		}
		if b.gets != holds {
			t.Errorf("of %d keys that it has %d were asked for", holds, b.gets)
		}
	})
}
