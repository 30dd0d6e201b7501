package upstream

import (
	"net/http"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// Need describes an attempt that asks the gate for a lease.
type Need struct {
	// Caller and Priority decide which attempt goes first.
	Caller   catalog.Caller
	Priority catalog.Priority
	// Model is the name as the caller asked for it; a key may map it to another.
	Model string
	// Tokens is the estimate for question and answer together.
	Tokens int
	// NotBefore is the earliest start of a retry. Zero: now.
	NotBefore time.Time
	// Began is when the item began, for which a server's outage may last no longer
	// than from then to its deadline. Zero: with this attempt.
	Began time.Time
	// Within is how long the item may take in all, for an attempt whose context lives
	// longer because other items share its work. 0: as long as the context does.
	Within time.Duration
	// Attempt is 1 for an item's first lease. Later ones go ahead of first ones,
	// so it counts every lease that the item has had.
	Attempt int
	// Failures is after how many failures of the item the next one is: those that count
	// (Advice.Counts), and a few more while its model is being loaded. The wait doubles with each.
	Failures int
	// RefusedAt is when a key was refused for the item first. Zero: never.
	RefusedAt time.Time
	// After is how the item's attempt before this one ended, for the fault if
	// the deadline comes while the retry waits. Abandoned: there was none.
	After Outcome
	// Asked is called once the attempt has its place in the queue, or needs none. It must not
	// wait. Nil: it is not called.
	Asked func()
}

// Result is how an attempt ended, for Lease.Settle.
type Result struct {
	Outcome Outcome
	// Header is the answer's, nil if none came.
	Header http.Header
	// Usage is what the answer reported, zero if it reported nothing.
	Usage catalog.Usage
	// RetryAfter is how long the answer's body asks to wait. 0: it does not say. What
	// Header says goes before it.
	RetryAfter time.Duration
	// Again is set if a call that Succeeded or was Rejected is followed by another attempt,
	// since the server's model failed and not the question.
	Again bool
	// Certain is set if a Refused key was refused in words that leave no doubt.
	Certain bool
	// Detail is a short public text for a Refused or Exhausted key, e.g. "401 invalid_api_key".
	Detail string
	// Cause is a few public words on how a call failed, e.g. "connection refused".
	// Empty: no answer came.
	Cause string
	// Late says of an Abandoned call that the item's deadline came before an answer.
	Late bool
	// Held is set if the lease keeps its place in the pool until Release.
	Held bool
}

// asked returns how long the answer asks to wait, and whether that is rounded to seconds.
func (r *Result) asked(now time.Time) (d time.Duration, coarse bool) {
	if d, coarse, ok := retryAfter(r.Header, now); ok {
		return d, coarse
	}
	d = min(max(r.RetryAfter, 0), longestDelay)
	return d, d%time.Second == 0
}

// Outcome is what the end of an attempt says about the key and the server behind it.
type Outcome uint8

// The outcomes of an attempt.
const (
	// Abandoned: the caller went away, which says nothing of key and server.
	Abandoned Outcome = iota
	// Succeeded: an answer came, usable or not.
	Succeeded
	// Throttled: 429.
	Throttled
	// Overloaded: 503, 529 or a refused connection.
	Overloaded
	// TimedOut: no answer within the attempt's time.
	TimedOut
	// Broken: 500 or another 5xx, a reset, a connection cut: a failure of one call, not of all.
	Broken
	// Rejected: 400, 404, 422: the question's fault; the server works.
	Rejected
	// Refused: 401 or 403: the key's fault.
	Refused
	// Exhausted: the key has no quota left (insufficient_quota).
	Exhausted

	numOutcomes
)

var outcomeNames = [numOutcomes]string{
	"abandoned", "succeeded", "throttled", "overloaded", "timed_out",
	"broken", "rejected", "refused", "exhausted",
}

// String returns the name as metrics have it, such as "timed_out".
func (v Outcome) String() string {
	if v >= numOutcomes {
		return "unknown"
	}
	return outcomeNames[v]
}

// Lease is the right to make one call on one key. The caller that acquires it must
// settle it. Its methods are safe for concurrent use.
type Lease struct {
	gate   *Gate
	group  *group
	key    *key
	caller *caller
	need   Need

	started instant
	queued  time.Duration
	number  int64 // among the group's starts

	cost        float64 // tokens
	spentTokens float64 // the group's by then, with this
	promised    float64 // what headers said was left for it, as a part of the most ever left
	sawInFlight int     // in the group, with this
	busy        bool    // that was most of the limit
	probe       bool
	hedge       bool
	gaveUp      bool
	settled     bool
	held        bool

	hedgeAfter  time.Duration
	whenGivenUp func()

	prev, next *Lease // in flight in the group, by start
}

// Advice is what the gate says about the attempt that follows one.
type Advice struct {
	// NotBefore is when the item may be tried again at the earliest. Zero: now.
	NotBefore time.Time
	// Asked is how long the answer asked to wait. 0: it did not say.
	Asked time.Duration
	// Counts reports whether the attempt is one of those that bound an item. It
	// is not if it failed because of a quota or a bad key, or as a probe or
	// victim of an outage.
	Counts bool
	// ItemRefused reports whether the key was refused for this item alone: it is still in
	// service, and the server has accepted it since Need.RefusedAt.
	ItemRefused bool
}

// Secret returns the key itself, for the Authorization header alone. Empty: the
// server asks for none.
func (l *Lease) Secret() string { return l.key.secret.Reveal() }

// Group returns the name of the key's quota group.
func (l *Lease) Group() string { return l.group.name }

// BaseURL returns the address of the server that the key is for.
func (l *Lease) BaseURL() string { return l.group.baseURL }

// Model returns the name that the key's server knows the model by.
func (l *Lease) Model(asked string) string {
	if sent, ok := l.group.models[asked]; ok {
		return sent
	}
	return asked
}

// QueueTime returns how long the attempt waited, from when it was asked for or from
// its not-before time.
func (l *Lease) QueueTime() time.Duration { return l.queued }

// Timeout returns how long the attempt may take in all, by what is known now. While the
// group's server has answered nothing it is 10 minutes. From then on it is 30 s, or three
// times the slowest answer if that is more; and once there are 100 answers five times
// their 99th percentile, 5 s at least. It grows and shrinks during the call.
func (l *Lease) Timeout() time.Duration {
	l.gate.mu.Lock()
	defer l.gate.mu.Unlock()
	return l.group.latency.timeout()
}

// TimeLeft returns how long the call may go on until TimeLeft is to be asked again. 0: its
// time is up.
func (l *Lease) TimeLeft() time.Duration {
	g := l.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	age := g.now() - l.started
	left := max(l.group.latency.timeout()-age, 0)
	if !l.group.latency.known() {
		left = min(left, max(timeoutLong-age, timeoutLook))
	}
	return left
}

// Probe reports whether the call is to show whether a server is still away.
func (l *Lease) Probe() bool { return l.probe }

// HedgeAfter returns the time that all but one in twenty answers need. An attempt
// that takes longer is a straggler worth a Hedge. 0: not known yet.
func (l *Lease) HedgeAfter() time.Duration { return l.hedgeAfter }

// WhenGivenUp calls f when the gate gives the call up, since it was in flight
// when the server went away. The call is to be ended then and settled as
// TimedOut, whatever its error; the attempt does not count. f, such as a
// context's cancel, must not block nor call the gate. It is called at most once,
// and not after Settle.
func (l *Lease) WhenGivenUp(f func()) {
	l.gate.mu.Lock()
	defer l.gate.mu.Unlock()
	if l.gaveUp {
		f()
		return
	}
	l.whenGivenUp = f
}

// giveUp is called with the gate locked.
func (l *Lease) giveUp() {
	if l.gaveUp {
		return
	}
	l.gaveUp = true
	l.gate.counters.GivenUp++
	if l.whenGivenUp != nil {
		l.whenGivenUp()
	}
}

// Settle gives the lease back with what the attempt came to, and returns what
// applies to the next one. Only the first call counts; further ones are ignored and show up
// in Status as a fault of the program.
func (l *Lease) Settle(r Result) Advice {
	g := l.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if l.settled {
		g.counters.Misused++
		return Advice{}
	}
	l.settled = true
	now := g.now()
	advice := g.settle(now, l, &r)
	g.dispatch(now)
	return advice
}

// Release frees the place of a lease that was settled as Held. Further calls have no effect.
func (l *Lease) Release() {
	g := l.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if !l.held {
		return
	}
	l.held = false
	g.leave(l)
	g.dispatch(g.now())
}
