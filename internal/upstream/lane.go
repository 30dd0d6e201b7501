package upstream

import (
	"slices"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// waiter is an attempt that waits for its lease.
type waiter struct {
	need   Need
	lane   *lane
	caller *caller

	asked     instant
	itemBegan instant
	notBefore instant
	order     uint64
	deadline  instant

	ready chan struct{} // closed when lease or err is set
	lease *Lease
	err   error

	// Its place: in a list, under a turn if it is a fresh one; or else in the
	// delayed heap, by index.
	list       *fifo
	turn       *turn
	prev, next *waiter
	index      int
}

// lane is the queue in front of those groups that serve the same models. Usually
// there is one lane, and so no attempt stands behind another that waits for
// something else.
type lane struct {
	groups  []*group
	home    *group // the one that is used as long as that costs nothing
	classes [numClasses]class
}

// makeLanes gives every set of groups that serve some model a lane. The first
// lane is that of the groups that serve any.
func (g *Gate) makeLanes() {
	g.byModel = map[string]*lane{}
	g.lanes = []*lane{newLane(g.serving("", true))}
	for _, q := range g.groups {
		for model := range q.models {
			g.byModel[model] = g.laneFor(g.serving(model, false))
		}
	}
}

func (g *Gate) laneFor(groups []*group) *lane {
	for _, l := range g.lanes {
		if slices.Equal(l.groups, groups) {
			return l
		}
	}
	l := newLane(groups)
	g.lanes = append(g.lanes, l)
	return l
}

func newLane(groups []*group) *lane {
	l := &lane{groups: groups}
	if len(groups) > 0 {
		l.home = groups[0]
	}
	for i := range l.classes {
		l.classes[i].byID = map[string]*turn{}
	}
	return l
}

// serving are the groups that serve a model, or those that serve any.
func (g *Gate) serving(model string, anyModel bool) []*group {
	var groups []*group
	for _, q := range g.groups {
		_, named := q.models[model]
		if len(q.models) == 0 || (named && !anyModel) {
			groups = append(groups, q)
		}
	}
	return groups
}

func (g *Gate) lane(model string) *lane {
	if l, ok := g.byModel[model]; ok {
		return l
	}
	return g.lanes[0]
}

// choose returns a group that can start a call of so many tokens now, or nil and
// when to look again.
//
// The home group goes first: the provider caches the fixed part of the question
// for each organisation, and a call that can start there costs nothing more. Of
// the others the one with the most head-room is taken, or, if that is
// nearly equal, the quicker one.
func (l *lane) choose(now instant, tokens int) (*group, instant) {
	at := never
	var best *group
	for _, q := range l.groups {
		ok, when := q.ready(now, tokens)
		switch {
		case !ok:
			at = min(at, when)
		case q == l.home:
			return q, now
		case best == nil || better(now, q, best):
			best = q
		}
	}
	if best != nil && (!l.home.serving() || l.home.breaker.open || now < l.home.pacer.paused) {
		l.home = best
	}
	return best, at
}

// better reports whether a is to be preferred to b.
func better(now instant, a, b *group) bool {
	x, y := a.headroom(now), b.headroom(now)
	if d := x - y; d > 0.05 || d < -0.05 {
		return d > 0
	}
	return a.latency.p50 < b.latency.p50
}

// first returns the waiter whose turn it is, by the order of classes.
func (l *lane) first(order [numClasses]catalog.Priority) *waiter {
	for _, c := range order {
		if w := l.classes[c].first(); w != nil {
			return w
		}
	}
	return nil
}

// each calls f for every waiter of the lane that may start now.
func (l *lane) each(f func(*waiter)) {
	for i := range l.classes {
		l.classes[i].each(f)
	}
}

// wait returns what a waiter has waited for by now.
func (w *waiter) wait(now instant) time.Duration { return now - max(w.asked, w.notBefore) }
