package app

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// inBackground runs f until it returns; closing the app ends its context and waits for it.
func (a *App) inBackground(ctx context.Context, f func(context.Context)) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { f(ctx) })
	a.closers = append(a.closers, func() {
		cancel()
		running.Wait()
	})
}

// logOutages writes to the log, until ctx ends, when a model's server does not answer and
// when it answers again.
func (a *App) logOutages(ctx context.Context) {
	away := map[string]catalog.Outage{}
	for ctx.Err() == nil {
		outages, changed := a.gate.Outages()
		still := make(map[string]catalog.Outage, len(outages))
		for _, o := range outages {
			if _, told := away[o.Host]; !told {
				a.log.Warn("the model's server does not answer: trying on",
					zap.String("host", o.Host), zap.String("cause", o.Cause), zap.Time("since", o.Since))
			}
			still[o.Host] = o
			delete(away, o.Host)
		}
		for host, o := range away {
			a.log.Info("the model's server answers again", zap.String("host", host), zap.Duration("away", time.Since(o.Since)))
		}
		away = still
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// outages are the servers that do not answer now.
func (a *App) outages() []catalog.Outage {
	list, _ := a.gate.Outages()
	return list
}
