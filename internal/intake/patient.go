package intake

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// PatientListener accepts connections that give up on a peer that reads nothing of what is
// written to it for a time. http.Server bounds the time of a whole answer, which would
// cut off slow readers.
type PatientListener struct {
	net.Listener
	Timeout time.Duration
}

// Accept returns the next connection.
func (l PatientListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &patientConn{Conn: conn, timeout: l.Timeout}, nil
}

type patientConn struct {
	net.Conn
	timeout time.Duration

	mu    sync.Mutex
	limit time.Time // set from outside; zero: none
}

// Write writes for as long as some of it is taken. It looks once in each such time,
// and so gives up after one to two of them.
func (c *patientConn) Write(p []byte) (written int, err error) {
	for {
		c.allow()
		var n int
		n, err = c.Conn.Write(p[written:])
		written += n
		if n == 0 || written == len(p) || !errors.Is(err, os.ErrDeadlineExceeded) || c.over() {
			return written, err
		}
	}
}

func (c *patientConn) allow() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.Conn.SetWriteDeadline(Sooner(time.Now().Add(c.timeout), c.limit)) // a connection without deadlines is not bounded
}

func (c *patientConn) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.limit.IsZero() && !time.Now().Before(c.limit)
}

// SetWriteDeadline is a limit beyond which nothing is written.
func (c *patientConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = t
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline sets the limits of reading and of writing.
func (c *patientConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// Sooner returns t, or the limit if there is one and it comes first.
func Sooner(t, limit time.Time) time.Time {
	if !limit.IsZero() && limit.Before(t) {
		return limit
	}
	return t
}
