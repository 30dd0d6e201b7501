package intake

import (
	"errors"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/http2"

	"github.com/credenza-dev/credenza/internal/peers"
)

// Conn is a connection of HTTP/2 that charges the calls on it with the DATA that
// arrives for them, and reads no more while one of them may not have more.
//
// It hands out what it reads up to the end of a call's headers at most. So the
// server has seen these headers, and has had the chance to Open the call, before it
// reads what follows them.
type Conn struct {
	net.Conn
	budget *Budget
	local  connAddr
	remote net.Addr

	// For the reader only.
	frames  frames
	buffer  []byte
	rest    []byte // was read and not yet handed out
	err     error  // comes after it
	touched []*Inbound

	mu    sync.Mutex
	calls map[uint32]*Inbound

	closing sync.Once
	closed  chan struct{}
}

// Conn returns the connection with its bytes charged to the budget. What has to be
// decrypted was decrypted before.
func (b *Budget) Conn(conn net.Conn) *Conn {
	c := &Conn{Conn: conn, budget: b, remote: conn.RemoteAddr(), calls: map[uint32]*Inbound{}, closed: make(chan struct{})}
	c.local = connAddr{conn.LocalAddr(), c}
	return c
}

// connAddr is a connection's local address by which it is found.
type connAddr struct {
	net.Addr
	conn *Conn
}

// Network returns a name of its own: some, such as channelz, take an address of the network
// "tcp" for a *net.TCPAddr.
func (a connAddr) Network() string { return "charged " + a.Addr.Network() }

// Unwrap returns the address as the listener gave it.
func (a connAddr) Unwrap() net.Addr { return a.Addr }

// LocalAddr returns the address, for ConnOf.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// ConnOf returns the connection whose local address it is, as far as it is a Conn.
func ConnOf(local net.Addr) (*Conn, bool) {
	addr, ok := local.(connAddr)
	return addr.conn, ok
}

// Greet reads what every client of HTTP/2 sends first, its preface and its settings, for
// Read to hand out. It returns an error as soon as the peer sends something else, and io.EOF
// for one that leaves at once.
func (c *Conn) Greet() error {
	const least = prefaceBytes + frameHeadBytes
	begun := make([]byte, 0, least)
	for len(begun) < least {
		n, err := c.Conn.Read(begun[len(begun):least])
		begun = begun[:len(begun)+n]
		if !strings.HasPrefix(string(begun), http2.ClientPreface[:min(len(begun), prefaceBytes)]) {
			return errNoPreface
		}
		if err != nil && len(begun) < least {
			return err
		}
	}
	head := begun[prefaceBytes:]
	length := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
	if head[3] != frameSettings || length > maxSettingsBytes {
		return errNoPreface
	}
	c.rest = make([]byte, least+length)
	copy(c.rest, begun)
	_, err := io.ReadFull(c.Conn, c.rest[least:])
	return err
}

// maxSettingsBytes is the most that a client's first settings take. There are few, of six
// bytes each.
const maxSettingsBytes = 1 << 10

// errNoPreface is for the server's own eyes: its peer does not understand it.
var errNoPreface = errors.New("the connection does not begin as HTTP/2")

// Open begins to charge the call whose headers the server has just read. It is
// called on the goroutine that reads, and as Budget.Open else; a stranger's calls
// on one connection share SmallBytes.
func (c *Conn) Open(caller string, known bool, cut func(cause error)) *Inbound {
	open := c.budget.Open
	if !known {
		open, caller = c.budget.OpenStranger, c.RemoteAddr().String()
	}
	in, stream := open(caller, cut), c.frames.opened
	in.onClose = func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.calls, stream)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[stream] = in
	if c.frames.empty {
		in.Ended()
	}
	return in
}

// Read reads what has come once there is room for more.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := peers.Await(c.remote); err != nil {
		return 0, err
	}
	if len(c.rest) > 0 {
		n := c.follow(c.rest[:min(len(c.rest), len(p))])
		copy(p, c.rest[:n])
		c.rest = c.rest[n:]
		return n, nil
	}
	if c.err != nil {
		return 0, c.err
	}
	c.makeRoom()
	n, err := c.Conn.Read(p)
	if n == 0 {
		return n, err
	}
	c.err = err
	handed := c.follow(p[:n])
	c.buffer = append(c.buffer[:0], p[handed:n]...)
	c.rest = c.buffer
	return handed, nil
}

// follow charges what came, up to the end of a new call's headers, and returns how
// far that is.
func (c *Conn) follow(p []byte) int {
	for n := 0; n < len(p); {
		k, d, opened := c.frames.next(p[n:])
		n += k
		for ; c.frames.resets > 0; c.frames.resets-- {
			peers.Reset(c.remote)
		}
		if d.charge > 0 || len(d.piece) > 0 || d.last {
			c.charge(d)
		}
		if opened {
			peers.Opened(c.remote)
			return n
		}
	}
	return len(p)
}

func (c *Conn) charge(d data) {
	c.mu.Lock()
	in := c.calls[d.stream]
	c.mu.Unlock()
	if in == nil {
		return // the server drops it
	}
	in.Arrived(d.piece, d.charge)
	if d.last {
		in.Ended()
	}
	if last := len(c.touched) - 1; last < 0 || c.touched[last] != in {
		c.touched = append(c.touched, in)
	}
}

// makeRoom waits until all calls for which something came last may have more. One
// that waits too long is ended for it, or a slower one of the same caller on the
// connection. Meanwhile no message on the connection can arrive, and none is late.
func (c *Conn) makeRoom() {
	if slices.ContainsFunc(c.touched, func(in *Inbound) bool { return in.account.full() }) {
		defer c.pause()()
	}
	for _, in := range c.touched {
		for !c.roomFor(in) {
			c.victim(in).End(ErrFull)
		}
	}
	clear(c.touched)
	c.touched = c.touched[:0]
}

// pause pauses all calls of the connection until resume is called.
func (c *Conn) pause() (resume func()) {
	c.mu.Lock()
	calls := slices.Collect(maps.Values(c.calls))
	c.mu.Unlock()
	for _, in := range calls {
		in.Pause()
	}
	return func() {
		for _, in := range calls {
			in.Resume()
		}
	}
}

// roomFor waits until a call may have more, and reports false after Patience. A
// connection that is closed waits for nothing.
func (c *Conn) roomFor(in *Inbound) bool { return !errors.Is(in.account.awaitRoom(c.closed), ErrFull) }

// victim returns the call of the same caller whose message arrives most slowly: it
// has the least time left. Of calls whose messages are complete it is the one that
// has waited.
func (c *Conn) victim(in *Inbound) *Inbound {
	c.mu.Lock()
	defer c.mu.Unlock()
	victim, due := in, in.Due()
	for _, other := range c.calls {
		if other.account.caller != in.account.caller {
			continue
		}
		if at := other.Due(); !at.IsZero() && (due.IsZero() || at.Before(due)) {
			victim, due = other, at
		}
	}
	return victim
}

// Close closes the connection, and gives back what its calls hold.
func (c *Conn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
