package cache

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/maypok86/otter/v2"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/singleflight"
)

// Config bounds the answers that are kept, and their age.
type Config struct {
	// MemoryBytes is the approximate memory for answers. 0: 64 MiB.
	MemoryBytes int64
	// TTL is how long an answer is used again. 0: 30 days.
	TTL time.Duration
	// ProvisionalTTL is the same for an answer by its picture's address. 0: none is kept
	// by an address.
	ProvisionalTTL time.Duration
	// Bucket is behind the memory. Nil: there is none.
	Bucket *Bucket
	// Log gets a line whenever the bucket begins to fail. Nil: no log.
	Log *zap.Logger
}

func (c Config) withDefaults() Config {
	c.MemoryBytes = cmp.Or(c.MemoryBytes, 64<<20)
	c.TTL = cmp.Or(c.TTL, 30*24*time.Hour)
	c.Log = cmp.Or(c.Log, zap.NewNop())
	return c
}

// Cache keeps answers. It is safe for concurrent use.
type Cache struct {
	config   Config
	memory   *otter.Cache[catalog.Fingerprint, *entry]
	store    *store // nil: memory alone
	inFlight singleflight.Group[workKey, catalog.Answer]
	counts   counts
}

// workKey identifies work in flight: a refresh is not satisfied by an answer that may
// come from the bucket, an interactive call not by work that waits as bulk, and a job's
// item, whose time stands still during an outage, not by work that ends at a deadline.
type workKey struct {
	key      catalog.Fingerprint
	policy   catalog.CachePolicy // CacheUse or CacheRefresh
	priority catalog.Priority
	budget   time.Duration
}

// alternatives returns the keys of work that can replace that of k, the better ones first.
func (k workKey) alternatives() (keys []workKey) {
	interactive := k
	if k.budget == 0 {
		interactive.priority = catalog.Interactive
	}
	for _, other := range []workKey{interactive.refresh(), k.refresh(), interactive} {
		if other != k {
			keys = append(keys, other)
		}
	}
	return keys
}

func (k workKey) refresh() workKey {
	k.policy = catalog.CacheRefresh
	return k
}

// entry is an answer that is kept. It is never changed.
type entry struct {
	answer catalog.Answer // with the time at which it was asked
	began  time.Time      // the work that found it
}

// New returns a cache, which the caller must Close. It tries to open its bucket for up to
// two seconds, and then in the background.
func New(config Config) *Cache {
	config = config.withDefaults()
	c := &Cache{config: config, memory: otter.Must(&otter.Options[catalog.Fingerprint, *entry]{
		MaximumWeight: uint64(config.MemoryBytes),
		Weigher:       func(_ catalog.Fingerprint, e *entry) uint32 { return e.weight() },
		// Upkeep is short, and a goroutine for it would outlive the call.
		Executor: func(upkeep func()) { upkeep() },
	})}
	c.inFlight.Bound = catalog.DefaultItemTimeout
	if config.Bucket != nil {
		c.store = openStore(*config.Bucket, config.TTL, config.Log, &c.counts)
	}
	return c
}

// Close writes the answers in the queue, for up to two seconds. No call may be in flight.
func (c *Cache) Close() {
	if c.store != nil {
		c.store.close()
	}
	c.memory.StopAllGoroutines()
}

// Do returns the answer that is kept under a key, or the one of work in flight, or the
// one of work, which is kept if it has no error. With the policy CacheRefresh no kept
// answer is used. With CacheBypass nothing is kept, shared or used; the same holds for a
// provisional lookup if ProvisionalTTL is 0.
//
// The trace of a kept answer is marked as cached, and that of shared work as deduplicated,
// for all callers except one. Such a trace has neither attempts nor tokens. A caller that
// shared work during an outage of the model's server tries once more. The error is work's, or ctx's:
// see singleflight.Group.Share for callers that leave before its end.
func (c *Cache) Do(ctx context.Context, lookup catalog.Lookup, work catalog.Work) (catalog.Answer, error) {
	if lookup.Policy == catalog.CacheBypass || lookup.Provisional && c.config.ProvisionalTTL == 0 {
		return work(ctx)
	}
	if answer := c.Recall(lookup); answer != nil {
		return *answer, nil
	}
	answer, shared, err := c.share(ctx, lookup, work)
	if shared && fault.Is(err, fault.UpstreamUnavailable) && ctx.Err() == nil {
		// The caller that began the work may have had less time to wait for the server.
		away := err
		if answer, shared, err = c.share(ctx, lookup, work); errors.Is(err, context.DeadlineExceeded) {
			err = away
		}
	}
	if shared {
		c.counts.shared.Add(1)
		answer.Trace = secondHand(answer.Trace)
		answer.Trace.Deduplicated = !answer.Trace.Cached
	}
	return answer, err
}

