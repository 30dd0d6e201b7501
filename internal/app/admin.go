package app

import (
	"context"
	"errors"
	"net"

	"github.com/credenza-dev/credenza/internal/admin"
)

// adminEdge is the server of the admin address and its listener.
type adminEdge struct {
	*admin.Server
	listener net.Listener
}

// openAdmin listens on the admin address, if there is one. Its connections do not count among
// those of callers, so that it answers when these have none left.
func (a *App) openAdmin(ctx context.Context) error {
	addr := a.config.AdminAddr
	if addr == "" {
		return nil
	}
	server, err := admin.New(a.log)
	if err != nil {
		return err
	}
	l, err := a.options.Listen(ctx, addr)
	if err != nil {
		return errors.Join(cannotListen("admin-addr", addr, err), server.Close(ctx))
	}
	a.admin = &adminEdge{server, l}
	return nil
}

func (a *App) serveAdmin() {
	if a.admin != nil {
		a.serving.Go(func() { a.failed <- a.admin.Serve(a.admin.listener) })
	}
}

// closeAdmin ends what openAdmin began. It is the last one to go, to show what holds up the
// others.
func (a *App) closeAdmin(ctx context.Context) error {
	if a.admin == nil {
		return nil
	}
	return a.admin.Close(ctx)
}
