package testkit

import (
	"context"
	"net"
	"sync"
)

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
