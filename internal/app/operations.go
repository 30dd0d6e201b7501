package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// operations shows and tunes the process.
type operations struct {
	config *Config
	gate   *upstream.Gate
	level  zap.AtomicLevel
	start  time.Time
}

func newOperations(c *Config, gate *upstream.Gate, level zap.AtomicLevel) *operations {
	return &operations{config: c, gate: gate, level: level, start: time.Now()}
}

// Status returns the state of the process.
func (o *operations) Status(context.Context) (rpc.Status, error) {
	g := o.gate.Status()
	s := rpc.Status{
		Version: Version,
		Start:   o.start,
		Backend: o.config.backend(),
		Model:   o.config.servedModels()[0],
		Pool:    rpc.PoolStatus{Limit: g.Limit, InUse: g.InUse, Ceiling: g.Limit, Fixed: o.config.MaxWorkers > 0},
		Queue:   rpc.QueueStatus{Interactive: int64(g.Interactive), Bulk: int64(g.Bulk)},
		Upstream: rpc.LatencyStatus{
			Samples: int64(g.Latency.Samples), Mean: g.Latency.Mean,
			P50: g.Latency.P50, P95: g.Latency.P95, P99: g.Latency.P99,
		},
		Settings: o.settings(g.Limit),
	}
	if o.config.backend() == backendOffline {
		return s, nil // its turns are taken on no key
	}
	for _, k := range g.Keys {
		s.Keys = append(s.Keys, rpc.KeyStatus{Suffix: k.Suffix, InFlight: k.InFlight, Calls: k.Calls, Failures: k.Failures})
	}
	return s, nil
}

func (o *operations) settings(maxWorkers int) rpc.Settings {
	return rpc.Settings{MaxWorkers: maxWorkers, LogLevel: o.level.Level()}
}

// Update changes the pool's size and the log level.
func (o *operations) Update(_ context.Context, change rpc.SettingsChange) (rpc.Settings, error) {
	if change.MaxWorkers != nil {
		if err := o.gate.SetLimit(*change.MaxWorkers); err != nil {
			return rpc.Settings{}, err
		}
	}
	if change.LogLevel != nil {
		o.level.SetLevel(*change.LogLevel)
	}
	return o.settings(o.gate.Limit()), nil
}

// registerGate has the gate's figures read whenever metrics are asked for.
func registerGate(registry prometheus.Registerer, gate *upstream.Gate) {
	gauge := func(name, help string, read func(upstream.Status) int) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return float64(read(gate.Status())) }))
	}
	gauge("credenza_pool_limit", "Calls to the model that may be in flight.",
		func(s upstream.Status) int { return s.Limit })
	gauge("credenza_pool_in_use", "Calls to the model in flight.",
		func(s upstream.Status) int { return s.InUse })
	gauge("credenza_queue_waiting", "Attempts that wait for their turn.",
		func(s upstream.Status) int { return s.Interactive + s.Bulk })
}
