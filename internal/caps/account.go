package caps

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
)

const (
	// firstPortion is how many items a replica sets aside at first, and largestPortion
	// the most.
	firstPortion, largestPortion = 16, 1 << 16
	// usualTokens is what an item is taken to cost before the first is done, about what
	// the built-in taxonomy takes.
	usualTokens = 4000
	// recheck is how long a cap that was found reached is taken to stay so. Another
	// replica may give something back.
	recheck = 250 * time.Millisecond
)

// account is what this replica knows of one caller.
type account struct {
	name  string
	freed chan struct{} // has a buffer of one: an item has ended

	mu          sync.Mutex
	caps        catalog.Caps
	minute, day int64          // those of left
	left        [counted]int64 // taken from the store and not used
	used        [counted]int64 // since the last tick
	portion     int64          // in items
	slots       int64          // for items in flight
	inFlight    int64
	peak        int64                      // of inFlight since the last tick
	perItem     int64                      // tokens, a moving average; 0: not known
	reached     [catalog.NumCaps]time.Time // until when a cap is known to be reached
	enough      time.Time                  // until when no portion is asked for ahead
	stats       Stats

	// exchanging is full while a goroutine exchanges with the store. What follows belongs
	// to that goroutine.
	exchanging chan struct{}
	seen       shared
	revision   uint64
	apart      int64          // the share is one of so many; 0: the store is there
	unentered  [counted]int64 // used while the store was away
}

func newAccount(name string, limits catalog.Caps) *account {
	return &account{name: name, caps: limits, portion: firstPortion, freed: make(chan struct{}, 1), exchanging: make(chan struct{}, 1)}
}

// enter counts one more item in flight, or returns the cap of which nothing is left here.
// low reports that there will soon be nothing left.
func (a *account) enter(now time.Time) (short catalog.Cap, low, ok bool) {
	a.roll(now)
	if a.caps[catalog.CapItemsInFlight] > 0 && a.inFlight >= a.slots {
		return catalog.CapItemsInFlight, false, false
	}
	for i := range counted {
		if a.caps[cappedBy(i)] == 0 {
			continue
		}
		if a.left[i] < a.need(i) {
			return cappedBy(i), false, false
		}
		low = low || a.left[i]-a.need(i) < a.set(i)/4
	}
	a.inFlight++
	a.peak = max(a.peak, a.inFlight)
	a.stats.Items++
	a.use(0, 1)
	a.use(1, 1)
	return 0, low && now.After(a.enough), true
}

// use counts what was used of a cap.
func (a *account) use(i int, n int64) {
	if a.caps[cappedBy(i)] > 0 {
		a.left[i] -= n
		a.used[i] += n
	}
}

// leave counts an item that has ended.
func (a *account) leave(tokens int64) {
	a.mu.Lock()
	a.inFlight--
	a.use(2, tokens)
	a.stats.Tokens += tokens
	if a.perItem == 0 {
		a.perItem = tokens
	}
	a.perItem += (tokens - a.perItem) / 8
	a.mu.Unlock()
	a.wake()
}

// wake lets one waiting item look again. What nothing waits for is kept for later.
func (a *account) wake() {
	select {
	case a.freed <- struct{}{}:
	default:
	}
}

// roll forgets what was left of an earlier minute or day.
func (a *account) roll(now time.Time) {
	if m := now.Unix() / minute; m > a.minute {
		a.minute, a.left[0] = m, 0
	}
	if d := now.Unix() / day; d > a.day {
		a.day, a.left[1], a.left[2] = d, 0, 0
	}
}

// need returns how much must be left for one more item: tokens also for those of the
// items in flight, which are known only when they end.
func (a *account) need(i int) int64 {
	if cappedBy(i) != catalog.CapTokensPerDay {
		return 1
	}
	return max(1, (a.inFlight+1)*a.tokens())
}

// tokens returns what an item is taken to cost: at most the cap, or it never could be
// admitted.
func (a *account) tokens() int64 {
	return min(cmp.Or(a.perItem, usualTokens), a.caps[catalog.CapTokensPerDay])
}

// set returns the size of a portion.
func (a *account) set(i int) int64 {
	if cappedBy(i) != catalog.CapTokensPerDay {
		return a.portion
	}
	return a.portion * a.tokens()
}

// refillOrder is for one more item, if something is short, and for those that follow.
func (a *account) refillOrder(now time.Time, short catalog.Cap) *order {
	a.roll(now)
	o := &order{wantSlots: a.slots}
	if short == catalog.CapItemsInFlight && a.inFlight >= a.slots {
		o.needSlots = a.inFlight + 1
		o.wantSlots = o.needSlots + max(4, a.inFlight/2)
	}
	for i := range counted {
		if a.caps[cappedBy(i)] == 0 {
			continue
		}
		if lacks := a.need(i) - a.left[i]; short == cappedBy(i) && lacks > 0 {
			o.need[i], o.want[i] = lacks, lacks
		}
		if a.left[i]-a.need(i) < a.set(i)/2 {
			o.want[i] += a.set(i)
		}
	}
	if o.want != [counted]int64{} {
		a.portion = min(2*a.portion, largestPortion)
	}
	return o
}

// tickOrder gives back, at once, what was not used for a second, and enters what was used
// beyond what was taken. An idle replica keeps nothing.
func (a *account) tickOrder(now time.Time) *order {
	a.roll(now)
	o := &order{wantSlots: a.peak, leave: a.peak == 0}
	for i := range counted {
		if a.caps[cappedBy(i)] == 0 {
			a.left[i] = 0
			continue
		}
		keep := a.used[i]
		if cappedBy(i) == catalog.CapTokensPerDay {
			keep += a.inFlight * a.tokens()
		}
		o.owed[i] = max(0, -a.left[i])
		o.want[i] = min(0, keep-max(0, a.left[i]))
		a.left[i] += o.want[i]
	}
	a.slots = min(a.slots, a.peak)
	a.used, a.peak, a.portion = [counted]int64{}, a.inFlight, max(firstPortion, a.portion/2)
	return o
}

// apply adds what was granted. The store's minute and day count: another replica's clock
// may be ahead.
func (a *account) apply(g grant, s *shared) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.Minute != a.minute {
		a.minute, a.left[0] = s.Minute, 0
	}
	if s.Day != a.day {
		a.day, a.left[1], a.left[2] = s.Day, 0, 0
	}
	for i := range counted {
		a.left[i] += max(0, g.counts[i])
	}
	a.slots = g.slots
	if g.counts == [counted]int64{} { // too little is left to be set aside
		a.enough = time.Now().Add(recheck)
	}
}

// wait returns when an item has ended, or after a short time.
func (a *account) wait(ctx context.Context) error {
	timer := time.NewTimer(recheck)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-a.freed:
	case <-timer.C:
	}
	return nil
}
