package app

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/credenza-dev/credenza/internal/upstream"
)

// gateMetrics collects the gate's counters. The gate itself knows no metrics library.
type gateMetrics struct{ gate *upstream.Gate }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("credenza_"+name, help, labels, nil)
}

var (
	poolLimit   = describe("pool_limit", "Calls to the model that may be in flight.")
	poolCeiling = describe("pool_ceiling", "The most that the limit may become.")
	poolInUse   = describe("pool_in_use", "Calls to the model in flight.")
	queued      = describe("queue_waiting", "Attempts that wait for their turn, by class.", "class")
	settled     = describe("attempts_total", "Calls to the model that have ended, by how: the share of throttled ones is that of 429s.", "end")
	retries     = describe("retries_total", "Calls to the model after an item's first.")
	hedges      = describe("hedges_total", "Calls to the model sent a second time to overtake a straggler.")
	misused     = describe("leases_misused_total", "Leases settled twice: faults of the program.")
	givenUp     = describe("attempts_given_up_total", "Calls that an outage swallowed.")
	queueTime   = describe("attempt_queue_seconds", "Time that an attempt waited for its turn.")
	groupLimit  = describe("group_limit", "Calls that may be in flight on a quota group.", "group")
	groupInUse  = describe("group_in_use", "Calls in flight on a quota group.", "group")
	groupLeft   = describe("group_remaining", "What is left of a quota.", "group", "quota")
	groupSpeed  = describe("group_per_second", "The speed that a quota's calls are paced at.", "group", "quota")
	groupOpen   = describe("group_breaker_open", "1 while the server of a quota group is away.", "group")
	keyServing  = describe("key_serving", "1 while a key serves, 0 while it is retired.", "group", "key")
)

// Describe lists nothing: which series there are depends on the configuration.
func (gateMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect sends the figures of this moment.
func (m gateMetrics) Collect(out chan<- prometheus.Metric) {
	s := m.gate.Status()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge(poolLimit, float64(s.Limit))
	gauge(poolCeiling, float64(s.Ceiling))
	gauge(poolInUse, float64(s.InFlight))
	gauge(queued, float64(s.QueuedInteractive), "interactive")
	gauge(queued, float64(s.QueuedBulk), "bulk")
	for v, n := range s.Counters.Settled {
		count(settled, n, upstream.Outcome(v).String())
	}
	count(retries, s.Counters.Retries)
	count(hedges, s.Counters.Hedges)
	count(misused, s.Counters.Misused)
	count(givenUp, s.Counters.GivenUp)
	out <- queueHistogram(&s.Counters)
	for i := range s.Groups {
		g := &s.Groups[i]
		gauge(groupLimit, float64(g.Limit), g.Name)
		gauge(groupInUse, float64(g.InFlight), g.Name)
		gauge(groupOpen, one(g.Open), g.Name)
		for name, q := range map[string]upstream.QuotaStatus{"requests": g.Requests, "tokens": g.Tokens} {
			if q.Known {
				gauge(groupLeft, q.Remaining, g.Name, name)
				gauge(groupSpeed, q.PerSecond, g.Name, name)
			}
		}
		for i, k := range g.Keys {
			// With its place: keys too short to show four characters look alike.
			gauge(keyServing, one(k.Retired == ""), g.Name, strconv.Itoa(i+1))
		}
	}
}

func queueHistogram(c *upstream.Counters) prometheus.Metric {
	buckets := make(map[float64]uint64, len(upstream.QueueBounds))
	sum := uint64(0)
	for i, n := range c.QueueTimes {
		sum += uint64(n)
		if i < len(upstream.QueueBounds) {
			buckets[upstream.QueueBounds[i]] = sum
		}
	}
	return prometheus.MustNewConstHistogram(queueTime, sum, c.QueueTime.Seconds(), buckets)
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
