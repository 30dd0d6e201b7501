package upstream

import (
	"github.com/credenza-dev/credenza/internal/catalog"
)

// enqueue puts a waiter where it belongs: with those whose time has come, or
// those whose time is to come.
func (g *Gate) enqueue(now instant, w *waiter) {
	g.order++
	w.order = g.order
	w.caller.waiting++
	g.waiting[w.need.class()].add(w.need.Caller.Queue(), +1)
	if w.notBefore > now {
		g.delayed.add(w)
		return
	}
	w.lane.classes[w.need.class()].push(w)
}

// dequeue takes a waiter out, wherever it is.
func (g *Gate) dequeue(w *waiter) {
	if w.list != nil {
		w.lane.classes[w.need.class()].remove(w)
	} else {
		g.delayed.remove(w)
	}
	g.waiting[w.need.class()].add(w.need.Caller.Queue(), -1)
	w.caller.waiting--
	g.callers.drop(w.caller)
}

// dispatch lets start whatever may, and sets the timer for what may later. It is
// called with the gate locked, after everything that changes something.
func (g *Gate) dispatch(now instant) {
	wake := min(g.watch(now), g.sweep(now))
	for {
		w, at := g.delayed.due(now)
		if w == nil {
			wake = min(wake, at)
			break
		}
		w.lane.classes[w.need.class()].push(w)
	}
	for {
		w, q, at := g.next(now)
		if w == nil {
			wake = min(wake, at)
			break
		}
		// Started first: a caller with nothing waiting and nothing in flight is
		// forgotten, and would be counted again in addition to its own lease.
		g.start(now, w, q)
		g.dequeue(w)
		close(w.ready)
	}
	g.arm(now, wake)
}

// watch looks after the calls in flight of every group.
func (g *Gate) watch(now instant) instant {
	at := never
	for _, q := range g.groups {
		at = min(at, q.watch(now))
	}
	return min(at, g.reportOutages(now))
}

// next chooses the waiter that starts now and its group, or returns when to look
// again. Among the lanes that can start something, the order is the same as
// within one.
func (g *Gate) next(now instant) (best *waiter, on *group, at instant) {
	at = never
	order := g.floor.order()
	for _, l := range g.lanes {
		w := l.first(order)
		if w == nil {
			continue
		}
		q, when := g.choose(now, l, w)
		if q == nil {
			at = min(at, when)
			continue
		}
		if best == nil || w.before(best, order) {
			best, on = w, q
		}
	}
	return best, on, at
}

// choose returns the lane's choice within the bounds of the pool.
func (g *Gate) choose(now instant, l *lane, w *waiter) (*group, instant) {
	q, at := l.choose(now, w.need.Tokens)
	if q != nil && g.inFlight >= g.pool && !q.breaker.open {
		return nil, never
	}
	return q, at
}

// place returns a group for a waiter that need not wait; see choose.
func (g *Gate) place(now instant, w *waiter) *group {
	q, _ := g.choose(now, w.lane, w)
	return q
}

// before orders the first waiters of two lanes.
func (w *waiter) before(other *waiter, order [numClasses]catalog.Priority) bool {
	if a, b := w.need.class(), other.need.class(); a != b {
		return a == order[0]
	}
	if a, b := w.need.Attempt > 1, other.need.Attempt > 1; a != b {
		return a
	}
	if a, b := w.caller.inFlight, other.caller.inFlight; a != b {
		return a < b
	}
	return w.order < other.order
}

// start makes the lease.
func (g *Gate) start(now instant, w *waiter, q *group) {
	w.lease = &Lease{gate: g, need: w.need, caller: w.caller, queued: w.wait(now)}
	q.start(now, w.lease)
	g.inFlight++
	g.callers.move(w.caller, +1)
	g.floor.started(w.need.class(), g.waiting[catalog.Bulk].total > 0)
	g.counters.started(w)
}

// settle takes in a lease's end.
func (g *Gate) settle(now instant, l *Lease, r *Result) Advice {
	if l.held = r.Held; !l.held {
		g.leave(l)
	}
	g.counters.settled(r.Outcome)
	l.key.settled(now, l.started, r.Outcome)
	l.group.unlink(l)
	open := l.group.breaker.open
	wait := l.group.settle(now, l, r)
	switch r.Outcome {
	case Succeeded:
		g.budget.succeeded()
		g.hedges = min(g.hedges+g.hedgeShare, 10)
	case Overloaded, TimedOut, Broken:
		if !open && !l.gaveUp {
			wait += g.budget.take(now)
		}
	case Refused, Exhausted:
		g.endDoomed(now)
	case Throttled:
		g.sweepAt = min(g.sweepAt, max(now, g.sweptTo))
	}
	g.learnOutage(now, l, r)
	advice := Advice{
		Counts:      counts(r.Outcome) && !l.gaveUp && !l.probe,
		ItemRefused: r.Outcome == Refused && l.onlyItem(),
	}
	advice.Asked, _ = r.asked(g.wall(now))
	if wait > 0 {
		advice.NotBefore = g.wall(now + wait)
	}
	return advice
}

// leave frees the lease's place in the pool.
func (g *Gate) leave(l *Lease) {
	g.inFlight--
	l.group.inFlight--
	g.callers.move(l.caller, -1)
}

// onlyItem reports whether a refused key is well but for the lease's item.
func (l *Lease) onlyItem() bool {
	at := l.need.RefusedAt
	return l.key.retired == 0 && !at.IsZero() && l.key.acceptedSince(at.Sub(l.gate.epoch))
}

// counts reports whether an attempt that ended so is one of the few that an item has.
func counts(v Outcome) bool {
	switch v {
	case Throttled, Refused, Exhausted, Abandoned:
		return false
	default:
		return true
	}
}

// arm sets the one timer, if nothing earlier is set already: a timer that goes
// off too early costs less than setting it for every call.
func (g *Gate) arm(now, at instant) {
	if at == never || (g.timerAt <= at && g.timerAt > now) {
		return
	}
	g.timerAt = max(at, now)
	g.timer.Reset(g.timerAt - now)
}

// tick is called by the timer.
func (g *Gate) tick() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.timerAt = never
	g.dispatch(g.now())
}
