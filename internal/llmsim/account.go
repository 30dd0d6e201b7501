package llmsim

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Account is the quota that one or several keys draw on. It knows no clock: times
// are given, as the time since its beginning. It is not safe for concurrent use.
type Account struct {
	quota   Quota
	meters  [3]meter      // as in meterNames
	changes []QuotaChange // those to come
	// cached are the prefixes of the prompts seen, for the provider's prompt cache, which is
	// an account's own.
	cached map[uint64]bool
}

// meterNames are what a meter counts and the headers that show it, in canonical form,
// so that they can be set without a look at each of their letters. The hidden meter has none.
var meterNames = [3]struct{ counts, limit, remaining, reset string }{
	{"requests", "X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"},
	{"tokens", "X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens"},
	{counts: "requests"},
}

// NewAccount returns an account at the time 0, with everything that it grants at
// once still there.
func NewAccount(q Quota) *Account {
	return &Account{
		quota: q, changes: q.Changes, cached: make(map[uint64]bool),
		meters: [3]meter{newMeter(q.Requests), newMeter(q.Tokens), newMeter(q.Hidden)},
	}
}

// Admit takes one request and its tokens from every meter, or nothing from any. It
// sets the headers of the answer, and returns what is answered to a request for which
// there is no room; nil: it is admitted.
func (a *Account) Admit(now time.Duration, model string, tokens int64, h http.Header) (refused *Rule) {
	a.advance(now)
	defer a.Describe(now, h)
	need := [3]int64{1, tokens, 1}
	short, wait := 0, time.Duration(0)
	for i := range a.meters {
		if w := a.meters[i].wait(need[i]); w > wait {
			short, wait = i, w
		}
	}
	if wait > 0 {
		a.retryAfter(h, wait)
		return a.refusal(model, short, need[short], wait)
	}
	for i := range a.meters {
		a.meters[i].take(need[i])
	}
	return nil
}

// refusal is what the provider says of a request that a meter has no room for.
func (a *Account) refusal(model string, short int, need int64, wait time.Duration) *Rule {
	counts, reached, advice := meterNames[short].counts, "Rate limit reached", fmt.Sprintf("Please try again in %v.", roundUp(wait))
	if wait == never {
		reached, advice = "Request too large", "The request must be reduced in order to run."
	}
	text := fmt.Sprintf("%s for %s on %s: Limit %d, Requested %d. %s", reached, model, counts, a.meters[short].limit.Burst, need, advice)
	return refusal(http.StatusTooManyRequests, counts, "rate_limit_exceeded", "", text)
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

// Describe sets the x-ratelimit headers of an answer that leaves at a time.
func (a *Account) Describe(now time.Duration, h http.Header) {
	a.advance(now)
	for i, name := range meterNames {
		m := &a.meters[i]
		if a.quota.NoHeaders || m.off() || name.limit == "" {
			continue
		}
		values := []string{strconv.FormatInt(m.limit.Burst, 10), strconv.FormatInt(m.remaining(), 10), roundUp(m.reset()).String()}
		h[name.limit], h[name.remaining], h[name.reset] = values[:1:1], values[1:2:2], values[2:3:3]
	}
}

// retryAfter sets the headers that say when to try again, as the quota configures.
func (a *Account) retryAfter(h http.Header, wait time.Duration) {
	style := cmp.Or(a.quota.RetryAfter, "both")
	if style == "none" || wait == never {
		return
	}
	if wait = roundUp(wait); style != "ms" {
		h.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	if style != "seconds" {
		h.Set("Retry-After-Ms", strconv.FormatInt(wait.Milliseconds(), 10))
	}
}

// roundUp returns d in whole milliseconds, as the headers have it.
func roundUp(d time.Duration) time.Duration {
	return (d + time.Millisecond - 1) / time.Millisecond * time.Millisecond
}
