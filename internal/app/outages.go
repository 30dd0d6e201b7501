package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// followOutages writes to the log, until the app is closed, when a model's server
// does not answer and when it answers again.
func (a *App) followOutages(ctx context.Context) {
	a.inBackground(ctx, func(ctx context.Context) { logOutages(ctx, a.log, a.gate.Outages) })
}

// inBackground runs f until it returns; closing the app ends its context and waits for it.
func (a *App) inBackground(ctx context.Context, f func(context.Context)) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(ctx)
	}()
	a.closers = append(a.closers, func() {
		cancel()
		<-done
	})
}

func logOutages(ctx context.Context, log *zap.Logger, look func() ([]catalog.Outage, <-chan struct{})) {
	away := map[string]catalog.Outage{}
	for ctx.Err() == nil {
		outages, changed := look()
		still := make(map[string]catalog.Outage, len(outages))
		for _, o := range outages {
			if _, told := away[o.Host]; !told {
				log.Warn("the model's server does not answer: trying on",
					zap.String("host", o.Host), zap.String("cause", o.Cause), zap.Time("since", o.Since))
			}
			still[o.Host] = o
			delete(away, o.Host)
		}
		for host, o := range away {
			log.Info("the model's server answers again", zap.String("host", host), zap.Duration("away", time.Since(o.Since)))
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
