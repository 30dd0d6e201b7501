package classify

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// window bounds what a call has begun: items whose picture is on its way, items
// for the model, and items whose outcome the reader has not taken. One goroutine
// enters it, any number leave it.
type window struct {
	crowd    *crowd // all calls'
	caller   string
	freed    chan struct{} // room for one: a wake-up is never lost
	verdicts pace
	pictures pace

	mu       sync.Mutex
	underWay int // admitted, no outcome yet
	sharing  int // of these, the ones that wait for another one's
	pictured int // of these, the ones that go by a picture
	fetching int // of these, without it yet
	held     int // admitted, outcome not yet delivered
	bytes    int // of the items under way, and of their pictures
	typical  int // bytes of a picture, as they came lately
}

func newWindow(period time.Duration, crowd *crowd, caller string) *window {
	return &window{
		crowd: crowd, caller: caller,
		freed: make(chan struct{}, 1), verdicts: pace{period: period}, pictures: pace{period: period},
		typical: usualPicture,
	}
}

// bounds are the most that a window lets in: under way, and under way while fewer
// than pool of these are for the model. crowd is for all calls; of it a call has
// least in any case.
type bounds struct {
	underWay, hungry, pool, texts, pictured, fetching, held, least int
	crowd                                                          load
}

const (
	// largeWindow is enough for any pool up to 64, and the least that a window
	// may grow to.
	largeWindow = 256
	// minSpare is what is under way beyond a full pool, at the least, so that a
	// slot that becomes free finds an item ready.
	minSpare = 2
	// firstFetches is how many pictures are on their way before it is known how
	// fast they come: what one shop with four connections that takes its whole
	// time for each still sends within an item's usual time, twice over.
	firstFetches = 64
	// largePictured is what the items that go by a picture may grow to, at the
	// least, and poolPictured for each of the pool's slots. They wait for shops too,
	// and come from them in waves: full slots take as many more of them as the
	// shops' time is longer than the model's.
	largePictured = 1024
	poolPictured  = 8
	// windowBytes bounds the items under way and their pictures where they are
	// large. One item more may be under way than fits. A picture on its way counts
	// as the usual size of a prepared one, then as those that came before it.
	windowBytes  = 64 << 20
	usualPicture = 64 << 10
	// minPrompt is what a call whose batches leave promptly may hold at the least.
	// Otherwise it may hold as many items as the pool has slots, so that what a crash
	// can lose is never more than could be in flight; with a smaller pool, as the
	// offline classifier has, that would be a store's round trip for each few items.
	minPrompt = 32
	// orderSlack is how many windows of outcomes may wait, in order, behind one
	// item that is slow. Without it that item would idle the pool.
	orderSlack = 8
	// timeShare is the part of an item's time, as its inverse, that it may expect
	// to wait behind the items admitted before it.
	timeShare = 4
	// eager is how many times more may be under way while slots are idle because
	// the pictures are not there yet, and how many times more pictures may be on
	// their way than came lately. It makes a window that is too small for slow
	// shops grow threefold in the time that an item takes.
	eager = 2
)

