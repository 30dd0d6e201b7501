package cache

import "sync/atomic"

// counts are the cache's figures since its start.
type counts struct {
	memoryHits, storeHits, misses, shared atomic.Int64
	skipped, failedReads, failedWrites    atomic.Int64
	written, dropped, unreadable          atomic.Int64
}

// Stats is the use of a cache. All except Entries and Bytes count since its start.
type Stats struct {
	// Entries and Bytes are in memory.
	Entries, Bytes int64
	// MemoryHits and StoreHits count answers that were kept.
	MemoryHits, StoreHits int64
	// Misses counts questions that had to be asked although their answers may be
	// kept.
	Misses int64
	// Shared counts callers that shared work in flight.
	Shared int64
	// Skipped counts reads and writes of the bucket that were not tried during an outage;
	// the others count those that failed.
	Skipped, FailedReads, FailedWrites int64
	// Written counts answers that the bucket has taken, Dropped answers that
	// were not written for lack of time, Unreadable stored answers that could not be read.
	Written, Dropped, Unreadable int64
}

// Stats returns the use of the cache now.
func (c *Cache) Stats() Stats {
	n := &c.counts
	return Stats{
		Entries: int64(c.memory.EstimatedSize()), Bytes: int64(c.memory.WeightedSize()),
		MemoryHits: n.memoryHits.Load(), StoreHits: n.storeHits.Load(), Misses: n.misses.Load(), Shared: n.shared.Load(),
		Skipped: n.skipped.Load(), FailedReads: n.failedReads.Load(), FailedWrites: n.failedWrites.Load(),
		Written: n.written.Load(), Dropped: n.dropped.Load(), Unreadable: n.unreadable.Load(),
	}
}
