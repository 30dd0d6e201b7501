package intake

import "time"

// Reservation is memory that a call takes in addition to what arrived for it, such as
// what a decompressor writes. It is not safe for concurrent use.
type Reservation struct {
	budget *Budget
	share  *share // of the call's caller; nil: not known
	held   int64
	until  time.Time // waiting ends; zero: it has not begun
}

// Reserve returns a reservation of no bytes yet, for a call. It counts towards the share
// of the call's caller. With a nil call it is bounded by the budget alone.
func (b *Budget) Reserve(in *Inbound) *Reservation {
	r := &Reservation{budget: b}
	if in != nil {
		r.share = in.account.share
	}
	return r
}

// Add reserves n more bytes if there is room, and reports whether there was.
func (r *Reservation) Add(n int64) bool {
	r.budget.mu.Lock()
	defer r.budget.mu.Unlock()
	return r.addLocked(n)
}

func (r *Reservation) addLocked(n int64) bool {
	free := r.budget.limit - r.budget.held
	if n > free || r.share != nil && r.share.held > max(free, SmallBytes) {
		return false
	}
	r.charge(n)
	return true
}

// charge takes n bytes, or gives them back if it is negative.
func (r *Reservation) charge(n int64) {
	r.held += n
	r.budget.held += n
	if r.share != nil {
		r.share.held += n
	}
}

// WaitAdd is Add that waits for room. It returns ErrFull when one reservation has
// waited since 5 s.
func (r *Reservation) WaitAdd(n int64) error {
	if r.until.IsZero() {
		r.until = time.Now().Add(Patience)
	}
	return r.budget.await(time.Until(r.until), nil, func() bool { return r.addLocked(n) })
}

// Release gives all of it back.
func (r *Reservation) Release() {
	r.budget.mu.Lock()
	defer r.budget.mu.Unlock()
	r.charge(-r.held)
	r.budget.wake()
}
