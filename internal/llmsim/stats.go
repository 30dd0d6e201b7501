package llmsim

import "time"

// Stats is what the server saw since New or the last reset. Calls are those for
// chat completions, counted once their request is read whole.
type Stats struct {
	// Period is the time covered.
	Period time.Duration `json:"period_ns"`
	Calls  int64         `json:"calls"`
	// ByStatus counts ended calls by their HTTP status, "reset" for connections cut
	// and "left" for those whose client left before the answer.
	ByStatus map[string]int64 `json:"by_status"`
	// Succeeded are the 200s with a sound answer, Flawed those with a mishap in it.
	Succeeded int64 `json:"succeeded"`
	Flawed    int64 `json:"flawed"`
	// Throttled are all 429s.
	Throttled int64 `json:"throttled"`
	// InOutage are the calls that arrived during an outage.
	InOutage int64 `json:"in_outage"`

	InFlight     int64   `json:"in_flight"`
	PeakInFlight int64   `json:"peak_in_flight"`
	MeanInFlight float64 `json:"mean_in_flight"`

	// Latency is of the 200s, from the request read to the answer written.
	Latency Latencies `json:"latency"`
	// Tokens are those granted by the quota, for answers of any kind.
	Tokens Tokens `json:"tokens"`
	// ArrivalsPerSecond and ServedPerSecond (the 200s) have an entry for each second
	// of the period until the last call, for at most a day.
	ArrivalsPerSecond []int64    `json:"arrivals_per_second"`
	ServedPerSecond   []int64    `json:"served_per_second"`
	Messages          Messages   `json:"messages"`
	Keys              []KeyStats `json:"keys"`
}

// Latencies sums up a distribution: the mean and the maximum are exact, the
// percentiles within 1 %.
type Latencies struct {
	Count int64         `json:"count"`
	Mean  time.Duration `json:"mean_ns"`
	P25   time.Duration `json:"p25_ns"`
	P50   time.Duration `json:"p50_ns"`
	P90   time.Duration `json:"p90_ns"`
	P99   time.Duration `json:"p99_ns"`
	Max   time.Duration `json:"max_ns"`
}

// Tokens counts what was charged. Cached ones are among the prompt's.
type Tokens struct {
	Prompt     int64 `json:"prompt"`
	Cached     int64 `json:"cached"`
	Completion int64 `json:"completion"`
}

// Messages counts user messages by their content. A message is asked when a
// sound request on a good key brings it, and paid when the quota admits that
// request: the server works on it from then on, whether its client waits or not.
type Messages struct {
	Distinct int64 `json:"distinct"`
	// AskedAgain are the messages asked more than once, PaidAgain those paid more
	// than once.
	AskedAgain int64 `json:"asked_again"`
	PaidAgain  int64 `json:"paid_again"`
	// ExtraAsked and ExtraPaid are the calls beyond each message's first.
	ExtraAsked int64 `json:"extra_asked"`
	ExtraPaid  int64 `json:"extra_paid"`
	// Forgotten are the calls with a new message that came when MaxMessages were
	// known. Where it is not 0, the other counts are too low.
	Forgotten int64 `json:"forgotten"`
}

// KeyStats is the use of one key.
type KeyStats struct {
	// Key is its last characters.
	Key   string   `json:"key"`
	Group string   `json:"group"`
	State KeyState `json:"state"`
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
