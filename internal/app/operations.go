package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/cache"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// operations shows and tunes the process.
type operations struct {
	config *Config
	gate   *upstream.Gate
	cache  *cache.Cache // nil: none
	level  zap.AtomicLevel
	start  time.Time
}

func newOperations(c *Config, gate *upstream.Gate, m *cache.Cache, level zap.AtomicLevel) *operations {
	return &operations{config: c, gate: gate, cache: m, level: level, start: time.Now()}
}

// Status returns the state of the process.
func (o *operations) Status(context.Context) (rpc.Status, error) {
	g := o.gate.Status()
	s := rpc.Status{
		Version:  Version,
		Start:    o.start,
		Backend:  o.config.backend(),
		Model:    o.config.servedModels()[0],
		Pool:     rpc.PoolStatus{Limit: g.Limit, InUse: g.InFlight, Ceiling: g.Ceiling, Fixed: g.Fixed > 0},
		Queue:    rpc.QueueStatus{Interactive: int64(g.QueuedInteractive), Bulk: int64(g.QueuedBulk)},
		Cache:    cacheStatus(o.cache),
		Settings: rpc.Settings{MaxWorkers: g.Ceiling, LogLevel: o.level.Level()},
	}
	for i := range g.Groups {
		if l := latencyOf(g.Groups[i].Latency); l.Samples > s.Upstream.Samples {
			s.Upstream = l
		}
	}
	if o.config.backend() == backendOffline {
		return s, nil // its turns are taken on no key
	}
	for i := range g.Groups {
		addGroup(&s, &g.Groups[i])
	}
	return s, nil
}

func addGroup(s *rpc.Status, g *upstream.GroupStatus) {
	for _, k := range g.Keys {
		s.Keys = append(s.Keys, rpc.KeyStatus{
			Suffix: k.Suffix, Group: g.Name, InFlight: k.InFlight, Calls: k.Calls, Failures: k.Failures,
			Retired: k.Retired, RetryIn: k.RetryIn,
		})
	}
	s.Groups = append(s.Groups, rpc.GroupStatus{
		Name: g.Name, Limit: g.Limit, InFlight: g.InFlight,
		Requests: quotaOf(g.Requests), Tokens: quotaOf(g.Tokens),
		LearnedPerSecond: g.LearnedPerSecond, CoolDown: g.Paused, BreakerOpen: g.Open, Outages: g.Outages, Outage: g.Outage,
		Braked: g.Braked, Latency: latencyOf(g.Latency), AttemptTimeout: g.Latency.Timeout,
	})
}

func quotaOf(q upstream.QuotaStatus) *rpc.QuotaStatus {
	if !q.Known {
		return nil
	}
	return &rpc.QuotaStatus{Limit: q.Limit, Remaining: q.Remaining, PerSecond: q.PerSecond, ResetIn: q.ResetIn}
}

func latencyOf(l upstream.LatencyStatus) rpc.LatencyStatus {
	return rpc.LatencyStatus{Samples: l.Count, Mean: l.Mean, P50: l.P50, P95: l.P95, P99: l.P99}
}

// Update changes the pool's ceiling and the log level.
func (o *operations) Update(_ context.Context, change rpc.SettingsChange) (rpc.Settings, error) {
	if n := change.MaxWorkers; n != nil {
		if *n > maxWorkers {
			return rpc.Settings{}, fault.Invalid("max_workers", "%d is over %d", *n, maxWorkers)
		}
		if err := o.gate.SetCeiling(*n); err != nil {
			return rpc.Settings{}, err
		}
	}
	if change.LogLevel != nil {
		o.level.SetLevel(*change.LogLevel)
	}
	return rpc.Settings{MaxWorkers: o.gate.Status().Ceiling, LogLevel: o.level.Level()}, nil
}