// share joins work in flight or begins it.
func (c *Cache) share(ctx context.Context, lookup catalog.Lookup, work catalog.Work) (catalog.Answer, bool, error) {
	own := workKey{lookup.Key, lookup.Policy, lookup.Priority, lookup.Budget}
	limit := readLimit(ctx) // of the caller's time, which may be less than that of the work
	return c.inFlight.Share(ctx, singleflight.Request[workKey, catalog.Answer]{
		Key: own, Instead: own.alternatives(), Joined: lookup.Joined,
		Work: func(ctx context.Context) (catalog.Answer, error) { return c.find(ctx, lookup, limit, work) },
	})
}

// Recall returns the answer that is in memory, nil if there is none that may be used. It
// takes less than a microsecond. The answer must not be changed.
func (c *Cache) Recall(lookup catalog.Lookup) *catalog.Answer {
	if lookup.Policy != catalog.CacheUse {
		return nil
	}
	e, ok := c.memory.GetIfPresent(lookup.Key)
	if !ok || c.expired(lookup, e) {
		return nil
	}
	c.counts.memoryHits.Add(1)
	return &e.answer
}

func (c *Cache) expired(lookup catalog.Lookup, e *entry) bool {
	return time.Since(e.answer.Asked) > c.config.TTL ||
		lookup.Provisional && time.Since(e.began) > c.config.ProvisionalTTL
}

// find is the work in flight. It looks into the memory once more: other work for the key
// may have ended since the caller did.
func (c *Cache) find(ctx context.Context, lookup catalog.Lookup, limit time.Duration, work catalog.Work) (catalog.Answer, error) {
	if lookup.Policy == catalog.CacheUse {
		if answer := c.Recall(lookup); answer != nil {
			return *answer, nil
		}
		if e, ok := c.fromStore(ctx, lookup, limit); ok {
			return e.answer, nil
		}
		if !lookup.Provisional { // else another lookup follows
			c.counts.misses.Add(1)
		}
	}
	began := time.Now()
	answer, err := work(ctx)
	if err == nil {
		if answer.Asked.IsZero() { // else the work found it kept
			answer.Asked = began
		}
		c.keep(lookup.Key, newEntry(&answer, began))
	}
	return answer, err
}

func (c *Cache) fromStore(ctx context.Context, lookup catalog.Lookup, limit time.Duration) (*entry, bool) {
	if c.store == nil {
		return nil, false
	}
	e, ok := c.store.get(ctx, lookup.Key, limit)
	if !ok || c.expired(lookup, e) {
		return nil, false
	}
	c.counts.storeHits.Add(1)
	c.remember(lookup.Key, e, func() {})
	return e, true
}

func (c *Cache) keep(key catalog.Fingerprint, e *entry) {
	c.remember(key, e, func() {
		if c.store != nil {
			c.store.put(written{key, e})
		}
	})
}

// remember puts an entry into the memory, unless one is there whose work began later.
// Entries of one key are passed on in the order in which they replace each other; pass
// must be quick, and not touch the memory.
func (c *Cache) remember(key catalog.Fingerprint, e *entry, pass func()) {
	c.memory.Compute(key, func(old *entry, found bool) (*entry, otter.ComputeOp) {
		if found && old.began.After(e.began) {
			return old, otter.CancelOp
		}
		pass()
		return e, otter.WriteOp
	})
}

// newEntry returns what is kept of an answer: what it says, and which model says it.
func newEntry(a *catalog.Answer, began time.Time) *entry {
	e := &entry{answer: catalog.Answer{Classification: a.Classification, Trace: secondHand(a.Trace), Asked: a.Asked}, began: began}
	e.answer.Trace.Cached, e.answer.Trace.Deduplicated = true, false
	return e
}

// secondHand returns a trace without the figures that were counted before.
func secondHand(t catalog.Trace) catalog.Trace {
	t.Attempts, t.QueueTime, t.Latency, t.Usage = 0, 0, 0, catalog.Usage{}
	return t
}

// entryBytes is an entry's own memory, with its key and its place in the cache.
const entryBytes = 512

// weight returns the approximate memory of an entry, in bytes.
func (e *entry) weight() uint32 {
	v, t := &e.answer.Classification, &e.answer.Trace
	n := entryBytes + len(v.Category) + len(v.PrimaryStyle) + len(v.SecondaryStyle) + len(v.Reasoning) +
		len(t.Backend) + len(t.Model) + len(t.Taxonomy) + len(t.PromptVersion)
	for _, tags := range [][]string{v.StyleTags, v.PlacementTags} {
		for _, tag := range tags {
			n += 16 + len(tag)
		}
	}
	for i := range v.Alternatives {
		n += 24 + len(v.Alternatives[i].Category)
	}
	return uint32(min(n, 1<<30))
}
