package caps

import (
	"context"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// Stats are the figures of a caller on this replica, since its start.
type Stats struct {
	Items, Tokens int64
	Refused       catalog.Caps
	InFlight      int64
	Caps          catalog.Caps
}

// Stats returns the figures of the callers that were served.
func (k *Keeper) Stats() map[string]Stats {
	all := map[string]Stats{}
	for name, value := range k.accounts.Range {
		a := value.(*account)
		a.mu.Lock()
		s := a.stats
		s.InFlight, s.Caps = a.inFlight, a.caps
		a.mu.Unlock()
		all[name.(string)] = s
	}
	return all
}

// InUse returns what the callers use, on all replicas, of the caps that count items and
// tokens. Callers without caps are left out.
func (k *Keeper) InUse(ctx context.Context, callers []string) []catalog.CapsInUse {
	var all []catalog.CapsInUse
	for _, name := range callers {
		limits, _ := k.callers(name)
		if limits == (catalog.Caps{}) {
			continue
		}
		all = append(all, catalog.CapsInUse{Caller: name, Caps: limits, Used: k.look(ctx, name).used()})
	}
	return all
}

// look returns what the store has of a caller, else what is known here.
func (k *Keeper) look(ctx context.Context, name string) shared {
	if k.store != nil && !k.away.Load() {
		ctx, cancel := context.WithTimeout(ctx, storeTime)
		defer cancel()
		if value, _, err := k.store.Read(ctx, keyOf(name)); err == nil {
			return decodeShared(value).rolled(time.Now())
		}
	}
	a := k.account(name)
	if a == nil {
		return shared{}
	}
	a.exchanging <- struct{}{}
	defer func() { <-a.exchanging }()
	return a.seen.rolled(time.Now())
}

func (s shared) used() (used catalog.Caps) {
	for _, r := range s.Replicas {
		used[catalog.CapItemsInFlight] += r.Slots
	}
	for i, n := range s.Taken {
		used[cappedBy(i)] = n
	}
	return used
}
