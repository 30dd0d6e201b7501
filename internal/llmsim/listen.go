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
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	var err error
	select {
	case err = <-served:
		_ = server.Close()
	case <-ctx.Done():
		_ = server.Close()
		err = <-served
	}
	conns.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Pipe is a listener whose connections are net.Pipes: a network in memory that
// works in a testing/synctest bubble, where it has to be made. It is safe for
// concurrent use.
type Pipe struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewPipe returns a listener; close it with Close.
func NewPipe() *Pipe {
	return &Pipe{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept waits for a dial. After Close the error is net.ErrClosed.
func (p *Pipe) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// DialContext connects, whatever the address: it fits http.Transport.
func (p *Pipe) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	var err error
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		err = net.ErrClosed
	case <-ctx.Done():
		err = ctx.Err()
	}
	_ = near.Close()
	_ = far.Close()
	return nil, err
}

// Close ends Accept and DialContext. Connections stay.
func (p *Pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr returns a name for messages.
func (p *Pipe) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

// Network is the name of the kind of address.
func (pipeAddr) Network() string { return "pipe" }

// String is the address.
func (pipeAddr) String() string { return "llmsim" }

// Local is a server served in memory.
type Local struct {
	// URL is the API's base, "http://llmsim/v1".
	URL string
	// Client reaches it. It has no time-out and no limit on connections.
	Client *http.Client

	transport *http.Transport
	stop      context.CancelFunc
	done      chan struct{}
}

// Local serves s in memory until Close, in a synctest bubble or out of one.
func (s *Server) Local() *Local {
	pipe := NewPipe()
	ctx, stop := context.WithCancel(context.Background())
	transport := &http.Transport{DialContext: pipe.DialContext, MaxIdleConns: 0, MaxIdleConnsPerHost: 1 << 16}
	l := &Local{
		URL: "http://llmsim/v1", Client: &http.Client{Transport: transport},
		transport: transport, stop: stop, done: make(chan struct{}),
	}
	go func() {
		defer close(l.done)
		_ = s.Run(ctx, pipe) // a Pipe fails only when it is closed
	}()
	return l
}

// Close cuts calls in flight and waits until every goroutine of the server has
// ended. Call it once.
func (l *Local) Close() {
	l.stop()
	<-l.done
	l.transport.CloseIdleConnections()
}
