package llmsim

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// Stats is what the server saw since New or the last reset. Calls are those for
// chat completions, counted once their request is read whole.
type Stats struct {
	// Period is the time covered.
	Period time.Duration `json:"period_ns"`
	Calls  int64         `json:"calls"`
	// ByStatus counts ended calls by their HTTP status, "reset" for connections cut
	// and "left" for those whose client left before the answer.
	ByStatus map[string]int64 `json:"by_status"`
	// Succeeded are the 200s with a sound answer, Flawed those with a fault in it.
	Succeeded int64 `json:"succeeded"`
	Flawed    int64 `json:"flawed"`
	// Throttled are all 429s.
	Throttled int64 `json:"throttled"`
	// InOutage are the calls that arrived during an outage.
	InOutage int64 `json:"in_outage"`

	InFlight     int64 `json:"in_flight"`
	PeakInFlight int64 `json:"peak_in_flight"`

	// Latency is of the 200s, from the request read to the answer written.
	Latency Latencies `json:"latency"`
	// Tokens are those granted by the quota, for answers of any kind.
	Tokens Tokens `json:"tokens"`
	// ServedPerSecond has the 200s of each second of the period until the last one,
	// for at most a day.
	ServedPerSecond []int64 `json:"served_per_second"`
	// ServedPerTenth has the same of each tenth of a second.
	ServedPerTenth []int64    `json:"served_per_tenth"`
	Messages       Messages   `json:"messages"`
	Keys           []KeyStats `json:"keys"`
}

// Latencies sums up a distribution.
type Latencies struct {
	Count int64         `json:"count"`
	Mean  time.Duration `json:"mean_ns"`
	Max   time.Duration `json:"max_ns"`
}

// Tokens counts what was charged. Those that the prompt cache had or took in are among
// the prompt's.
type Tokens struct {
	Prompt     int64 `json:"prompt"`
	Cached     int64 `json:"cached"`
	Written    int64 `json:"written"`
	Completion int64 `json:"completion"`
}

// Messages counts user messages by their content. A message is asked when a
// sound request on a good key brings it, and paid when the quota admits that
// request: the server works on it from then on, whether its client waits or not.
type Messages struct {
	Distinct int64 `json:"distinct"`
	// ExtraAsked and ExtraPaid are the calls beyond each message's first.
	ExtraAsked int64 `json:"extra_asked"`
	ExtraPaid  int64 `json:"extra_paid"`
	// Forgotten are the calls with a new message that came when MaxMessages were
	// known. If it is not 0, the other counts are too low.
	Forgotten int64 `json:"forgotten"`
}

// KeyStats is the use of one key.
type KeyStats struct {
	// Key is its last characters.
	Key   string `json:"key"`
	Group string `json:"group"`
	State string `json:"state"`
	KeyUse
}

// KeyUse counts the ended calls of one key.
type KeyUse struct {
	Calls     int64 `json:"calls"`
	Succeeded int64 `json:"succeeded"`
	Throttled int64 `json:"throttled"`
	// Denied are the answers that the key is revoked, forbidden or exhausted.
	Denied int64 `json:"denied"`
	Tokens int64 `json:"tokens"`
}

// Ends of calls that have no HTTP status.
const (
	statusReset = -1
	statusLeft  = -2
)

var statusNames = map[int]string{statusReset: "reset", statusLeft: "left"}

// period is what the statistics are made of. Server.mu guards it.
type period struct {
	since    time.Duration
	counted  Stats // its counters alone; the rest is filled in on demand
	byStatus map[int]int64
	messages map[uint64]messageUse
	took     time.Duration // by all 200s
}

type messageUse struct{ asked, paid int32 }

func newPeriod(now time.Duration, inFlight int64) *period {
	return &period{
		since: now, counted: Stats{InFlight: inFlight, PeakInFlight: inFlight},
		byStatus: make(map[int]int64), messages: make(map[uint64]messageUse),
	}
}

// Calls is how many calls have arrived in this period.
func (s *Server) Calls() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.period.counted.Calls
}

// InFlight is how many calls are in flight.
func (s *Server) InFlight() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.period.counted.InFlight
}

