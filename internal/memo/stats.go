package memo

import "sync/atomic"

// counts are the memo's figures since its start.
type counts struct {
	memoryHits, storeHits, misses, shared atomic.Int64
	skipped, failedReads, failedWrites    atomic.Int64
	written, dropped, unreadable          atomic.Int64
}

// Stats is the use of a memo. All but Entries and Bytes count since its start.
type Stats struct {
	// Entries and Bytes are in memory.
	Entries, Bytes int64
	// MemoryHits and StoreHits count answers that were kept.
	MemoryHits, StoreHits int64
	// Misses counts questions that had to be asked, although they might have been
	// kept.
	Misses int64
	// Shared counts those who took part in the work for another.
	Shared int64
	// Skipped counts reads and writes of the bucket that were left out while it
	// failed, the others those that failed themselves.
	Skipped, FailedReads, FailedWrites int64
	// Written counts answers that the bucket has taken, Dropped those that there was
	// no time to write, Unreadable those that could not be read.
	Written, Dropped, Unreadable int64
}

// Stats returns the use of the memo now.
func (m *Memo) Stats() Stats {
	c := &m.counts
	return Stats{
		Entries: int64(m.memory.EstimatedSize()), Bytes: int64(m.memory.WeightedSize()),
		MemoryHits: c.memoryHits.Load(), StoreHits: c.storeHits.Load(), Misses: c.misses.Load(), Shared: c.shared.Load(),
		Skipped: c.skipped.Load(), FailedReads: c.failedReads.Load(), FailedWrites: c.failedWrites.Load(),
		Written: c.written.Load(), Dropped: c.dropped.Load(), Unreadable: c.unreadable.Load(),
	}
}
