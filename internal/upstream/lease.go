package upstream

import (
	"net/http"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// Need is what an attempt asks the gate for.
type Need struct {
	// Caller and Priority decide who goes first.
	Caller   catalog.Caller
	Priority catalog.Priority
	// Model is the name as the caller asked for it; a key may map it to another.
	Model string
	// Tokens is the estimate for question and answer together.
	Tokens int
	// NotBefore is the earliest start of a retry. Zero: now.
	NotBefore time.Time
	// Attempt is 1 for an item's first attempt. Later ones go ahead of first ones.
	Attempt int
}

// Result is how an attempt ended, for Lease.Settle.
type Result struct {
	Verdict Verdict
	// Header is the answer's, nil where none came.
	Header http.Header
	// Usage is what the answer reported, zero where it reported nothing.
	Usage catalog.Usage
	// RetryAfter is how long the answer asks to wait. 0: it does not say.
	RetryAfter time.Duration
	// Detail is a short public text for a Refused or Exhausted key, e.g. "401 invalid_api_key".
	Detail string
}

// Verdict is what an attempt's end says of the key and the server behind it.
type Verdict uint8

// The verdicts.
const (
	// Abandoned: the caller went away. Says nothing.
	Abandoned Verdict = iota
	// Succeeded: an answer came, usable or not.
	Succeeded
	// Throttled: 429.
	Throttled
	// Overloaded: 503, 529 or a refused connection.
	Overloaded
	// TimedOut: no answer within the attempt's time.
	TimedOut
	// Broken: 500 or another 5xx, a reset, a connection cut: it comes alone.
	Broken
	// Rejected: 400, 404, 422: the question's fault, the server is well.
	Rejected
	// Refused: 401 or 403: the key's fault.
	Refused
	// Exhausted: the key has no quota left (insufficient_quota).
	Exhausted
)
