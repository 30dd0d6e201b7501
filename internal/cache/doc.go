// Package cache keeps answers, so that no question is paid for twice.
//
// # The problem
//
// Catalogues repeat themselves: the same chair in four shops, the whole feed again
// next morning, the same job retried. An answer costs money and a second, and is
// as good as it was. Equal questions also come at the same time, from callers that
// know nothing of each other and may leave at any moment.
//
// # The picture
//
//	key -> memory -> work in flight -> bucket -> work -> memory, bucket
//
// Memory is bounded by bytes. The bucket is a JetStream key-value bucket, bounded
// by bytes and time, which replicas share and which outlives the process. One writer
// behind a bounded queue writes to it in the background, several answers at once. A
// process that owns its bucket knows which keys it may have.
//
// Work in flight belongs to no caller: see package singleflight. Errors are not kept.
// A caller that shares must not be worse off for it, so an interactive call does not join
// work that waits as bulk, and a job's item joins only work with the same budget: at most
// one call more for each of these kinds, if they ask the same at the same time.
//
// # The trade-off
//
// The bucket is a convenience, and a classification never waits for it for longer
// than readTime. When it fails a few times in a row it is passed over, and tried
// again every few seconds; meanwhile each replica has its own memory. A replica
// that has an answer in memory does not see that another one has refreshed it.
//
// # Example
//
//	c := cache.New(cache.Config{MemoryBytes: 64 << 20, Bucket: &cache.Bucket{JetStream: js, Publish: conn.Publish}})
//	defer c.Close()
//	answer, err := c.Do(ctx, catalog.Lookup{Key: scope.OfText(item)}, ask)
package cache