// ResetStats starts a new period, without the messages of the last one. Calls in
// flight are booked in the period in which they end.
func (s *Server) ResetStats() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.period = newPeriod(s.now(), s.period.counted.InFlight)
	for _, k := range s.keys.ordered {
		k.use = KeyUse{}
	}
}

// arrive books a call that was read: its number, time and key. In an outage it
// returns the outage's rule.
func (s *Server) arrive(c *call) (outage *Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.arrived = s.now()
	if s.serial++; s.serial == 1 {
		s.first = c.arrived
	}
	c.serial, c.first = s.serial, s.first
	n := &s.period.counted
	n.Calls++
	c.others = int(n.InFlight)
	n.InFlight++
	n.PeakInFlight = max(n.PeakInFlight, n.InFlight)
	if outage = s.outageAt(c.arrived); outage != nil {
		n.InOutage++
		return outage
	}
	c.key = s.keys.find(c.secret)
	c.state = c.key.stateAt(c.arrived)
	return nil
}

// ask books a message and returns which of its attempts this is, from 1. Of a
// message that is not remembered each attempt is the first.
func (s *Server) ask(subject uint64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	use, known := s.period.messages[subject]
	if !known && len(s.period.messages) >= s.config.MaxMessages {
		s.period.counted.Messages.Forgotten++
		return 1
	}
	use.asked++
	s.period.messages[subject] = use
	return int(use.asked)
}

// pay books what the quota granted. The caller holds the lock.
func (s *Server) pay(c *call) {
	tokens := &s.period.counted.Tokens
	tokens.Prompt += int64(c.usage.prompt)
	tokens.Cached += int64(c.usage.cached)
	tokens.Written += int64(c.usage.written)
	tokens.Completion += int64(c.usage.completion)
	c.key.use.Tokens += int64(c.usage.total())
	if use, known := s.period.messages[c.question.subject]; known {
		use.paid++
		s.period.messages[c.question.subject] = use
	}
}

// leave books a call's end.
func (s *Server) leave(c *call, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, p := s.now(), s.period
	n, use := &p.counted, &KeyUse{}
	if c.key != nil {
		use = &c.key.use
	}
	n.InFlight--
	p.byStatus[status]++
	use.Calls++
	switch {
	case status == 200:
		p.served(c.arrived, now)
		if c.faulty {
			n.Flawed++
			break
		}
		n.Succeeded++
		use.Succeeded++
	case c.key != nil && c.state != active:
		use.Denied++
	}
	if status == 429 {
		n.Throttled++
		use.Throttled++
	}
}

// Stats returns what the server has seen.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, p := s.now(), s.period
	r := p.counted
	r.Period = now - p.since
	r.ByStatus = make(map[string]int64, len(p.byStatus))
	for status, n := range p.byStatus {
		r.ByStatus[cmp.Or(statusNames[status], strconv.Itoa(status))] = n
	}
	r.Latency.Mean = p.took / time.Duration(max(r.Latency.Count, 1))
	r.Messages.Distinct = int64(len(p.messages))
	for _, use := range p.messages {
		r.Messages.ExtraAsked += int64(max(use.asked-1, 0))
		r.Messages.ExtraPaid += int64(max(use.paid-1, 0))
	}
	r.ServedPerTenth = slices.Clone(r.ServedPerTenth)
	for second := range slices.Chunk(r.ServedPerTenth, 10) {
		n := int64(0)
		for _, tenth := range second {
			n += tenth
		}
		r.ServedPerSecond = append(r.ServedPerSecond, n)
	}
	r.Keys = make([]KeyStats, 0, len(s.keys.ordered))
	for _, k := range s.keys.ordered {
		r.Keys = append(r.Keys, KeyStats{k.tail, k.account.group, k.stateAt(now), k.use})
	}
	return r
}

// served books a 200.
func (p *period) served(arrived, now time.Duration) {
	l, took := &p.counted.Latency, now-arrived
	l.Count++
	l.Max = max(l.Max, took)
	p.took += took
	tenths, tenth := &p.counted.ServedPerTenth, int((now-p.since)/(100*time.Millisecond))
	for len(*tenths) <= tenth && tenth < 10*24*60*60 {
		*tenths = append(*tenths, 0)
	}
	if tenth < len(*tenths) {
		(*tenths)[tenth]++
	}
}
