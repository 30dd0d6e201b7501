package app

import (
	"context"

	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/auth"
)

// openAuthority reads the token file, and again whenever it changes.
func (a *App) openAuthority(ctx context.Context) (err error) {
	if a.config.TokenFile == "" {
		a.authority = auth.New(nil)
		return nil
	}
	if a.authority, err = auth.Open(a.config.TokenFile); err != nil {
		return err
	}
	a.inBackground(ctx, func(ctx context.Context) {
		a.authority.Watch(ctx, func(err error) {
			if err != nil {
				a.log.Error("the token file has changed and cannot be used: the earlier tokens stay in force", zap.Error(err))
				return
			}
			a.log.Info("the token file was read again", zap.Strings("callers", a.authority.Names()))
		})
	})
	return nil
}