// bounds follow the pool and the pace, which change while the call runs. An
// item's time starts with its admission, so where the model is slow or its quota
// small, a large window would let items in whose time is up before their turn;
// and so would many pictures on their way where their shop is slow. Open batches
// are on top of what is held: outcomes that wait for their batch to fill must not
// stop admission.
func (r *run) bounds() bounds {
	pool := r.engine.parts.PoolSize()
	now := time.Now()
	first, large := pool+max(minSpare, pool/4), max(largeWindow, 4*pool)
	verdicts, pictures := r.window.verdicts.lately(now), r.window.pictures.lately(now)
	b := bounds{
		underWay: max(first, verdicts),
		hungry:   max(first, eager*verdicts),
		pool:     pool,
		texts:    large,
		pictured: max(largePictured, poolPictured*pool),
		fetching: max(firstFetches, eager*pictures),
		held:     large,
		least:    leastWindow,
	}
	b.crowd = load{underWay: crowdPictured * b.pictured, held: crowdWindows * large}
	if r.call.Options.Delivery == catalog.InOrder {
		b.held *= orderSlack
	}
	for _, size := range r.engine.batchSizes(&r.call) {
		b.held += size
		if r.call.Options.Delivery == catalog.InOrder {
			b.least += size // or the batch that is due could never be whole
		}
	}
	if r.call.Prompt {
		b.held = max(pool, minPrompt)
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
	working, most := w.underWay-w.sharing, b.underWay
	if working-w.fetching < b.pool {
		most = b.hungry
	}
	switch {
	case working >= most, w.bytes+w.fetching*w.typical >= windowBytes,
		w.pictured >= b.pictured, w.fetching >= b.fetching,
		w.underWay-w.pictured >= b.texts, w.held-w.pictured >= b.held:
		return false
	}
	if !w.crowd.enter(w.caller, w.held, b.least, b.crowd) {
		return false
	}
	w.underWay++
	w.held++
	return true
}

// admitted tells what came in.
func (w *window) admitted(a *admitted) {
	a.bytes = a.item.Size()
	a.fetching = a.kind == catalog.KindImage
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bytes += a.bytes
	if a.fetching {
		w.pictured++
		w.fetching++
	}
}

// fetched tells that the item has its picture, nil if it goes without. It may come
// from work that others wait for, after the item has finished; then it says nothing
// new.
func (w *window) fetched(a *admitted, picture *catalog.Picture) {
	bytes := 0
	if picture != nil {
		w.pictures.count(time.Now())
		if len(a.item.ImageData) == 0 { // else it was counted with the item
			bytes = len(picture.Data)
		}
	}
	w.mu.Lock()
	if !a.fetching {
		w.mu.Unlock()
		return
	}
	a.fetching = false
	a.bytes += bytes
	w.fetching--
	w.bytes += bytes
	if bytes > 0 {
		w.typical += (bytes - w.typical) / 16
	}
	w.mu.Unlock()
	w.wake()
}

// joined tells that the item waits for work that is under way for another one. It
// takes nothing of the shop or of the model, and ends with that one.
func (w *window) joined(a *admitted) {
	if a.kind == catalog.KindImage {
		w.fetched(a, nil)
	}
	w.mu.Lock()
	if !a.joined {
		a.joined = true
		w.sharing++
	}
	w.mu.Unlock()
	w.wake()
}

// finished tells that an item has its outcome. Only a verdict that the model gave
// for it says how fast the model is: not a failure, and not one that was kept or
// shared.
func (w *window) finished(a *admitted, asked bool) {
	if asked {
		w.verdicts.count(time.Now())
	}
	if a.kind == catalog.KindImage {
		w.fetched(a, nil)
	}
	w.mu.Lock()
	w.underWay--
	if a.joined {
		w.sharing--
	}
	w.bytes -= a.bytes
	if a.kind == catalog.KindImage {
		w.pictured--
	}
	w.mu.Unlock()
	w.crowd.leave(w.caller, 1, 0)
	w.wake()
}

// delivered tells that n outcomes were taken.
func (w *window) delivered(n int) {
	w.mu.Lock()
	w.held -= n
	w.mu.Unlock()
	w.crowd.leave(w.caller, 0, n)
	w.wake()
}

// close gives the places back of what was not delivered, at the call's end.
func (w *window) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.crowd.leave(w.caller, w.underWay, w.held)
	w.underWay, w.held = 0, 0
}

func (w *window) wake() {
	select {
	case w.freed <- struct{}{}:
	default:
	}
}

// pace counts a call's verdicts, or pictures, of about the last period, each with
// a weight that decays. It starts low, which costs nothing but a smaller window.
// Failures are left out, since they may come much faster than answers do.
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

func (p *pace) lately(now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.decayed(now))
}

func (p *pace) decayed(now time.Time) float64 {
	return p.value * math.Exp(-max(0, float64(now.Sub(p.at))/float64(p.period)))
}
