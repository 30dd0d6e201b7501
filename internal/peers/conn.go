package peers

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"go.uber.org/zap"
)

// conn is a connection that is not read while its peer has begun too many calls.
type conn struct {
	net.Conn
	limits *Limits
	name   string
	from   *address
	remote remote

	// Guarded by the limits.
	pace  pace
	share pace // of the address's calls, if all its connections had as many

	closing sync.Once
	closed  chan struct{}
}

// remote is a connection's remote address by which it is found.
type remote struct {
	net.Addr
	conn *conn
}

// Network returns a name of its own: some, such as channelz, take an address of the network
// "tcp" for a *net.TCPAddr.
func (r remote) Network() string { return "bounded " + r.Addr.Network() }

// RemoteAddr returns the address, for Opened and Await.
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// Opened says that a call began on the connection whose remote address it is. It does
// nothing for connections of other listeners.
func Opened(addr net.Addr) {
	if c, ok := connOf(addr); ok {
		c.charge(1)
	}
}

// Reset says that the peer gave up a call.
func Reset(addr net.Addr) {
	if c, ok := connOf(addr); ok {
		c.charge(resetCharge - 1) // in addition to that of its beginning
	}
}

// Await waits until the connection whose remote address it is may begin another call, or
// is closed. It returns io.EOF if the peer left meanwhile.
func Await(addr net.Addr) error {
	if c, ok := connOf(addr); ok {
		return c.await()
	}
	return nil
}

func connOf(addr net.Addr) (*conn, bool) {
	for {
		switch a := addr.(type) {
		case remote:
			return a.conn, true
		case interface{ Unwrap() net.Addr }:
			addr = a.Unwrap()
		default:
			return nil, false
		}
	}
}

func (c *conn) charge(calls time.Duration) {
	now, period := time.Now(), calls*c.limits.period
	c.limits.mu.Lock()
	c.pace.take(now, period)
	c.from.pace.take(now, period/addressFactor)
	c.share.take(now, time.Duration(c.from.open)*period/addressFactor)
	slow := c.waitLocked(now) > 0
	c.limits.mu.Unlock()
	if slow {
		c.limits.slowed.Add(1)
		c.limits.log.Warn("a peer begins calls, or gives them up, too fast: it is read more slowly",
			zap.Stringer("peer.address", c.remote), zap.Int64("slowed", c.limits.slowed.Load()))
	}
}

// waitLocked returns how long the connection is not read. What others of its address
// did too fast does not hold up one that keeps to its share.
func (c *conn) waitLocked(now time.Time) time.Duration {
	wait := c.pace.wait(now)
	if c.name != "" {
		wait = max(wait, min(c.from.pace.wait(now), c.share.wait(now)))
	}
	return wait
}

// await waits a little longer than it must, by chance: connections that were slowed
// together would else begin their next calls all at once, and hold up all others. That
// takes nothing of their pace, which knows when their calls were due.
func (c *conn) await() error {
	c.limits.mu.Lock()
	wait := c.waitLocked(time.Now())
	c.limits.mu.Unlock()
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait + rand.N(min(wait, time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.closed:
	}
	if left(c.Conn) { // no one takes the answers to what it sent before
		return io.EOF
	}
	return nil
}

// Read reads what has come, once another call may begin.
func (c *conn) Read(p []byte) (int, error) {
	if err := c.await(); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Close closes the connection and gives its place back.
func (c *conn) Close() error {
	c.closing.Do(func() {
		close(c.closed)
		c.limits.leave(c)
	})
	return c.Conn.Close()
}
