package peers

import (
	"cmp"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Calls that a connection may begin a second for each processor, which takes a few
// percent of it. An address has twice as many. Both may begin those of a second at once.
const (
	defaultRate   = 1000
	addressFactor = 2
	// resetCharge is how many calls one counts for that its peer gave up. A peer that
	// waits for its answers is bounded by them, another one by this.
	resetCharge = 8
)

// minFree is how many connections an address may have if there is any room.
const minFree = 4

// logEvery is how often the log says that something was refused or slowed.
const logEvery = 10 * time.Second

// Config is the bounds.
type Config struct {
	// Connections are all that may be open at once, on all listeners.
	Connections int
	// Rate is how many calls a connection may begin a second. 0: 1,000 for each processor.
	Rate int
}

// Limits holds the bounds of all listeners together. It is safe for concurrent use.
type Limits struct {
	most   int
	period time.Duration // between two calls of a connection
	log    *zap.Logger

	refused, slowed atomic.Int64

	mu        sync.Mutex
	open      int
	addresses map[string]*address
}

// address is what one address has open.
type address struct {
	open       int
	pace       pace
	forgetting bool // a timer runs that will forget it
}

// pace is when the next call would be due if they came evenly (the generic cell rate
// algorithm).
type pace struct{ due time.Time }

func (p *pace) take(now time.Time, period time.Duration) {
	if p.due.Before(now) {
		p.due = now
	}
	p.due = p.due.Add(period)
}

// wait returns how long it is until another call may begin, with a second's calls at once.
func (p *pace) wait(now time.Time) time.Duration { return p.due.Add(-time.Second).Sub(now) }

// New returns bounds under which nothing is open. The log says what is refused and
// slowed, in samples.
func New(config Config, log *zap.Logger) *Limits {
	rate := cmp.Or(config.Rate, defaultRate*runtime.GOMAXPROCS(0))
	return &Limits{
		most: config.Connections, period: time.Second / time.Duration(rate), addresses: map[string]*address{},
		log: log.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
			return zapcore.NewSamplerWithOptions(core, logEvery, 1, 0)
		})),
	}
}

// Stats are counts since the start, but for those that are open.
type Stats struct {
	Open int64
	// Refused connections, and Slowed calls, after which reading waited.
	Refused, Slowed int64
}

// Stats returns the counts.
func (l *Limits) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Stats{int64(l.open), l.refused.Load(), l.slowed.Load()}
}

// Listener returns a listener whose connections are bounded. It closes those for which
// there is no room as soon as they come.
func (l *Limits) Listener(inner net.Listener) net.Listener { return listener{inner, l} }

type listener struct {
	net.Listener
	limits *Limits
}

// Accept returns the next connection for which there is room.
func (l listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if admitted, ok := l.limits.admit(conn); ok {
			return admitted, nil
		}
		_ = conn.Close() // its peer sees that, whatever the error
		l.limits.refused.Add(1)
		l.limits.log.Warn("a connection was refused: as many are open as may be",
			zap.Stringer("peer.address", conn.RemoteAddr()), zap.Int("max_connections", l.limits.most),
			zap.Int64("refused", l.limits.refused.Load()))
	}
}

func (l *Limits) admit(raw net.Conn) (*conn, bool) {
	name := nameOf(raw.RemoteAddr())
	l.mu.Lock()
	defer l.mu.Unlock()
	free := l.most - l.open
	from := l.addresses[name]
	if free <= 0 || from != nil && name != "" && from.open >= max(free, minFree) {
		return nil, false
	}
	if from == nil {
		from = &address{}
		l.addresses[name] = from
	}
	from.open++
	l.open++
	c := &conn{Conn: raw, limits: l, name: name, from: from, closed: make(chan struct{})}
	c.remote = remote{raw.RemoteAddr(), c}
	if now := time.Now(); from.pace.wait(now) > 0 { // a new connection gives its peer no second's calls at once
		c.share.due = now.Add(time.Second)
	}
	return c, true
}

// nameOf returns the address of a peer without its port, empty if it has none.
func nameOf(addr net.Addr) string {
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return ""
	}
	ip := ap.Addr().Unmap()
	if ip.Is6() {
		network, _ := ip.WithZone("").Prefix(64) // which IPv6 has
		return network.String()
	}
	return ip.String()
}

// leave gives a connection's place back. An address is kept while its pace is behind, or
// a caller would only have to connect again.
func (l *Limits) leave(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	c.from.open--
	l.forget(c.name, c.from)
}

// forget removes an address of which nothing is left to know, now or later.
func (l *Limits) forget(name string, from *address) {
	if from.open > 0 || from.forgetting || l.addresses[name] != from {
		return
	}
	if left := time.Until(from.pace.due); left > 0 {
		from.forgetting = true // one timer, however often its peer connects
		time.AfterFunc(left, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			from.forgetting = false
			l.forget(name, from)
		})
		return
	}
	delete(l.addresses, name)
}
