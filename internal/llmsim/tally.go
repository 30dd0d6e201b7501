package llmsim

import (
	"strconv"
	"sync"
	"time"
)

// Ends of calls that have no HTTP status.
const (
	statusReset = -1
	statusLeft  = -2
)

// tally keeps the books. One short lock for each event is far from the bottleneck
// at the rates of one machine.
type tally struct {
	maxMessages int

	mu       sync.Mutex
	since    time.Duration
	totals   Stats // its counters alone; the rest is filled in on demand
	byStatus map[int]int64
	messages map[uint64]messageUse
	latency  histogram
	// area is the integral of calls in flight over time, up to areaAt.
	area   float64
	areaAt time.Duration
}

type messageUse struct{ asked, paid int32 }

func newTally(maxMessages int) *tally {
	t := &tally{maxMessages: maxMessages}
	t.clear(0)
	return t
}

func (t *tally) clear(now time.Duration) {
	inFlight := t.totals.InFlight
	t.since, t.area, t.areaAt = now, 0, now
	t.totals = Stats{InFlight: inFlight, PeakInFlight: inFlight}
	t.byStatus = make(map[int]int64)
	t.messages = make(map[uint64]messageUse)
	t.latency = histogram{}
}

func (t *tally) move(now time.Duration, by int64) {
	if now > t.areaAt {
		t.area += float64(t.totals.InFlight) * float64(now-t.areaAt)
		t.areaAt = now
	}
	t.totals.InFlight += by
	t.totals.PeakInFlight = max(t.totals.PeakInFlight, t.totals.InFlight)
}

// arrive books a call that was read.
func (t *tally) arrive(now time.Duration, inOutage bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.move(now, 1)
	t.totals.Calls++
	if inOutage {
		t.totals.InOutage++
	}
	count(&t.totals.ArrivalsPerSecond, now-t.since)
}

// ask books a message and returns which of its attempts this is, from 1. Of a
// message that is not remembered each attempt is the first.
func (t *tally) ask(subject uint64) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := &t.totals.Messages
	use, known := t.messages[subject]
	if !known && len(t.messages) >= t.maxMessages {
		m.Forgotten++
		return 1
	}
	use.asked++
	t.messages[subject] = use
	switch use.asked {
	case 1:
		m.Distinct++
	case 2:
		m.AskedAgain++
	}
	if use.asked > 1 {
		m.ExtraAsked++
	}
	return int(use.asked)
}

// pay books what the quota granted.
func (t *tally) pay(subject uint64, u usage, k *key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.totals.Tokens.Prompt += int64(u.prompt)
	t.totals.Tokens.Cached += int64(u.cached)
	t.totals.Tokens.Completion += int64(u.completion)
	k.use.Tokens += int64(u.total())
	use, known := t.messages[subject]
	if !known {
		return
	}
	use.paid++
	t.messages[subject] = use
	if use.paid == 2 {
		t.totals.Messages.PaidAgain++
	}
	if use.paid > 1 {
		t.totals.Messages.ExtraPaid++
	}
}

// ending is how a call ended.
type ending struct {
	arrived, now time.Duration
	status       int
	flawed       bool
	denied       bool
	key          *key // nil where it is not known
}

// leave books a call's end.
func (t *tally) leave(e ending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.move(e.now, -1)
	t.byStatus[e.status]++
	var use KeyUse
	use.Calls = 1
	switch {
	case e.status == 200:
		t.latency.add(e.now - e.arrived)
		count(&t.totals.ServedPerSecond, e.now-t.since)
		if e.flawed {
			t.totals.Flawed++
			break
		}
		t.totals.Succeeded++
		use.Succeeded = 1
	case e.denied:
		use.Denied = 1
	}
	if e.status == 429 {
		t.totals.Throttled++
		use.Throttled = 1
	}
	if e.key != nil {
		e.key.use.Calls += use.Calls
		e.key.use.Succeeded += use.Succeeded
		e.key.use.Throttled += use.Throttled
		e.key.use.Denied += use.Denied
	}
}

// report returns the books as they stand.
func (t *tally) report(now time.Duration, keys []*key, state func(*key) KeyState) Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.move(now, 0)
	s := t.totals
	s.Period = now - t.since
	if s.Period > 0 {
		s.MeanInFlight = t.area / float64(s.Period)
	}
	s.ByStatus = make(map[string]int64, len(t.byStatus))
	for status, n := range t.byStatus {
		s.ByStatus[statusName(status)] = n
	}
	s.Latency = t.latency.report()
	s.ArrivalsPerSecond = append([]int64{}, s.ArrivalsPerSecond...)
	s.ServedPerSecond = append([]int64{}, s.ServedPerSecond...)
	s.Keys = make([]KeyStats, 0, len(keys))
	for _, k := range keys {
		s.Keys = append(s.Keys, KeyStats{k.tail, k.group.name, state(k), k.use})
	}
	return s
}

func (t *tally) reset(now time.Duration, keys []*key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear(now)
	for _, k := range keys {
		k.use = KeyUse{}
	}
}

func statusName(status int) string {
	switch status {
	case statusReset:
		return "reset"
	case statusLeft:
		return "left"
	}
	return strconv.Itoa(status)
}

// count adds one to the second at a time since the period's start.
func count(seconds *[]int64, at time.Duration) {
	const day = 24 * 60 * 60
	i := int(at / time.Second)
	if i < 0 || i >= day {
		return
	}
	for len(*seconds) <= i {
		*seconds = append(*seconds, 0)
	}
	(*seconds)[i]++
}
