package caps

import (
	"time"

	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// leaveStore continues with this replica's share of what was left of a caller's caps.
func (k *Keeper) leaveStore(a *account, err error) {
	if !k.away.Swap(true) {
		k.log.Warn("caps cannot be shared: this replica holds its callers to an equal share of them", zap.Error(err))
	}
	if a.apart > 0 {
		return
	}
	a.apart = k.replicas.Load()
	a.seen = a.seen.rolled(time.Now()).apart(a.apart)
}

// bounds returns the caps that hold for what is seen.
func (a *account) bounds() catalog.Caps {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.apart > 0 {
		return shareOf(a.caps, a.apart)
	}
	return a.caps
}

// exchangeAgain carries out an order of a tick, and returns why the store could not be
// asked. failed is why it could not be asked before in this tick, and so is not.
func (k *Keeper) exchangeAgain(a *account, o *order, failed error) error {
	if a.apart > 0 && failed == nil {
		failed = k.rejoin(a)
	}
	if failed == nil {
		failed = k.exchange(a, o)
	}
	if failed != nil {
		k.leaveStore(a, failed)
		_ = k.exchange(a, o) // no store is asked
	}
	return failed
}

// rejoin reads the store. What was used while it was away is entered by the next
// exchange.
func (k *Keeper) rejoin(a *account) error {
	own := a.seen
	if err := k.read(a); err != nil {
		return err
	}
	a.forget(own, a.seen.rolled(time.Now()))
	a.apart = 0
	return nil
}

// enterUsed adds what was used while the store was away.
func (k *Keeper) enterUsed(a *account, next *shared) {
	if a.apart > 0 {
		return
	}
	for i := range counted {
		next.Taken[i] += a.unentered[i]
	}
}

// forget drops what was used in an earlier minute or day.
func (a *account) forget(before, now shared) {
	if before.Minute < now.Minute {
		a.unentered[0] = 0
	}
	if before.Day < now.Day {
		a.unentered[1], a.unentered[2] = 0, 0
	}
}

// accept makes a grant the account's own.
func (a *account) accept(g grant, next shared) {
	if a.apart > 0 {
		a.forget(a.seen, next)
		for i := range counted {
			a.unentered[i] += g.counts[i]
		}
	}
	a.seen = next
	a.apply(g, &next)
}

func (a *account) foundReached(c catalog.Cap, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reached[c] = now.Add(recheck)
}

func (a *account) isReached(c catalog.Cap, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return now.Before(a.reached[c])
}
