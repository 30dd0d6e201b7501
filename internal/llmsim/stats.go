package llmsim

import (
	"maps"
	"slices"
	"time"
)

// Stats is what the server saw since New or the last reset. Calls are those for
// chat completions, counted once their request is read whole.
type Stats struct {
	Period time.Duration `json:"period_ns"` // the time covered
	Calls  int64         `json:"calls"`
	// ByStatus counts ended calls by their HTTP status, "reset" for connections cut
	// and "left" for those whose client left before the answer.
	ByStatus     map[string]int64 `json:"by_status"`
	Succeeded    int64            `json:"succeeded"` // 200s with a sound answer
	Flawed       int64            `json:"flawed"`    // 200s with a fault in it
	Throttled    int64            `json:"throttled"` // 429s
	InOutage     int64            `json:"in_outage"` // calls that arrived during an outage
	InFlight     int64            `json:"in_flight"`
	PeakInFlight int64            `json:"peak_in_flight"`
	Latency      Latencies        `json:"latency"` // of the 200s, from the request read to the answer written
	Tokens       Tokens           `json:"tokens"`  // granted by the quota, for answers of any kind
	// ServedPerSecond has the 200s of each second of the period until the last one,
	// for at most a day, and ServedPerTenth those of each tenth of a second.
	ServedPerSecond []int64    `json:"served_per_second"`
	ServedPerTenth  []int64    `json:"served_per_tenth"`
	Messages        Messages   `json:"messages"`
	Keys            []KeyStats `json:"keys"`
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

func (t Tokens) total() int64 { return t.Prompt + t.Completion }

// Messages counts user messages by their content. A message is asked when a
// sound request on a good key brings it, and paid when the quota admits that
// request: the server works on it from then on, whether its client waits or not.
type Messages struct {
	Distinct   int64 `json:"distinct"`
	ExtraAsked int64 `json:"extra_asked"` // calls beyond each message's first
	ExtraPaid  int64 `json:"extra_paid"`
	// Forgotten are the calls with a new message that came when maxMessages were
	// known. If it is not 0, the other counts are too low.
	Forgotten int64 `json:"forgotten"`
}

// maxMessages bounds the user messages that are remembered, at about 40 bytes each.
const maxMessages = 1 << 20

// KeyStats is the use of one key, by its ended calls.
type KeyStats struct {
	Key       string `json:"key"` // its last characters
	Group     string `json:"group"`
	State     string `json:"state"`
	Calls     int64  `json:"calls"`
	Succeeded int64  `json:"succeeded"`
	Throttled int64  `json:"throttled"`
	Denied    int64  `json:"denied"` // answers that the key is revoked, forbidden or exhausted
	Tokens    int64  `json:"tokens"`
}

// The ends of calls that have no HTTP status.
const reset, left = "reset", "left"

// period is what the statistics are made of. Server.mu guards it.
type period struct {
	Stats    // its counters; what follows from others is filled in on demand
	since    time.Duration
	messages map[uint64]messageUse
	took     time.Duration // by all 200s
}

type messageUse struct {
	asked int32
	paid  bool
}

// Calls is how many calls have arrived in this period.
func (s *Server) Calls() int64 { return s.Stats().Calls }

// InFlight is how many calls are in flight.
func (s *Server) InFlight() int64 { return s.Stats().InFlight }

// ResetStats starts a new period, without the messages of the last one. Calls in
// flight are booked in the period in which they end.
func (s *Server) ResetStats() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.period.InFlight
	s.period = period{
		Stats: Stats{ByStatus: make(map[string]int64), InFlight: now, PeakInFlight: now},
		since: s.now(), messages: make(map[uint64]messageUse),
	}
	for _, k := range s.keys {
		k.stats = KeyStats{Key: k.stats.Key, Group: k.stats.Group}
	}
}

