package app

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// watchCertificates reads the files of TLS again when they change.
func (a *App) watchCertificates(ctx context.Context) {
	if a.rpc.Certificates() == nil {
		return
	}
	a.inBackground(ctx, func(ctx context.Context) {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				a.reloadCertificates()
			}
		}
	})
}

func (a *App) reloadCertificates() {
	certificates := a.rpc.Certificates()
	if certificates == nil {
		return
	}
	switch changed, err := certificates.Reload(); {
	case err != nil:
		a.log.Error("the certificates have changed and cannot be used: the earlier ones stay in force", zap.Error(err))
	case changed:
		a.log.Info("the certificates were read again")
	}
}
