package fetch

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Pauses of a shop that does not say for how long.
const (
	firstPause = time.Second
	longPause  = 30 * time.Second
	// rememberedPause is how long a shop's own word is kept. A longer one still
	// fails its own caller, but a mistaken one does not last for days.
	rememberedPause = 10 * time.Minute
	// maxHosts is how many hosts are remembered while nobody asks them.
	maxHosts = 4096
	// openEnd is how long one pause may be for callers without a deadline.
	openEnd = 2 * time.Minute
)

// Busy is the error of a shop that wants to be left alone for a while.
type Busy struct {
	Host   string
	Status int // 429 or 503
	// Until is when it may be asked again.
	Until time.Time
}

// Error implements error.
func (b *Busy) Error() string {
	return fmt.Sprintf("%s answered %d and is left alone until %s", b.Host, b.Status, b.Until.Format(time.RFC3339))
}

// Wait waits until the shop may be asked again. It returns an ImageUnreachable
// fault at once if that is not before ctx's deadline, or not within two minutes
// from now where ctx has none; else ctx's error, if that ends early.
func (b *Busy) Wait(ctx context.Context) error {
	left := time.Until(b.Until)
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(openEnd)
	}
	if !b.Until.Before(deadline) {
		return fault.Wrap(b, fault.ImageUnreachable,
			"%s is overloaded (%d) and asks for %v of patience, more than there is time: try again later, or allow more time",
			b.Host, b.Status, max(left, 0).Round(time.Second)).After(max(left, 0))
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

// hosts bounds what is asked of each host.
type hosts struct {
	connections int64
	interval    time.Duration // between two requests; 0: none

	mu     sync.Mutex
	byName map[string]*host
}

// host is one of them. Its fields are guarded by the table, except the
// semaphores.
type host struct {
	slots   *semaphore.Weighted
	turn    *semaphore.Weighted // of one: who has it is next by the rate
	users   int
	next    time.Time // when the next request may be sent, by the rate
	pause   *Busy
	strikes int // how often in a row it paused without saying for how long
}

func newHosts(connections int, rate float64) *hosts {
	h := &hosts{connections: int64(connections), byName: map[string]*host{}}
	if rate > 0 {
		const longest = 24 * time.Hour // no more than that fits a Duration anyhow
		h.interval = time.Duration(min(float64(time.Second)/rate, float64(longest)))
	}
	return h
}

// enter waits for one of the host's connection slots and for its rate. The
// error is a *Busy at once while the host pauses, or ctx's.
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
	// Whoever had the slot before may have been told to pause.
	if err = t.paused(h); err == nil {
		err = t.pace(ctx, h)
	}
	if err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

// pace waits until the rate allows one more request. A turn is taken when it
// comes, and not before, so that whoever gives up takes nobody's time. It comes
// with a slot, so that turns cannot be saved up while the slots are taken.
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
	if b := h.resting(); b != nil {
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
		h = &host{slots: semaphore.NewWeighted(t.connections), turn: semaphore.NewWeighted(1)}
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

// sweep makes room for a newcomer: first those without a past are forgotten,
// then any that nobody is asking.
func (t *hosts) sweep() {
	for _, all := range []bool{false, true} {
		if len(t.byName) < maxHosts {
			return
		}
		for name, h := range t.byName {
			if h.users == 0 && (all || (h.resting() == nil && !h.next.After(time.Now()))) {
				delete(t.byName, name)
			}
		}
	}
}

func (h *host) resting() *Busy {
	if h.pause != nil && time.Now().Before(h.pause.Until) {
		return h.pause
	}
	return nil
}

func (t *hosts) paused(h *host) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b := h.resting(); b != nil {
		return b
	}
	return nil
}

// answered takes note of a host's answer: of 429 and 503 as a pause for
// everybody, which it returns. retryAfter is what the host said; 0: nothing.
func (t *hosts) answered(name string, status int, retryAfter time.Duration) *Busy {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.byName[name]
	if status != 429 && status != 503 {
		h.strikes = 0
		return nil
	}
	if b := h.resting(); b != nil && retryAfter == 0 {
		return b // several were under way, and all were told the same
	}
	pause := retryAfter
	if pause <= 0 {
		pause = min(firstPause<<min(h.strikes, 10), longPause)
		h.strikes++
	}
	busy := &Busy{Host: name, Status: status, Until: time.Now().Add(pause)}
	kept := *busy
	kept.Until = time.Now().Add(min(pause, rememberedPause))
	if b := h.resting(); b == nil || b.Until.Before(kept.Until) {
		h.pause = &kept
	}
	return busy
}
