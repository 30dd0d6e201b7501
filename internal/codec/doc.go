// Package codec has the stored form of the nouns, for data that outlives the process:
// items and outcomes of jobs, answers of the cache.
//
// The form is CBOR (RFC 8949) with small numbers for field names, which is about
// a third of JSON's size and time. A number that was used is never used for
// something else: what an older version stored is read by a newer one, and what a
// newer one added is passed over by an older one, so replicas of two versions can
// share a store while they are replaced.
//
// The functions are safe for concurrent use. Those that read take bytes that
// any program may have changed: they return an error and do not panic, and share no
// memory with the input.
package codec
