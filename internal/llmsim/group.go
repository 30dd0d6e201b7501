package llmsim

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// The places of a group's meters.
const (
	meterRequests = iota
	meterTokens
	meterHidden
	meterCount
)

// group is the account that one or several keys draw on.
type group struct {
	name  string
	quota Quota

	mu      sync.Mutex
	meters  [meterCount]meter
	changes []QuotaChange // those to come
	// prefixes are the hashes of the fixed first parts of prompts seen, for the
	// provider's prompt cache, which is an account's own.
	prefixes map[uint64]struct{}
}

func newGroup(name string, q Quota) *group {
	return &group{
		name: name, quota: q, changes: q.Changes,
		meters:   [meterCount]meter{newMeter(q.Requests), newMeter(q.Tokens), newMeter(q.Hidden)},
		prefixes: make(map[uint64]struct{}),
	}
}

// ruling is what a group says to one request.
type ruling struct {
	admitted bool
	// short is the meter that refused, and wait how long until it would not.
	short int
	wait  time.Duration
	// tooLarge: the request is over the limit itself, waiting does not help.
	tooLarge bool
	need     [meterCount]int64
	shown    [meterCount]reading
}

// reading is what the provider's headers say of a meter.
type reading struct {
	limit, remaining int64
	reset            time.Duration
}

// admit takes one request and its tokens from every meter, or nothing from any.
func (g *group) admit(now time.Duration, tokens int64) ruling {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.advance(now)
	r := ruling{admitted: true, need: [meterCount]int64{1, tokens, 1}}
	for i := range g.meters {
		if g.meters[i].allows(r.need[i]) {
			continue
		}
		wait := g.meters[i].wait(r.need[i])
		if r.admitted || wait > r.wait {
			r.short, r.wait = i, wait
		}
		r.admitted = false
		r.tooLarge = r.tooLarge || r.need[i] > g.meters[i].limit.Burst
	}
	if r.admitted {
		for i := range g.meters {
			g.meters[i].take(r.need[i])
		}
	}
	g.read(&r)
	return r
}

// look returns what the headers would say now, and takes nothing.
func (g *group) look(now time.Duration) ruling {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.advance(now)
	var r ruling
	g.read(&r)
	return r
}

func (g *group) advance(now time.Duration) {
	for len(g.changes) > 0 && g.changes[0].At <= now {
		c := g.changes[0]
		g.changes = g.changes[1:]
		for i, l := range [meterCount]*Limit{c.Requests, c.Tokens, c.Hidden} {
			g.meters[i].advance(c.At)
			if l != nil {
				g.meters[i].change(*l, c.At)
			}
		}
	}
	for i := range g.meters {
		g.meters[i].advance(now)
	}
}

func (g *group) read(r *ruling) {
	for i := range g.meters[:meterHidden] {
		if m := &g.meters[i]; !m.off() {
			r.shown[i] = reading{m.limit.Burst, m.remaining(), m.reset()}
			if g.quota.MinuteLimit {
				r.shown[i].limit = int64(float64(m.limit.Amount) * float64(time.Minute) / float64(m.limit.Per))
			}
		}
	}
}

// maxPrefixes bounds the memory of prompts; a server that sees more than these
// forgets them all, as a cache under pressure does.
const maxPrefixes = 1024

// knows reports whether the group has seen a prefix, and remembers it.
func (g *group) knows(prefix uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.prefixes[prefix]; ok {
		return true
	}
	if len(g.prefixes) >= maxPrefixes {
		clear(g.prefixes)
	}
	g.prefixes[prefix] = struct{}{}
	return false
}

// headerNames are in canonical form, so that they can be set without a look at
// each of their letters.
var headerNames = [meterHidden][3]string{
	meterRequests: {"X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"},
	meterTokens:   {"X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens"},
}

// describe sets the x-ratelimit headers.
func (g *group) describe(h http.Header, r *ruling) {
	if g.quota.NoHeaders {
		return
	}
	for i, s := range r.shown[:meterHidden] {
		if s.limit == 0 {
			continue
		}
		names := &headerNames[i]
		values := []string{strconv.FormatInt(s.limit, 10), strconv.FormatInt(s.remaining, 10), roundUp(s.reset).String()}
		h[names[0]], h[names[1]], h[names[2]] = values[:1:1], values[1:2:2], values[2:3:3]
	}
}

// setRetryAfter says when to come again, in the manner asked for.
func (style RetryAfter) set(h http.Header, wait time.Duration) {
	wait = roundUp(wait)
	millis := strconv.FormatInt(wait.Milliseconds(), 10)
	seconds := strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)
	switch style {
	case RetryAfterNone:
	case RetryAfterSeconds:
		h.Set("Retry-After", seconds)
	case RetryAfterMillis:
		h.Set("Retry-After-Ms", millis)
	case RetryAfterDate:
		// A date has whole seconds; one that came too early would be a lie.
		h.Set("Retry-After", time.Now().Add(wait+time.Second-1).UTC().Format(http.TimeFormat))
	default:
		h.Set("Retry-After", seconds)
		h.Set("Retry-After-Ms", millis)
	}
}

// roundUp returns d in whole milliseconds, as the headers have it.
func roundUp(d time.Duration) time.Duration {
	return (d + time.Millisecond - 1) / time.Millisecond * time.Millisecond
}
