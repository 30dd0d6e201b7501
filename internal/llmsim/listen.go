package llmsim

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// Run serves on the listener until ctx ends. Then it cuts the calls in flight,
// closes the listener and every connection, waits for their goroutines and
// returns nil. The error is the listener's.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	var conns sync.WaitGroup
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: time.Minute,
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				conns.Add(1)
			case http.StateHijacked, http.StateClosed:
				conns.Done()
			default:
			}
		},
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	err := server.Serve(listener)
	_ = server.Close() // if it is the listener that failed
	conns.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
