package classify

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// window bounds the items that a call has begun: those whose picture is being
// fetched, those for the model, and those whose outcome the reader has not taken.
// One goroutine calls enter, any number call the other methods.
type window struct {
	processLoad *processLoad // of all calls
	caller      string
	freed       chan struct{} // has a buffer of one, so that no wake-up is lost
	answers     pace
	pictures    pace

	mu       sync.Mutex
	inFlight int // admitted, without an outcome
	sharing  int // of these, those that wait for the work of an equal item
	pictured int // of these, those that are classified by a picture
	fetching int // of these, those without their picture
	held     int // admitted, outcome not delivered
	bytes    int // of the items in flight and their pictures
	typical  int // bytes of a picture, a moving average
}

func newWindow(period time.Duration, processLoad *processLoad, caller string) *window {
	return &window{
		processLoad: processLoad, caller: caller,
		freed: make(chan struct{}, 1), answers: pace{period: period}, pictures: pace{period: period},
		typical: usualPictureBytes,
	}
}

// bounds are the most items that a window admits. whileIdle replaces inFlight while
// fewer than pool items are ready for the model. processLoad is the bound of all calls
// together; least is the number of items that a call may hold in any case.
type bounds struct {
	inFlight, whileIdle, pool, texts, pictured, fetching, held, least int
	processLoad                                                       load
}

const (
	// minLargeWindow is the least size that a window may grow to, enough for a pool
	// of 64.
	minLargeWindow = 256
	// minSpare is the least number of items in flight beyond a full pool, so that an
	// item is ready when a slot becomes free.
	minSpare = 2
	// minFetching is the number of pictures being fetched before their pace is known:
	// half of what one shop with four connections sends within an item's usual time
	// if each picture takes as long as it may.
	minFetching = 64
	// minLargePictured is the least number that items with pictures may grow to, and
	// poolPictured that number for each slot of the pool. These items also wait for
	// shops, so full slots need more of them the longer shops take compared to the
	// model.
	minLargePictured = 1024
	poolPictured     = 8
	// windowBytes bounds the bytes of the items in flight and their pictures. One
	// item more may be admitted. A picture that is being fetched counts as
	// usualPictureBytes at first, later as the average of those before it.
	windowBytes       = 64 << 20
	usualPictureBytes = 64 << 10
	// minPrompt is the least number of items that a call with Prompt may hold. Such a
	// call holds as many items as the pool has slots, so that a crash loses no more
	// than could be in flight. With a small pool, as the offline classifier's, that
	// alone would cost a round trip to the store for each few items.
	minPrompt = 32
	// orderSlack is the number of windows of outcomes that may wait behind one slow
	// item when delivery is in order. Without them that item would idle the pool.
	orderSlack = 8
	// timeShare is the inverse of the share of its time that an item is expected to
	// wait for the items admitted before it.
	timeShare = 4
	// growth is how many times the recent answers may be in flight while slots are
	// idle for lack of pictures, and how many times the recent pictures may be being
	// fetched. A window that is too small for slow shops grows threefold in the time
	// that an item takes.
	growth = 2
)

// bounds returns the bounds for the pool's size and the pace of now. An item's time
// starts with its admission. So with a slow model or a small quota, a large window
// would admit items whose time ends before their turn, and so would many pictures
// from a slow shop. Outcomes that wait for their batch to fill must not stop
// admission, so held has room for open batches.
func (r *activeCall) bounds() bounds {
	pool := r.engine.parts.PoolSize()
	now := time.Now()
	first, large := pool+max(minSpare, pool/4), max(minLargeWindow, 4*pool)
	answers, pictures := r.window.answers.recent(now), r.window.pictures.recent(now)
	b := bounds{
		inFlight:  max(first, answers),
		whileIdle: max(first, growth*answers),
		pool:      pool,
		texts:     large,
		pictured:  max(minLargePictured, poolPictured*pool),
		fetching:  max(minFetching, growth*pictures),
		held:      large,
		least:     leastWindow,
	}
	b.processLoad = load{inFlight: totalInFlightWindows * b.pictured, held: totalHeldWindows * large}
	if r.call.Options.Delivery == catalog.InOrder {
		b.held *= orderSlack
	}
	for _, size := range r.engine.batchSizes(&r.call) {
		b.held += size
		if r.call.Options.Delivery == catalog.InOrder {
			b.least += size // else the next batch might never be complete
		}
	}
	if r.call.Prompt {
		b.held = max(pool, minPrompt)
	}
	return b
}

// enter waits until the bounds that limit returns have room for an item, and counts
// the item. It returns the error of ctx.
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
	working, most := w.inFlight-w.sharing, b.inFlight
	if working-w.fetching < b.pool {
		most = b.whileIdle
	}
	switch {
	case working >= most, w.bytes+w.fetching*w.typical >= windowBytes,
		w.pictured >= b.pictured, w.fetching >= b.fetching,
		w.inFlight-w.pictured >= b.texts, w.held-w.pictured >= b.held:
		return false
	}
	if !w.processLoad.enter(w.caller, w.held, b.least, b.processLoad) {
		return false
	}
	w.inFlight++
	w.held++
	return true
}

// admitted records the item that entered.
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

// fetched records that the item has its picture, nil if it has none. Shared work may
// call it after the item has finished; then it has no effect.
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

// joined records that the item waits for work in flight for an equal item. It uses
// neither a shop's connection nor a slot of the model.
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

// finished records that an item has its outcome. asked is true if the model answered
// for this item: only such an answer counts for the model's pace, not a failure or
// an answer that was cached or shared.
func (w *window) finished(a *admitted, asked bool) {
	if asked {
		w.answers.count(time.Now())
	}
	if a.kind == catalog.KindImage {
		w.fetched(a, nil)
	}
	w.mu.Lock()
	w.inFlight--
	if a.joined {
		w.sharing--
	}
	w.bytes -= a.bytes
	if a.kind == catalog.KindImage {
		w.pictured--
	}
	w.mu.Unlock()
	w.processLoad.leave(w.caller, 1, 0)
	w.wake()
}

// delivered records that the sink has taken n outcomes.
func (w *window) delivered(n int) {
	w.mu.Lock()
	w.held -= n
	w.mu.Unlock()
	w.processLoad.leave(w.caller, 0, n)
	w.wake()
}

// close removes the items that were not delivered, at the call's end.
func (w *window) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.processLoad.leave(w.caller, w.inFlight, w.held)
	w.inFlight, w.held = 0, 0
}

func (w *window) wake() {
	select {
	case w.freed <- struct{}{}:
	default:
	}
}

// pace counts the answers or pictures of about the last period, each with a weight
// that decays. It starts at 0, so the first window is small. Failures do not count,
// since they may come much faster than answers.
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

func (p *pace) recent(now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.decayed(now))
}

func (p *pace) decayed(now time.Time) float64 {
	return p.value * math.Exp(-max(0, float64(now.Sub(p.at))/float64(p.period)))
}
