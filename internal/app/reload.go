package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// watchFiles reads the token file and the files of TLS again every second, as far as there
// are any. They count as changed by their content, which is small: times and sizes of files
// miss quick changes.
func (a *App) watchFiles(ctx context.Context) {
	if a.config.TokenFile == "" && a.rpc.Certificates() == nil {
		return
	}
	a.inBackground(ctx, func(ctx context.Context) {
		for range catalog.Every(ctx, time.Second) {
			a.reloadFiles()
		}
	})
}

func (a *App) reloadFiles() {
	switch changed, err := a.authority.Reload(); {
	case err != nil:
		a.log.Error("the token file has changed and cannot be used: the earlier tokens stay in force", zap.Error(err))
	case changed:
		a.log.Info("the token file was read again", zap.Strings("callers", a.authority.Names()))
	}
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
