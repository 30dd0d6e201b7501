package upstream

import (
	"net/http"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
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

// Lease is the right to make one call. It is for one goroutine, and must be
// settled exactly once.
type Lease struct {
	gate    *Gate
	key     *key
	start   time.Time
	queued  time.Duration
	settled bool
}

// Secret returns the API key to send, empty for none.
func (l *Lease) Secret() string { return l.key.secret.Reveal() }

// BaseURL returns the server to call.
func (l *Lease) BaseURL() string { return l.gate.baseURL }

// Model returns the name to send for the name that a caller asked for.
func (l *Lease) Model(asked string) string { return asked }

// QueueTime returns how long the lease was waited for.
func (l *Lease) QueueTime() time.Duration { return l.queued }

// Settle gives the lease back with what came of it. Calls after the first do
// nothing.
func (l *Lease) Settle(r Result) {
	if l.settled {
		return
	}
	l.settled = true
	if r.Verdict == Succeeded {
		l.gate.latency.add(time.Since(l.start))
	}
	g := l.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	l.key.note(r)
	g.release(l.key)
}

// note keeps what an attempt said of its key. The gate's mu is held.
func (k *key) note(r Result) {
	switch r.Verdict {
	case Succeeded:
		k.retired = nil
	case Refused:
		k.retire(fault.New(fault.UpstreamAuth,
			"the model's server refused the key ending in %q (%s): give a valid key", k.secret.Suffix(), r.Detail))
	case Exhausted:
		k.retire(fault.New(fault.QuotaExhausted,
			"the key ending in %q has no quota left (%s): raise the quota or give another key", k.secret.Suffix(), r.Detail))
	default: // says nothing of the key
	}
	if r.Verdict != Succeeded && r.Verdict != Abandoned {
		k.failures++
	}
}

func (k *key) retire(why *fault.Fault) {
	k.retired, k.retryAt = why, time.Now().Add(retirement)
}
