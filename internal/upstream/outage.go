package upstream

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// The constants of an outage that lasts.
const (
	// noticeAfter is how long a server is away before Outages has it, and for how
	// long calls have to fail before others are given up for it: what is over sooner
	// is no news.
	noticeAfter = 2 * time.Second
	// outageFresh is for how long a failed call shows that a server is still away.
	outageFresh = 5 * time.Second
	// leastSilence is how long a probe without an answer lasts at the least to show
	// the same.
	leastSilence = time.Second
)

// Outages returns the servers that have been away for two seconds or more, by
// host, and a channel that is closed when others are. A server is away while no
// key on it that is in service can be used but for probes.
func (g *Gate) Outages() ([]catalog.Outage, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	byHost := map[string][]*group{}
	for _, q := range g.groups {
		host := q.host()
		byHost[host] = append(byHost[host], q)
	}
	var list []catalog.Outage
	for _, groups := range byHost {
		if o := g.outage(groups); o != nil {
			list = append(list, *o)
		}
	}
	slices.SortFunc(list, func(a, b catalog.Outage) int { return strings.Compare(a.Host, b.Host) })
	return list, g.outagesChanged
}

// Outage returns the outage that holds up calls for a model, nil if there is none,
// and the same channel as Outages. If several servers have the model and all are
// away, it is that of the last one to go.
func (g *Gate) Outage(model string) (*catalog.Outage, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.outage(g.lane(model).groups), g.outagesChanged
}

// outage returns the outage of the last one of groups to go, nil if some of them
// still serve or the outage is no news yet.
func (g *Gate) outage(groups []*group) *catalog.Outage {
	var last *group
	for _, q := range groups {
		if !q.serving() {
			continue
		}
		if !q.breaker.reported {
			return nil
		}
		if last == nil || q.breaker.since > last.breaker.since {
			last = q
		}
	}
	if last == nil {
		return nil
	}
	return last.outage(g.wall)
}

// outage describes the group's open breaker.
func (q *group) outage(wall func(instant) time.Time) *catalog.Outage {
	b := &q.breaker
	return &catalog.Outage{
		Host: q.host(), Cause: cmp.Or(b.cause, "no answer"), Since: wall(b.since), LastTry: wall(b.failedAt),
	}
}

// host returns where the group's calls go: no path, no query, no user.
func (q *group) host() string {
	u, err := url.Parse(q.baseURL)
	if err != nil {
		return ""
	}
	return u.Host
}

// reportOutages wakes the callers that wait for the channel of Outages if there is news. It
// returns when to look again.
func (g *Gate) reportOutages(now instant) instant {
	at, news := never, false
	for _, q := range g.groups {
		b := &q.breaker
		due := b.open && now-b.since >= noticeAfter && q.serving()
		if b.open && !due && q.serving() {
			at = min(at, b.since+noticeAfter)
		}
		news = news || due != b.reported
		b.reported = due
	}
	if news {
		close(g.outagesChanged)
		g.outagesChanged = make(chan struct{})
	}
	return at
}

// learnOutage keeps what a call's end says of an outage, and ends the waits that
// have become of no use by it.
func (g *Gate) learnOutage(now instant, l *Lease, r *Result) {
	b := &l.group.breaker
	if !b.open || !l.failed(now, r) {
		return
	}
	if now-b.failedAt > outageFresh {
		b.steady = l.started
	}
	if b.failedAt = now; !g.draining || !l.gaveUp { // a call that a drain has ended tells no cause
		b.cause = r.Cause
	}
	if b.cause == "" {
		b.cause = "no answer within " + max(now-l.started, time.Second).Round(time.Second).String()
	}
	if l.probe || g.draining {
		g.endDoomed(now)
	}
}

// failed reports whether the call shows that the server is away. One that ended
// with its item's time does so if most answers would have come by then.
func (l *Lease) failed(now instant, r *Result) bool {
	switch r.Outcome {
	case Overloaded, TimedOut, Broken:
		return true
	case Abandoned:
		return l.gaveUp || r.Late && now-l.started >= max(l.group.latency.p99, leastSilence)
	default:
		return false
	}
}

// outlasted returns the fault of a waiter whose servers have been away for as long
// as its item may take in all. It returns nil if the waiter may go on waiting: when
// there was no recent call to tell how long they have been away; when its item has
// had no call yet and it can be the next probe itself; and always for an item
// without a deadline, such as a job's.
//
// So what happens to an item depends on the outage alone, and not on how many came
// before it: a call ends soon after its items' time is up, however many it has.
func (g *Gate) outlasted(now instant, w *waiter) *fault.Fault {
	if !w.lane.away() {
		return nil
	}
	if w.deadline == never {
		return nil
	}
	last := w.lane.lastAway()
	o := last.outage(g.wall)
	if g.draining {
		return fault.New(fault.UpstreamUnavailable, "%v, and this service is shutting down: try again later", o)
	}
	b := &last.breaker
	away := now - b.since
	known := now-b.failedAt <= outageFresh && now-b.steady >= noticeAfter
	if !known || away < w.itemTime() || w.need.Attempt <= 1 && w.canProbe(now) {
		return nil
	}
	return fault.New(fault.UpstreamUnavailable, "%v, and has not for %v, longer than the item may take: try again later",
		o, away.Round(time.Second))
}

// itemTime returns how long the waiter's item may take in all.
func (w *waiter) itemTime() time.Duration {
	all := w.deadline - w.began()
	if w.need.Within > 0 {
		all = min(all, w.need.Within)
	}
	return all
}

// began returns when the waiter's item began.
func (w *waiter) began() instant { return min(w.asked, w.itemBegan) }

// canProbe reports whether the waiter's call could start now, as a probe.
func (w *waiter) canProbe(now instant) bool {
	return slices.ContainsFunc(w.lane.groups, func(q *group) bool {
		ok, _ := q.ready(now, w.need.Tokens)
		return ok
	})
}

// lastAway returns the last one of the lane's groups to go, of a lane that is away.
func (l *lane) lastAway() *group {
	var last *group
	for _, q := range l.groups {
		if q.serving() && (last == nil || q.breaker.since > last.breaker.since) {
			last = q
		}
	}
	return last
}

// Drain has attempts fail at once, from now on, that only wait for a server that is
// away, and gives up calls to it. Those of items without a deadline still wait.
func (g *Gate) Drain() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.draining = true
	now := g.now()
	for _, q := range g.groups {
		if q.breaker.open {
			for l := q.oldest; l != nil; l = l.next {
				l.giveUp()
			}
		}
	}
	g.endDoomed(now)
	g.dispatch(now)
}

// Late returns the fault of an attempt whose deadline comes now: what its item has
// waited for.
func (g *Gate) Late(need Need) *fault.Fault {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.late(g.now(), &waiter{need: need, lane: g.lane(need.Model)})
}