// arrive books a call that was read: its number, time and key. It returns the rule of
// an outage, or of a key that is not served.
func (s *Server) arrive(c *call) (refused *Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.arrived = s.now()
	if s.serial++; s.serial == 1 {
		s.first = c.arrived
	}
	p := &s.period
	if p.InFlight == 0 {
		s.busySince = c.arrived
	}
	c.serial, c.first, c.busySince = s.serial, s.first, s.busySince
	c.others = int(p.InFlight)
	p.Calls++
	p.InFlight++
	p.PeakInFlight = max(p.PeakInFlight, p.InFlight)
	if outage := s.outage(func(o Outage) bool { return o.Start <= c.arrived && c.arrived-o.Start < o.For }); outage != nil {
		p.InOutage++
		return outage
	}
	c.key = s.findKey(c.secret)
	if c.state = c.key.stateAt(c.arrived); c.state != active {
		return &behaviours[c.state][0]
	}
	return nil
}

// ask books a message and returns which of its attempts this is, from 1. Of a
// message that is not remembered each attempt is the first.
func (s *Server) ask(subject uint64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.period
	use, known := p.messages[subject]
	switch {
	case known:
		p.Messages.ExtraAsked++
	case len(p.messages) >= maxMessages:
		p.Messages.Forgotten++
		return 1
	default:
		p.Messages.Distinct++
	}
	use.asked++
	p.messages[subject] = use
	return int(use.asked)
}

// pay books what the quota granted. The caller holds the lock.
func (s *Server) pay(c *call) {
	t, p := &s.period.Tokens, &s.period
	t.Prompt += c.usage.Prompt
	t.Cached += c.usage.Cached
	t.Written += c.usage.Written
	t.Completion += c.usage.Completion
	c.key.stats.Tokens += c.usage.total()
	if use, known := p.messages[c.subject]; known {
		if use.paid {
			p.Messages.ExtraPaid++
		}
		use.paid = true
		p.messages[c.subject] = use
	}
}

// leave books a call's end.
func (s *Server) leave(c *call, end string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, p, use := s.now(), &s.period, &KeyStats{}
	if c.key != nil {
		use = &c.key.stats
	}
	p.InFlight--
	p.ByStatus[end]++
	use.Calls++
	switch {
	case end == "200":
		p.served(c.arrived, now)
		if c.faulty {
			p.Flawed++
			break
		}
		use.Succeeded++
	case c.state != active:
		use.Denied++
	}
	if end == "429" {
		use.Throttled++
	}
}

// served books a 200.
func (p *period) served(arrived, now time.Duration) {
	took := now - arrived
	p.took += took
	p.Latency.Max = max(p.Latency.Max, took)
	if at := now - p.since; at < 24*time.Hour {
		p.ServedPerSecond = count(p.ServedPerSecond, int(at/time.Second))
		p.ServedPerTenth = count(p.ServedPerTenth, int(at/(100*time.Millisecond)))
	}
}

// count adds one to a place of a list, which it lengthens to have that place.
func count(list []int64, place int) []int64 {
	for len(list) <= place {
		list = append(list, 0)
	}
	list[place]++
	return list
}

// Stats returns what the server has seen.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, p := s.now(), &s.period
	r := p.Stats
	r.Period = now - p.since
	r.ByStatus = maps.Clone(r.ByStatus)
	r.Throttled, r.Latency.Count = r.ByStatus["429"], r.ByStatus["200"]
	r.Succeeded = r.Latency.Count - r.Flawed
	r.Latency.Mean = p.took / time.Duration(max(r.Latency.Count, 1))
	r.ServedPerSecond, r.ServedPerTenth = slices.Clone(r.ServedPerSecond), slices.Clone(r.ServedPerTenth)
	r.Keys = make([]KeyStats, 0, len(s.keys))
	for _, k := range s.keys {
		k.stats.State = k.stateAt(now)
		r.Keys = append(r.Keys, k.stats)
	}
	return r
}
