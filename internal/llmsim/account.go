package llmsim

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Account is the quota that one or several keys draw on. It knows no clock: times
// are given, as the time since its beginning. It is not safe for concurrent use.
type Account struct {
	group   string
	quota   Quota
	meters  [3]meter      // requests, tokens, hidden
	changes []QuotaChange // those to come
	// prefixes are the hashes of the fixed first parts of prompts seen, for the
	// provider's prompt cache, which is an account's own.
	prefixes map[uint64]struct{}
}

// NewAccount returns an account at the time 0, with everything that it grants at
// once still there.
func NewAccount(q Quota) *Account {
	return &Account{
		quota: q, changes: q.Changes, prefixes: make(map[uint64]struct{}),
		meters: [3]meter{newMeter(q.Requests), newMeter(q.Tokens), newMeter(q.Hidden)},
	}
}

// Admit takes one request and its tokens, if there is room for both, and sets the
// headers of the answer.
func (a *Account) Admit(now time.Duration, tokens int64, h http.Header) bool {
	return a.admit(now, tokens, "", h) == nil
}

// admit takes one request and its tokens from every meter, or nothing from any. It
// sets the headers of the answer, and returns what the provider says of a request
// for which there is no room; nil: it is admitted.
func (a *Account) admit(now time.Duration, tokens int64, model string, h http.Header) *apiError {
	a.advance(now)
	defer a.describe(h)
	need := [3]int64{1, tokens, 1}
	short, wait, tooLarge := -1, time.Duration(0), false
	for i := range a.meters {
		if m := &a.meters[i]; !m.allows(need[i]) {
			if w := m.wait(need[i]); short < 0 || w > wait {
				short, wait = i, w
			}
			tooLarge = tooLarge || need[i] > m.limit.Burst
		}
	}
	if short >= 0 {
		if !tooLarge {
			a.retryAfter(h, wait)
		}
		return a.refusal(model, short, need[short], wait, tooLarge)
	}
	for i := range a.meters {
		a.meters[i].take(need[i])
	}
	return nil
}

// refusal is what the provider says of a request that a meter has no room for.
func (a *Account) refusal(model string, short int, need int64, wait time.Duration, tooLarge bool) *apiError {
	kind, shown := "requests", ""
	if short == 1 {
		kind = "tokens"
	}
	if m := &a.meters[short]; short < len(headerNames) {
		shown = fmt.Sprintf("Limit %d, Used %d, ", m.limit.Burst, m.limit.Burst-m.remaining())
	}
	text := fmt.Sprintf("Rate limit reached for %s on %s: %sRequested %d. Please try again in %v.", model, kind, shown, need, roundUp(wait))
	if tooLarge {
		text = fmt.Sprintf("Request too large for %s on %s: %sRequested %d. The request must be reduced in order to run.", model, kind, shown, need)
	}
	return &apiError{status: http.StatusTooManyRequests, kind: kind, code: "rate_limit_exceeded", message: text}
}

func (a *Account) advance(now time.Duration) {
	for len(a.changes) > 0 && a.changes[0].At <= now {
		c := a.changes[0]
		a.changes = a.changes[1:]
		for i, l := range []*Limit{c.Requests, c.Tokens, c.Hidden} {
			a.meters[i].advance(c.At)
			if l != nil {
				a.meters[i].change(*l, c.At)
			}
		}
	}
	for i := range a.meters {
		a.meters[i].advance(now)
	}
}

// maxPrefixes bounds the memory of prompts; a server that sees more than these
// forgets them all, as a cache under pressure does.
const maxPrefixes = 1024

// knows reports whether the account's cache has a prefix: one of an answered prompt.
func (a *Account) knows(prefix uint64) bool {
	_, ok := a.prefixes[prefix]
	return ok
}

// remember puts a prefix into the account's cache.
func (a *Account) remember(prefix uint64) {
	if len(a.prefixes) >= maxPrefixes {
		clear(a.prefixes)
	}
	a.prefixes[prefix] = struct{}{}
}

// headerNames are in canonical form, so that they can be set without a look at
// each of their letters. The hidden meter has none.
var headerNames = [2][3]string{
	{"X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"},
	{"X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens"},
}

// Describe sets the x-ratelimit headers of an answer that leaves at a time.
func (a *Account) Describe(now time.Duration, h http.Header) {
	a.advance(now)
	a.describe(h)
}

func (a *Account) describe(h http.Header) {
	for i, names := range headerNames {
		m := &a.meters[i]
		if a.quota.NoHeaders || m.off() {
			continue
		}
		limit := m.limit.Burst
		if a.quota.MinuteLimit {
			limit = int64(float64(m.limit.Amount) * float64(time.Minute) / float64(m.limit.Per))
		}
		values := []string{strconv.FormatInt(limit, 10), strconv.FormatInt(m.remaining(), 10), roundUp(m.reset()).String()}
		h[names[0]], h[names[1]], h[names[2]] = values[:1:1], values[1:2:2], values[2:3:3]
	}
}

// retryAfter sets the headers that say when to try again, as the quota configures.
func (a *Account) retryAfter(h http.Header, wait time.Duration) {
	wait = roundUp(wait)
	up := wait + time.Second - 1 // of which the whole seconds count
	switch a.quota.RetryAfter {
	case "date":
		h.Set("Retry-After", time.Now().Add(up).UTC().Format(http.TimeFormat))
	case "", "both", "seconds":
		h.Set("Retry-After", strconv.Itoa(int(up/time.Second)))
	}
	switch a.quota.RetryAfter {
	case "", "both", "ms":
		h.Set("Retry-After-Ms", strconv.FormatInt(wait.Milliseconds(), 10))
	}
}

// roundUp returns d in whole milliseconds, as the headers have it.
func roundUp(d time.Duration) time.Duration {
	return (d + time.Millisecond - 1) / time.Millisecond * time.Millisecond
}
