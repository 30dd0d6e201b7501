package intake

import "time"

// Reservation is memory that is charged to the budget and to no call, such as what a
// decompressor writes. It is not safe for concurrent use.
type Reservation struct {
	budget *Budget
	held   int64
	until  time.Time // waiting ends; zero: it has not begun
}

// Reserve returns a reservation of no bytes yet.
func (b *Budget) Reserve() *Reservation { return &Reservation{budget: b} }

// Add reserves n more bytes if there is room, and reports whether there was.
func (r *Reservation) Add(n int64) bool {
	r.budget.mu.Lock()
	defer r.budget.mu.Unlock()
	return r.addLocked(n)
}

func (r *Reservation) addLocked(n int64) bool {
	if r.budget.held+n > r.budget.limit {
		return false
	}
	r.budget.held += n
	r.held += n
	return true
}

// WaitAdd is Add that waits for room. It returns ErrFull when one reservation has
// waited since 5 s.
func (r *Reservation) WaitAdd(n int64) error {
	if r.until.IsZero() {
		r.until = time.Now().Add(Patience)
	}
	timer := time.NewTimer(time.Until(r.until))
	defer timer.Stop()
	for {
		freed, added := r.watch(n)
		if added {
			return nil
		}
		select {
		case <-freed:
			r.unwatch()
		case <-timer.C:
			r.unwatch()
			return ErrFull
		}
	}
}

// watch adds n bytes, or returns a channel that is closed when bytes are given back.
// unwatch ends the watch.
func (r *Reservation) watch(n int64) (freed <-chan struct{}, added bool) {
	r.budget.mu.Lock()
	defer r.budget.mu.Unlock()
	if r.addLocked(n) {
		return nil, true
	}
	r.budget.waiting++
	return r.budget.freed, false
}

func (r *Reservation) unwatch() {
	r.budget.mu.Lock()
	defer r.budget.mu.Unlock()
	r.budget.waiting--
}

// Release gives all of it back.
func (r *Reservation) Release() {
	r.budget.mu.Lock()
	defer r.budget.mu.Unlock()
	r.budget.held -= r.held
	r.held = 0
	r.budget.wake()
}
