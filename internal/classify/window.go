package classify

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// window bounds what a call has begun: items under way, and items whose outcome
// the reader has not taken. One goroutine enters it, any number leave it.
type window struct {
	freed chan struct{} // room for one: a wake-up is never lost
	pace  pace

	mu       sync.Mutex
	underWay int // admitted, no outcome yet
	held     int // admitted, outcome not yet delivered
	bytes    int // of the items under way
}

func newWindow(period time.Duration) *window {
	return &window{freed: make(chan struct{}, 1), pace: pace{period: period}}
}

// bounds are the most that a window lets in.
type bounds struct{ underWay, held int }

const (
	// largeWindow is enough for any pool up to 64, and the least that a window
	// may grow to.
	largeWindow = 256
	// minSpare is what is under way beyond a full pool, at the least, so that a
	// slot that becomes free finds an item ready.
	minSpare = 2
	// windowBytes bounds the items under way where they are large, as inline
	// pictures are. One item more may be under way than fits.
	windowBytes = 64 << 20
	// orderSlack is how many windows of outcomes may wait, in order, behind one
	// item that is slow. Without it that item would idle the pool.
	orderSlack = 8
	// timeShare is the part of an item's time, as its inverse, that it may expect
	// to wait behind the items admitted before it.
	timeShare = 4
)

// bounds follow the pool and the pace, which change while the call runs. An
// item's time starts with its admission, so where the model is slow or its quota
// small, a large window would let items in whose time is up before their turn.
// Open batches are on top of what is held: outcomes that wait for their batch to
// fill must not stop admission.
func (r *run) bounds() bounds {
	pool := r.engine.parts.PoolSize()
	large := max(largeWindow, 4*pool)
	inTime := r.window.pace.verdicts(time.Now())
	b := bounds{underWay: min(large, max(pool+max(minSpare, pool/4), int(inTime))), held: large}
	if r.call.Options.Delivery == catalog.InOrder {
		b.held *= orderSlack
	}
	for _, size := range r.engine.batchSizes(&r.call) {
		b.held += size
	}
	return b
}

// enter waits for room within what limit returns, and takes it.
func (w *window) enter(ctx context.Context, limit func() bounds) error {
	for {
		if w.tryEnter(limit()) {
			return ctx.Err()
		}
		select {
		case <-w.freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *window) tryEnter(b bounds) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.underWay >= b.underWay || w.held >= b.held || w.bytes >= windowBytes {
		return false
	}
	w.underWay++
	w.held++
	return true
}

// admitted tells how many bytes the item has that came in.
func (w *window) admitted(bytes int) {
	w.mu.Lock()
	w.bytes += bytes
	w.mu.Unlock()
}

// finished tells that an item has its outcome, a verdict or a failure.
func (w *window) finished(bytes int, verdict bool) {
	if verdict {
		w.pace.count(time.Now())
	}
	w.mu.Lock()
	w.underWay--
	w.bytes -= bytes
	w.mu.Unlock()
	w.wake()
}

// delivered tells that n outcomes were taken.
func (w *window) delivered(n int) {
	w.mu.Lock()
	w.held -= n
	w.mu.Unlock()
	w.wake()
}

func (w *window) wake() {
	select {
	case w.freed <- struct{}{}:
	default:
	}
}

// pace counts a call's verdicts of about the last period, each with a weight that
// decays. It starts low, which costs nothing but a smaller window. Failures are
// left out, since they may come much faster than answers do.
type pace struct {
	period time.Duration

	mu    sync.Mutex
	value float64
	at    time.Time
}

func (p *pace) count(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.value = p.decayed(now) + 1
	p.at = now
}

func (p *pace) verdicts(now time.Time) float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.decayed(now)
}

func (p *pace) decayed(now time.Time) float64 {
	return p.value * math.Exp(-max(0, float64(now.Sub(p.at))/float64(p.period)))
}
