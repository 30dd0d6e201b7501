package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/drain"
	"github.com/credenza-dev/credenza/internal/intake"
	"github.com/credenza-dev/credenza/internal/peers"
)

// Limits of a connection.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10 // as on the gRPC address
	// Of HTTP/2, as on the gRPC address: how much a caller may send ahead of what is
	// read, and how many calls one connection may have open.
	streamWindow     = 1 << 20
	connectionWindow = 8 << 20
	maxStreams       = 1000
	// A caller that vanished without a word is found after both.
	pingAfter   = 30 * time.Second
	pingTimeout = 10 * time.Second
)

// Server serves HTTP/1.1 and HTTP/2, the latter also without TLS (h2c). Its methods are safe for concurrent use.
type Server struct {
	http         *http.Server
	calls        *drain.Calls // finite: classifications; auxiliary: all requests
	writeTimeout time.Duration
	paths        []string
}

// Paths returns the patterns of the paths that are answered, as http.ServeMux has them.
func (s *Server) Paths() []string { return s.paths }

// New returns a server that listens nowhere yet. A bad limit, a missing part or a
// metric that is there already is an error of one line.
func New(config Config, parts Parts) (*Server, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := parts.check(); err != nil {
		return nil, err
	}
	record, err := newRecorder(parts, config.MaxBodyBytes)
	if err != nil {
		return nil, fmt.Errorf("register the metrics of HTTP: %w", err)
	}
	page, err := newPage(parts.Page)
	if err != nil {
		return nil, err
	}
	s := &Server{calls: drain.New(), writeTimeout: config.WriteTimeout}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	handler, paths := routes(config, parts, s.calls, record, page)
	s.paths = paths
	s.http = &http.Server{
		Handler:           admit(s.calls, handler),
		ConnContext:       withPeer,
		TLSConfig:         config.TLS,
		Protocols:         protocols,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          zap.NewStdLog(parts.Log),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          maxStreams,
			MaxReceiveBufferPerStream:     streamWindow,
			MaxReceiveBufferPerConnection: connectionWindow,
			SendPingTimeout:               pingAfter,
			PingTimeout:                   pingTimeout,
		},
	}
	return s, nil
}

// Serve serves the listener, which it closes, until Shutdown. It then returns
// nil.
func (s *Server) Serve(l net.Listener) error {
	serve := s.http.Serve
	if s.http.TLSConfig != nil {
		serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
	}
	if err := serve(intake.PatientListener{Listener: l, Timeout: s.writeTimeout}); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP on %s: %w", l.Addr(), err)
	}
	return nil
}

type peerKey struct{}

// withPeer keeps a connection's remote address, by which its requests are counted.
func withPeer(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, conn.RemoteAddr())
}

// admit counts requests, when they begin and for as long as their handler runs.
func admit(calls *drain.Calls, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, _ := r.Context().Value(peerKey{}).(net.Addr)
		peers.Opened(peer)
		defer func() {
			if r.Context().Err() != nil {
				peers.Reset(peer)
			}
		}()
		if r.Context().Err() != nil {
			return // nothing of it was begun, which is the least that it can cost
		}
		ctx, leave, err := calls.Enter(r.Context(), drain.Auxiliary)
		if err != nil {
			writeError(w, err)
			return
		}
		defer leave()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Drain refuses new classifications. Those in flight may end until ctx does; then
// they fail with the reason. It returns when none is left, with an error if some
// were cut off. All else is answered as before.
func (s *Server) Drain(ctx context.Context) error {
	s.calls.Close()
	err := s.calls.Wait(ctx)
	s.calls.End(drain.Finite)
	_ = s.calls.Wait(context.WithoutCancel(ctx)) // they soon end
	if err != nil {
		return fmt.Errorf("HTTP: %w", err)
	}
	return nil
}

// Shutdown ends the server, after Drain and after the end of its Services:
// requests in flight may end until ctx does. It returns when no handler runs any
// more.
func (s *Server) Shutdown(ctx context.Context) error {
	var err error
	if s.http.Shutdown(ctx) != nil {
		err = s.http.Close()
	}
	s.calls.End(drain.Auxiliary)
	s.calls.WaitAll()
	return err
}
