package app

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/credenza-dev/credenza/internal/metric"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// sendGateFigures sends the gate's counters. The gate itself knows no metrics library.
func (a *App) sendGateFigures(out chan<- prometheus.Metric) {
	s := a.gate.Status()
	metric.PoolLimit.Send(out, float64(s.Limit))
	metric.PoolCeiling.Send(out, float64(s.Ceiling))
	metric.PoolInUse.Send(out, float64(s.InFlight))
	metric.Queued.Send(out, float64(s.QueuedInteractive), "interactive")
	metric.Queued.Send(out, float64(s.QueuedBulk), "bulk")
	metric.QueueOldest.Send(out, s.OldestInteractive.Seconds(), "interactive")
	metric.QueueOldest.Send(out, s.OldestBulk.Seconds(), "bulk")
	for v, n := range s.Counters.Settled {
		metric.Settled.Send(out, float64(n), upstream.Outcome(v).String())
	}
	metric.Retries.Send(out, float64(s.Counters.Retries))
	metric.Hedges.Send(out, float64(s.Counters.Hedges))
	metric.LeasesMisused.Send(out, float64(s.Counters.Misused))
	metric.GivenUp.Send(out, float64(s.Counters.GivenUp))
	sendQueueTimes(out, &s.Counters)
	for i := range s.Groups {
		sendGroup(out, &s.Groups[i])
	}
}

func sendGroup(out chan<- prometheus.Metric, g *upstream.GroupStatus) {
	metric.GroupLimit.Send(out, float64(g.Limit), g.Name)
	metric.GroupInUse.Send(out, float64(g.InFlight), g.Name)
	metric.GroupAway.Send(out, one(g.Open), g.Name)
	metric.GroupLastAnswer.Send(out, timestamp(g.LastAnswer), g.Name)
	for name, q := range map[string]upstream.QuotaStatus{"requests": g.Requests, "tokens": g.Tokens} {
		if q.Known {
			metric.GroupQuota.Send(out, q.Limit, g.Name, name)
			metric.GroupLeft.Send(out, q.Remaining, g.Name, name)
			metric.GroupSpeed.Send(out, q.PerSecond, g.Name, name)
		}
	}
	for i, k := range g.Keys {
		// With its place: keys too short to show four characters look alike.
		metric.KeyServing.Send(out, one(k.Retired == ""), g.Name, strconv.Itoa(i+1))
	}
}

// timestamp returns a time in seconds since 1970.
func timestamp(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func sendQueueTimes(out chan<- prometheus.Metric, c *upstream.Counters) {
	buckets := make(map[float64]uint64, len(upstream.QueueBounds))
	sum := uint64(0)
	for i, n := range c.QueueTimes {
		sum += uint64(n)
		if i < len(upstream.QueueBounds) {
			buckets[upstream.QueueBounds[i]] = sum
		}
	}
	metric.QueueTime.SendHistogram(out, sum, c.QueueTime.Seconds(), buckets)
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
