package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/rpc"
)

// operations shows and tunes the process.
type operations struct {
	*App
	level  zap.AtomicLevel
	start  time.Time
	recent *recentLines
}

// Status returns the state of the process.
func (o *operations) Status(ctx context.Context) (rpc.Status, error) {
	g := o.gate.Status()
	s := rpc.Status{
		Version:  Version,
		Start:    o.start,
		Backend:  o.config.backend(),
		Model:    o.config.servedModels()[0],
		Gate:     g,
		Cache:    cacheStatus(o.cache),
		Settings: rpc.Settings{MaxWorkers: g.Ceiling, LogLevel: o.level.Level()},
		Callers:  o.capsInUse(ctx),
		Warnings: o.recent.newestFirst(),
	}
	for i := range g.Groups {
		if l := g.Groups[i].Latency; l.Count > s.Upstream.Count {
			s.Upstream = l
		}
	}
	if o.config.backend() == backendOffline {
		s.Gate.Groups = nil // its one group has no key
	} else {
		s.Profiles = profilesOf(&o.config, o.model, &g)
	}
	return s, nil
}

// Update changes the pool's ceiling and the log level.
func (o *operations) Update(_ context.Context, change rpc.SettingsChange) (rpc.Settings, error) {
	if n := change.MaxWorkers; n != nil {
		if err := o.gate.SetCeiling(*n); err != nil {
			return rpc.Settings{}, err
		}
	}
	if change.LogLevel != nil {
		o.level.SetLevel(*change.LogLevel)
	}
	return rpc.Settings{MaxWorkers: o.gate.Status().Ceiling, LogLevel: o.level.Level()}, nil
}
