package caps

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Store keeps a small value under each key, for all replicas. It is safe for concurrent
// use.
type Store interface {
	// Read returns a value and its revision; nil and 0 if there is none.
	Read(ctx context.Context, key string) (value []byte, revision uint64, err error)
	// Replace stores a value if the key still has the revision, and returns the new
	// one; 0 if another value came first.
	Replace(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
}

// Callers returns the caps of a caller, and false for a caller without a name, which has
// none.
type Callers func(caller string) (catalog.Caps, bool)

// Keeper holds callers to their caps. It is safe for concurrent use. The caller of New
// closes it.
type Keeper struct {
	id       string // of this replica
	callers  Callers
	store    Store // nil: this replica is the only one
	log      *zap.Logger
	accounts sync.Map     // by name
	presence *account     // of all replicas, under a name that no caller has
	replicas atomic.Int64 // that were there last, this one included
	away     atomic.Bool
	stop     context.CancelFunc
	work     sync.WaitGroup
}

// New returns a keeper. Without a store it counts in memory, for this replica alone.
func New(callers Callers, store Store, id string, log *zap.Logger) *Keeper {
	k := &Keeper{id: id, callers: callers, store: store, log: log, presence: newAccount("/replicas", catalog.Caps{})}
	k.replicas.Store(1)
	ctx, stop := context.WithCancel(context.Background())
	k.stop = stop
	k.work.Go(func() { k.tickRegularly(ctx) })
	return k
}

// Close gives back what this replica holds. No item may be in flight any more.
func (k *Keeper) Close() {
	k.stop()
	k.work.Wait()
	k.tick(false)
	k.tick(true) // the first keeps what was in use within the last second
}

// Admit counts one more item of a caller in flight; Done must follow if it returns nil.
// Over a cap it waits for an item to end, or returns a CapReached fault with the cap and
// the time when the item would be admitted. A patient caller waits until then.
func (k *Keeper) Admit(ctx context.Context, caller string, terms catalog.Admission) error {
	a := k.account(caller)
	if a == nil {
		return nil
	}
	for {
		now := time.Now()
		a.mu.Lock()
		short, low, ok := a.enter(now)
		room := a.inFlight < a.slots
		known := !ok && now.Before(a.reached[short])
		bound := a.caps[short]
		if known && !terms.Waits(short) {
			a.stats.Refused[short]++
		}
		a.mu.Unlock()
		switch {
		case ok:
			if room {
				a.wake()
			}
			if low {
				k.refillSoon(a)
			}
			return nil
		case !known:
			if err := k.refillFor(ctx, a, short); err != nil {
				return err
			}
		case !terms.Waits(short):
			return refusal(caller, short, bound, now)
		default:
			if err := a.wait(ctx); err != nil {
				return err
			}
		}
	}
}

// refillFor takes what is short for one more item, unless that was found reached while it
// waited for its turn. The error is that of ctx.
func (k *Keeper) refillFor(ctx context.Context, a *account, short catalog.Cap) error {
	select {
	case a.exchanging <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-a.exchanging }()
	if !a.isReached(short, time.Now()) {
		k.refill(a, short)
	}
	return nil
}

// Done ends an item that was admitted, with the tokens that the model took for it.
func (k *Keeper) Done(caller string, tokens int64) {
	if a := k.account(caller); a != nil {
		a.leave(tokens)
	}
}

// refusal returns the fault for a cap that is reached.
func refusal(caller string, c catalog.Cap, bound int64, now time.Time) error {
	after := time.Second
	switch c {
	case catalog.CapItemsPerMinute:
		after = untilNext(now, minute)
	case catalog.CapItemsPerDay, catalog.CapTokensPerDay:
		after = untilNext(now, day)
	case catalog.CapJobs, catalog.CapJobBytes:
		after = time.Minute
	}
	f := fault.New(fault.CapReached, "the cap %v of %q is reached, which is %d: try again in %v, or ask the operator for more",
		c, caller, bound, after.Round(time.Second)).After(after)
	f.Cap = c.String()
	return f
}

func untilNext(now time.Time, seconds int64) time.Duration {
	return time.Unix((now.Unix()/seconds+1)*seconds, 0).Sub(now)
}

// account returns the account of a caller, nil for one without a name.
func (k *Keeper) account(caller string) *account {
	if a, ok := k.accounts.Load(caller); ok {
		return a.(*account)
	}
	caps, named := k.callers(caller)
	if !named {
		return nil
	}
	a, _ := k.accounts.LoadOrStore(caller, newAccount(caller, caps))
	return a.(*account)
}

// keyOf returns the key of a caller's value. Keys do not end with a dot, as names may.
func keyOf(caller string) string { return strings.ReplaceAll(caller, ".", "=") }

// tickRegularly renews the slots of all callers once a second, and gives back what they
// do not need.
func (k *Keeper) tickRegularly(ctx context.Context) {
	k.tick(false)
	for range catalog.Every(ctx, time.Second) {
		k.tick(false)
	}
}

// tick exchanges what has changed. last: this replica ends.
func (k *Keeper) tick(last bool) {
	failed := k.attend(last)
	for _, value := range k.accounts.Range {
		a := value.(*account)
		a.exchanging <- struct{}{}
		if o := k.tickOrder(a); o != nil {
			failed = k.exchangeAgain(a, o, failed)
		}
		<-a.exchanging
	}
	if failed == nil && k.away.Swap(false) {
		k.log.Info("caps are shared with the other replicas again")
	}
}

// attend enters this replica among those that are there, and counts them.
func (k *Keeper) attend(last bool) error {
	if k.store == nil {
		return nil
	}
	if err := k.read(k.presence); err != nil {
		return err
	}
	err := k.exchange(k.presence, &order{leave: last})
	k.replicas.Store(max(1, int64(len(k.presence.seen.Replicas))))
	return err
}

// tickOrder returns nil for an account that holds and uses nothing.
func (k *Keeper) tickOrder(a *account) *order {
	caps, _ := k.callers(a.name)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.caps = caps
	if a.peak == 0 && a.slots == 0 && a.left == [counted]int64{} && a.apart == 0 || caps == (catalog.Caps{}) {
		return nil
	}
	return a.tickOrder(time.Now())
}

// refillSoon refills an account in the background, unless that is in progress.
func (k *Keeper) refillSoon(a *account) {
	select {
	case a.exchanging <- struct{}{}:
	default:
		return
	}
	go func() { // it ends within the store's time, and Close waits for it by the lock
		defer func() { <-a.exchanging }()
		k.refill(a, catalog.NumCaps)
	}()
}

// refill takes a portion, and what is short for one more item, unless another goroutine
// has done so.
func (k *Keeper) refill(a *account, short catalog.Cap) {
	a.mu.Lock()
	o := a.refillOrder(time.Now(), short)
	a.mu.Unlock()
	if o.isEmpty() {
		return
	}
	if err := k.exchange(a, o); err != nil {
		k.leaveStore(a, err)
		_ = k.exchange(a, o) // no store is asked
	}
}

// errContended ends an exchange that other replicas were always faster than.
var errContended = errors.New("other replicas change the caps of the caller all the time")

// exchange carries out an order.
func (k *Keeper) exchange(a *account, o *order) error {
	const tries = 50
	alone := k.store == nil || a.apart > 0
	for fresh, try := alone, 0; try < tries; try++ {
		now := time.Now()
		next := a.seen.rolled(now)
		k.enterUsed(a, &next)
		g, reached, ok := next.take(k.id, now, a.bounds(), o)
		if !ok && fresh {
			a.foundReached(reached, now)
			return nil
		}
		if ok && !alone && k.changesNothing(a, g, o, now) {
			a.apply(g, &next)
			return nil
		}
		if ok && alone {
			a.accept(g, next)
			return nil
		}
		if ok {
			revision, err := k.replace(a, next)
			if err != nil {
				return err
			}
			if revision > 0 {
				a.revision, a.unentered = revision, [counted]int64{}
				a.accept(g, next)
				return nil
			}
		}
		if err := k.read(a); err != nil {
			return err
		}
		fresh = true
	}
	return errContended
}

// changesNothing reports whether what a replica gets need not be stored.
func (k *Keeper) changesNothing(a *account, g grant, o *order, now time.Time) bool {
	before := a.seen.Replicas[k.id]
	return g == grant{slots: before.Slots} && !o.leave && before.Until-now.Unix() > holdTime/2 && a.unentered == [counted]int64{}
}

// storeTime bounds one request to the store.
const storeTime = time.Second

func (k *Keeper) read(a *account) error {
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	value, revision, err := k.store.Read(ctx, keyOf(a.name))
	if err == nil {
		a.seen, a.revision = decodeShared(value), revision
	}
	return err
}

func (k *Keeper) replace(a *account, next shared) (uint64, error) {
	value, err := json.Marshal(next)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	return k.store.Replace(ctx, keyOf(a.name), value, a.revision)
}
