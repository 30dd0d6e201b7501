package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/credenza-dev/credenza/internal/fault"
)

const (
	// firstPause is the first pause of a host that gives no Retry-After. It doubles
	// with each refusal in succession, up to longestPause.
	firstPause   = time.Second
	longestPause = 30 * time.Second
	// maxKeptPause bounds a Retry-After for other callers: a mistaken one does not last
	// for days. The caller that received it gets all of it.
	maxKeptPause = 10 * time.Minute
	// maxHosts is the number of hosts that are remembered while they have no callers.
	maxHosts = 4096
	// plainTTL is how long a host without https is remembered: each attempt to connect may
	// take dialTimeout.
	plainTTL = 5 * time.Minute
	// maxWait is the longest pause that a caller without a deadline waits for.
	maxWait = 2 * time.Minute
)

// Busy is the error of a shop that asked for a pause.
type Busy struct {
	Host   string
	Status int // 429 or 503
	// Until is the time of the next request that is allowed.
	Until time.Time
}

// Error implements error.
func (b *Busy) Error() string {
	return fmt.Sprintf("%s answered %d and gets no request until %s", b.Host, b.Status, b.Until.Format(time.RFC3339))
}

// Wait waits until the next request is allowed, and returns ctx's error if ctx ends
// before. It returns an ImageUnreachable fault at once if the pause lasts beyond ctx's
// deadline, or longer than two minutes if ctx has none.
func (b *Busy) Wait(ctx context.Context) error {
	left := time.Until(b.Until)
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(maxWait)
	}
	if !b.Until.Before(deadline) {
		return fault.Wrap(b, fault.ImageUnreachable,
			"%s is overloaded (%d) and asks for a pause of %v, longer than the time that is left: try again later, or allow more time",
			b.Host, b.Status, max(left, 0).Round(time.Second)).After(max(left, 0)).WithSummary(fault.PictureBusy)
	}
	return sleep(ctx, left)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hosts bounds the requests to each host.
type hosts struct {
	interval time.Duration // between two requests; 0: none

	mu     sync.Mutex
	byName map[string]*host
}

// host is one of them. hosts.mu guards its fields, except the semaphores.
type host struct {
	slots    *semaphore.Weighted // connections
	turn     *semaphore.Weighted // of one: its holder sends the next request
	users    int
	next     time.Time // the earliest time of the next request, by the rate
	pause    *Busy
	refusals int       // in succession, without a Retry-After
	plain    time.Time // until then it is taken to have no https
}

func newHosts(rate float64) *hosts {
	h := &hosts{byName: map[string]*host{}}
	if rate > 0 {
		const longest = 24 * time.Hour // a lower rate could overflow a Duration
		h.interval = time.Duration(min(float64(time.Second)/rate, float64(longest)))
	}
	return h
}

// enter waits for one of the host's connection slots and for its rate. The error is a
// *Busy, at once, during a pause, or ctx's.
func (t *hosts) enter(ctx context.Context, name string) (leave func(), err error) {
	h := t.use(name)
	if err := h.slots.Acquire(ctx, 1); err != nil {
		t.release(h)
		return nil, err
	}
	leave = func() {
		h.slots.Release(1)
		t.release(h)
	}
	// The last request in this slot may have led to a pause.
	if err = t.paused(h); err == nil {
		err = t.pace(ctx, h)
	}
	if err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

// pace waits until the rate allows one more request. A caller that gives up does not
// use a turn, because a turn counts when the request is sent. Only the holder of a slot
// gets a turn, so turns do not accumulate while all slots are in use.
func (t *hosts) pace(ctx context.Context, h *host) error {
	if t.interval == 0 {
		return nil
	}
	if err := h.turn.Acquire(ctx, 1); err != nil {
		return err
	}
	defer h.turn.Release(1)
	if err := sleep(ctx, time.Until(t.nextOf(h))); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if b := h.currentPause(); b != nil {
		return b
	}
	h.next = time.Now().Add(t.interval)
	return nil
}

func (t *hosts) nextOf(h *host) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return h.next
}

// use counts one more user of a host.
func (t *hosts) use(name string) *host {
	t.mu.Lock()
	defer t.mu.Unlock()
	h, ok := t.byName[name]
	if !ok {
		t.sweep()
		h = &host{slots: semaphore.NewWeighted(hostConnections), turn: semaphore.NewWeighted(1)}
		t.byName[name] = h
	}
	h.users++
	return h
}

func (t *hosts) release(h *host) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h.users--
}

// sweep makes room for a new host: it removes hosts without callers and pauses, and if
// that is not enough, all hosts without callers.
func (t *hosts) sweep() {
	for _, all := range []bool{false, true} {
		if len(t.byName) < maxHosts {
			return
		}
		for name, h := range t.byName {
			if h.users == 0 && (all || (h.currentPause() == nil && !h.next.After(time.Now()))) {
				delete(t.byName, name)
			}
		}
	}
}

func (h *host) currentPause() *Busy {
	if h.pause != nil && time.Now().Before(h.pause.Until) {
		return h.pause
	}
	return nil
}

func (t *hosts) paused(h *host) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b := h.currentPause(); b != nil {
		return b
	}
	return nil
}

// errPlain is the error of a host that IsPlain.
var errPlain = errors.New("it could not be connected to by https a moment ago")

// SetPlain remembers for some minutes that the host of an address answers by http and cannot
// be connected to by https.
func (c *Client) SetPlain(address *url.URL) {
	h := c.hosts.use(address.Hostname())
	defer c.hosts.release(h)
	c.hosts.mu.Lock()
	defer c.hosts.mu.Unlock()
	h.plain = time.Now().Add(plainTTL)
}

// IsPlain reports whether SetPlain was called for the host of an address some minutes ago at
// most.
func (c *Client) IsPlain(address *url.URL) bool {
	c.hosts.mu.Lock()
	defer c.hosts.mu.Unlock()
	h, ok := c.hosts.byName[address.Hostname()]
	return ok && time.Now().Before(h.plain)
}

// recordStatus records the status of a response. For 429 and 503 it begins a pause for
// all callers and returns it. A retryAfter of 0 means that there was none.
func (t *hosts) recordStatus(name string, status int, retryAfter time.Duration) *Busy {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.byName[name]
	if status != 429 && status != 503 {
		h.refusals = 0
		return nil
	}
	if b := h.currentPause(); b != nil && retryAfter == 0 {
		return b // another request that was in flight has begun it
	}
	pause := retryAfter
	if pause <= 0 {
		pause = min(firstPause<<min(h.refusals, 10), longestPause)
		h.refusals++
	}
	busy := &Busy{Host: name, Status: status, Until: time.Now().Add(pause)}
	kept := *busy
	kept.Until = time.Now().Add(min(pause, maxKeptPause))
	if b := h.currentPause(); b == nil || b.Until.Before(kept.Until) {
		h.pause = &kept
	}
	return busy
}
