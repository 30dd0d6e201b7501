package upstream

import (
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

// doomed returns the fault of a waiter for which waiting is of no use, or nil.
func (g *Gate) doomed(now instant, w *waiter) *fault.Fault {
	l := w.lane
	if len(l.groups) == 0 {
		return fault.New(fault.UpstreamRejected, "no key serves the model %.100q: name another one", w.need.Model)
	}
	if f := l.closed(now); f != nil {
		return f
	}
	if f := l.tooLarge(now, w.need.Tokens); f != nil {
		return f
	}
	if at := l.opensAt(now, w.need.Tokens); at > w.deadline {
		return fault.New(fault.RateLimited,
			"the provider allows no call before the item's deadline%s: allow more time, or try again in %s",
			l.lastThrottled(), (at - now).Round(time.Second)).After(at - now)
	}
	if max(w.notBefore, l.pacedTo()) > w.deadline {
		return g.late(now, w)
	}
	return g.outlasted(now, w)
}

// closed returns a fault if every key of the lane is retired, and none is due to
// be tried again.
func (l *lane) closed(now instant) *fault.Fault {
	reason := fault.UpstreamAuth
	again := never
	var why strings.Builder
	for _, q := range l.groups {
		for _, k := range q.keys {
			if ok, _ := k.usable(now); ok || k.retired == 0 {
				return nil
			}
			if k.retired == Exhausted {
				reason = fault.QuotaExhausted
			}
			if why.Len() > 0 {
				why.WriteString("; ")
			}
			why.WriteString("key " + k.secret.Tail() + ": " + k.why)
			again = min(again, k.dueAt)
		}
	}
	do := "give valid keys"
	if reason == fault.QuotaExhausted {
		do = "raise the quota or give other keys"
	}
	return fault.New(reason, "no key can be used (%s): %s", why.String(), do).After(max(again-now, time.Second))
}

// tooLarge returns a fault if an item needs more tokens than any group's limit.
func (l *lane) tooLarge(now instant, tokens int) *fault.Fault {
	most := 0.0
	for _, q := range l.groups {
		limit := q.tokenLimit(now)
		if limit == 0 || q.estimate.cost(tokens) <= limit {
			return nil
		}
		most = max(most, limit)
	}
	return fault.New(fault.InvalidItem,
		"the item needs about %d tokens, no key is allowed more than %.0f at once: shorten it", tokens, most)
}

// away reports whether the servers of all groups that still serve are away.
func (l *lane) away() bool {
	serving := false
	for _, q := range l.groups {
		if q.serving() {
			serving = true
			if !q.breaker.open {
				return false
			}
		}
	}
	return serving
}

// tokenLimit returns the most that one call may use, 0 if that is not known. What
// an answer said is believed for a minute: if no call fits into it, only another
// answer can correct it.
func (q *group) tokenLimit(now instant) float64 {
	if q.tokens.seen && now-q.tokens.last.sent < time.Minute {
		return max(q.tokens.last.limit, q.tokens.last.remaining) // a limit below what is left is none
	}
	return 60 * q.tokensPerSecond
}

// opensAt returns when the lane can start a call at the earliest, by what is known now.
func (l *lane) opensAt(now instant, tokens int) instant {
	at := never
	for _, q := range l.groups {
		if q.serving() {
			at = min(at, q.opensAt(now, tokens))
		}
	}
	if at == never {
		return now // a retired key is due to be tried
	}
	return at
}

func (q *group) opensAt(now instant, tokens int) instant {
	at := max(now, q.pacer.paused)
	if q.ignored.now(now) {
		return at
	}
	return max(at,
		q.requests.opensAt(now, float64(q.starts), 1),
		q.tokens.opensAt(now, q.spentTokens, q.estimate.cost(tokens)))
}

// pacedTo returns when the learned rate lets the lane start a call at the earliest, if
// no answer can change that.
func (l *lane) pacedTo() instant {
	at := never
	for _, q := range l.groups {
		if !q.serving() || q.inFlight > 0 || q.breaker.open {
			return 0
		}
		at = min(at, q.pacer.due(spacing(1, q.learned.current())))
	}
	return at
}

// late returns the fault of a waiter whose deadline comes: by how its last attempt
// ended, or else by what held its lane up.
func (g *Gate) late(now instant, w *waiter) *fault.Fault {
	if w.lane.away() {
		return fault.New(fault.UpstreamUnavailable, "%v, and the deadline came first: try again later",
			w.lane.lastAway().outage(g.wall))
	}
	if f := w.lane.suspected(); f != nil {
		return f
	}
	switch w.need.After {
	case Throttled:
		return w.lane.lateThrottled(now, w.need.Tokens)
	case Overloaded, Broken:
		return lateAway()
	case TimedOut:
		return fault.New(fault.UpstreamTimeout,
			"the model did not answer in time, and the deadline came before it could be asked again: allow more time (item_timeout), or try again later")
	}
	paced := false
	for _, q := range w.lane.groups {
		if q.breaker.open {
			return lateAway()
		}
		paced = paced || q.pacing(now, w.need.Tokens)
	}
	if paced {
		return w.lane.lateThrottled(now, w.need.Tokens)
	}
	return fault.New(fault.DeadlineExceeded, "the deadline came while the item waited for its turn: allow more time (item_timeout)")
}

// suspected returns the fault of an item whose deadline comes while every key of its lane
// that serves is suspected, nil if there is another one.
func (l *lane) suspected() *fault.Fault {
	var last *key
	for _, q := range l.groups {
		for _, k := range q.keys {
			switch {
			case k.retired != 0:
			case k.refusals == 0:
				return nil
			default:
				last = k
			}
		}
	}
	if last == nil {
		return nil
	}
	return fault.New(fault.UpstreamAuth, "the model's server refused the key %s (%s), and the deadline came before it was tried again: "+
		"try again, or give a valid key", last.secret.Tail(), last.why)
}

func (l *lane) lateThrottled(now instant, tokens int) *fault.Fault {
	return fault.New(fault.RateLimited,
		"the deadline came while the item waited for the provider's quota%s: allow more time or send fewer at once", l.lastThrottled()).
		After(l.opensAt(now, tokens) - now)
}

// lastThrottled returns in brackets what the last 429 said, empty if there was none or answers came since.
func (l *lane) lastThrottled() string {
	for _, q := range l.groups {
		if q.throttled != "" && q.serving() {
			return " (" + q.throttled + ")"
		}
	}
	return ""
}

func lateAway() *fault.Fault {
	return fault.New(fault.UpstreamUnavailable,
		"the model's server is away or failing, and the deadline came first: try again later")
}

// pacing reports whether quota rather than the number of calls in flight is what
// holds starts up.
func (q *group) pacing(now instant, tokens int) bool {
	return now < q.pacer.paused || q.limit.allows(q.inFlight) && now < q.pacer.due(q.gap(now, q.estimate.cost(tokens)))
}

// sweepRest is the pause after a look at all waiters, for each of them. A look takes
// about a twentieth of it, so a flood of 429s costs no more with a long queue.
const sweepRest = time.Microsecond

// sweep looks at all waiters if a 429 has asked for it and the pause after the last look
// is over. It returns when to look again.
func (g *Gate) sweep(now instant) instant {
	if now >= g.sweepAt {
		g.sweepAt, g.sweptTo = never, now+instant(g.queued())*sweepRest
		g.endDoomed(now)
	}
	return g.sweepAt
}

// endDoomed ends each wait that has become of no use.
func (g *Gate) endDoomed(now instant) {
	end := func(w *waiter) {
		if f := g.doomed(now, w); f != nil {
			g.dequeue(w)
			w.err = f
			close(w.ready)
		}
	}
	for _, l := range g.lanes {
		l.each(end)
	}
	for _, w := range append(delayed(nil), g.delayed...) {
		end(w)
	}
}
