// Package codec encodes items, outcomes and answers for storage: those of jobs, and
// answers of the cache.
//
// The form is CBOR (RFC 8949) with small numbers as field names, which takes about a
// third of JSON's size and time. A number is never used again for something else. So a
// newer version reads what an older one stored, an older one ignores what a newer one
// added, and replicas of two versions can share a store during an upgrade.
//
// The functions are safe for concurrent use. Decoding accepts any bytes: it returns an
// error and does not panic, and the result shares no memory with the input.
package codec
