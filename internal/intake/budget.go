package intake

import (
	"errors"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

const (
	// DefaultLimit is a Budget's limit if the configuration gives none.
	DefaultLimit = 256 << 20
	// SmallBytes is how much a caller may hold however full the budget is, and up to
	// which a call counts as a small one. It is all that a connection may hold
	// in calls that were not authorised.
	SmallBytes = 64 << 10
	// smallPart is the part of the budget that small calls may have in addition.
	smallPart = 16
	// strangersPart is the part of the budget's size that strangers may hold together.
	// It is in addition to the budget: authorised callers lose nothing by it.
	strangersPart = 8
	// tinyBytes is how much a stranger may hold however many there are, so that the
	// health of the server can always be asked for.
	tinyBytes = 4 << 10
	// Patience is how long reading waits for room before a call is given up.
	Patience = 5 * time.Second
)

// ErrFull is the fault of a call for which there was no room.
var ErrFull = fault.New(fault.ServerFull,
	"the server holds as many large requests of this caller as it can: send this one again later").After(Patience)

// Budget bounds the bytes that all callers together hold, and gives each of them a
// share: a caller may hold as much as all callers leave free. One alone may hold
// half of the budget, two a third each, and however many there are, the next one
// finds room. It is the rule by which switches share their buffers (Choudhury and
// Hahne, Dynamic Queue Length Thresholds for Shared-Memory Packet Switches, 1998).
//
// Its methods are safe for concurrent use.
type Budget struct {
	limit int64

	mu        sync.Mutex
	held      int64 // of authorised callers
	strangers int64 // held by the others
	shares    map[string]*share
	waiting   int
	freed     chan struct{} // closed when bytes are given back while someone waits
}

// share is what one caller holds.
type share struct {
	held     int64
	accounts int
}

// New returns a budget of so many bytes; 0: DefaultLimit.
func New(limit int64) *Budget {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Budget{limit: limit, shares: map[string]*share{}, freed: make(chan struct{})}
}

// Held returns how many bytes are held.
func (b *Budget) Held() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held + b.strangers
}

// wake has those that wait look again, after bytes were given back.
func (b *Budget) wake() {
	if b.waiting > 0 {
		close(b.freed)
		b.freed = make(chan struct{})
	}
}

// account is what one call holds of its caller's share.
type account struct {
	budget *Budget
	caller string
	total  *int64 // the budget's, of authorised callers or of strangers

	// Guarded by the budget.
	share  *share
	held   int64
	closed bool
}

func (b *Budget) open(caller string, total *int64) *account {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.shares[caller]
	if s == nil {
		s = &share{}
		b.shares[caller] = s
	}
	s.accounts++
	return &account{budget: b, caller: caller, total: total, share: s}
}

// add charges n bytes, or gives them back if n is negative.
func (a *account) add(n int64) {
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	a.addLocked(n)
}

func (a *account) addLocked(n int64) {
	if a.closed {
		return
	}
	n = max(n, -a.held)
	a.held += n
	a.share.held += n
	*a.total += n
	if n < 0 {
		a.budget.wake()
	}
}

// close gives back everything. Later charges have no effect.
func (a *account) close() {
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	if a.closed {
		return
	}
	a.addLocked(-a.held)
	a.closed = true
	if a.share.accounts--; a.share.accounts == 0 {
		delete(a.budget.shares, a.caller)
	}
}

// full reports whether the caller may not send more now.
func (a *account) full() bool {
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	return a.fullLocked()
}

func (a *account) fullLocked() bool {
	free := a.budget.limit - a.budget.held
	switch {
	case a.closed, a.held == 0:
		return false
	case a.total == &a.budget.strangers:
		return a.share.held > SmallBytes || (a.share.held > tinyBytes && *a.total > a.budget.limit/strangersPart)
	case a.share.held <= SmallBytes:
		return false
	case a.held <= SmallBytes:
		return a.share.held > free+a.budget.limit/smallPart
	default:
		return a.share.held > free
	}
}

// awaitRoom returns when the caller may send more, or with an error of await after
// Patience or when stop is closed.
func (a *account) awaitRoom(stop <-chan struct{}) error {
	return a.budget.await(Patience, stop, func() bool { return !a.fullLocked() })
}

// errStopped is await's error when its caller does not wait any longer.
var errStopped = errors.New("the wait was stopped")

// await waits until ready reports true. It calls ready with the lock held, at first and
// each time that bytes are given back. It returns ErrFull after the time, and errStopped
// when stop is closed.
func (b *Budget) await(within time.Duration, stop <-chan struct{}, ready func() bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var over <-chan time.Time
	for err := error(nil); !ready(); {
		if over == nil {
			over = time.After(within)
		}
		freed := b.freed
		b.waiting++
		b.mu.Unlock()
		select {
		case <-freed:
		case <-over:
			err = ErrFull
		case <-stop:
			err = errStopped
		}
		b.mu.Lock()
		if b.waiting--; err != nil {
			return err
		}
	}
	return nil
}
