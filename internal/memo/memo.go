package memo

import (
	"context"
	"time"

	"github.com/maypok86/otter/v2"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/singleflight"
)

// Config is how much is kept, and for how long.
type Config struct {
	// MemoryBytes is what the answers in memory may take, about. 0: 64 MiB.
	MemoryBytes int64
	// Age is how long an answer is good. 0: 30 days.
	Age time.Duration
	// ProvisionalAge is how long one is good that goes by where a picture was. 0: none
	// is kept by that.
	ProvisionalAge time.Duration
	// Bucket is behind the memory. Nil: nothing is.
	Bucket *Bucket
	// Log is told once of each time that the bucket fails. Nil: nobody.
	Log *zap.Logger
}

func (c Config) withDefaults() Config {
	if c.MemoryBytes == 0 {
		c.MemoryBytes = 64 << 20
	}
	if c.Age == 0 {
		c.Age = 30 * 24 * time.Hour
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	return c
}

// Memo keeps answers. It is safe for concurrent use. Whoever made it closes it.
type Memo struct {
	config  Config
	memory  *otter.Cache[catalog.Fingerprint, *entry]
	store   *store // nil: memory alone
	flights singleflight.Group[flightKey, catalog.Answer]
	counts  counts
}

// flightKey tells work in flight apart: a refresh is not satisfied by what may come
// from the bucket, an interactive call not by work that waits as bulk, and a job's item,
// whose time stands still during an outage, not by work that ends at a deadline.
type flightKey struct {
	key      catalog.Fingerprint
	policy   catalog.CachePolicy // CacheUse or CacheRefresh
	priority catalog.Priority
	budget   time.Duration
}

// others are the keys of work that is as good as that of k, the better ones first.
func (k flightKey) others() (keys []flightKey) {
	urgent := k
	if k.budget == 0 {
		urgent.priority = catalog.Interactive
	}
	for _, other := range []flightKey{urgent.refreshed(), k.refreshed(), urgent} {
		if other != k {
			keys = append(keys, other)
		}
	}
	return keys
}

func (k flightKey) refreshed() flightKey {
	k.policy = catalog.CacheRefresh
	return k
}

// entry is an answer that is kept. It is never changed.
type entry struct {
	answer catalog.Answer // with the time at which it was asked
	began  time.Time      // the work that found it
}

// New returns a memo. Where it has a bucket it tries for a moment to open it, and
// goes on trying in the background.
func New(config Config) *Memo {
	config = config.withDefaults()
	m := &Memo{config: config, flights: singleflight.Group[flightKey, catalog.Answer]{Bound: catalog.DefaultItemTimeout}, memory: otter.Must(&otter.Options[catalog.Fingerprint, *entry]{
		MaximumWeight: uint64(config.MemoryBytes),
		Weigher:       func(_ catalog.Fingerprint, e *entry) uint32 { return e.weight() },
		// Upkeep is short, and a goroutine for it would outlive the call.
		Executor: func(upkeep func()) { upkeep() },
	})}
	if config.Bucket != nil {
		m.store = openStore(*config.Bucket, config.Age, config.Log, &m.counts)
	}
	return m
}

// Close writes what is still to be written, for a moment. No call may be under way.
func (m *Memo) Close() {
	if m.store != nil {
		m.store.close()
	}
	m.memory.StopAllGoroutines()
}

// Do returns the answer that is kept under a key, or that is being worked on, or
// the one of work, which is kept if it has no error. The policy says which of
// these may be: with CacheRefresh nothing kept is used, and with CacheBypass
// nothing is kept, shared or used; no more is it by where a picture is, where the
// config allows that no age.
//
// The trace says that the answer was cached, or deduplicated for all who shared
// it but one, and then it has neither attempts nor tokens. The error is work's, or
// ctx's: see singleflight.Group.Share for callers who leave before its end.
func (m *Memo) Do(ctx context.Context, look catalog.Look, work catalog.Work) (catalog.Answer, error) {
	if look.Policy == catalog.CacheBypass || look.Provisional && m.config.ProvisionalAge == 0 {
		return work(ctx)
	}
	if answer := m.Recall(look); answer != nil {
		return *answer, nil
	}
	own := flightKey{look.Key, look.Policy, look.Priority, look.Budget}
	limit := readLimit(ctx) // of the caller's time, which may be less than that of the work
	answer, shared, err := m.flights.Share(ctx, singleflight.Request[flightKey, catalog.Answer]{
		Key: own, Instead: own.others(), Joined: look.Joined,
		Work: func(ctx context.Context) (catalog.Answer, error) { return m.find(ctx, look, limit, work) },
	})
	if shared {
		m.counts.shared.Add(1)
		answer.Trace = secondHand(answer.Trace)
		answer.Trace.Deduplicated = !answer.Trace.Cached
	}
	return answer, err
}

// Recall returns the answer that is in memory, nil if there is none that may be
// used. It takes less than a microsecond. The answer must not be changed.
func (m *Memo) Recall(look catalog.Look) *catalog.Answer {
	if look.Policy != catalog.CacheUse {
		return nil
	}
	e, ok := m.memory.GetIfPresent(look.Key)
	if !ok || m.isOld(look, e) {
		return nil
	}
	m.counts.memoryHits.Add(1)
	return &e.answer
}

func (m *Memo) isOld(look catalog.Look, e *entry) bool {
	return time.Since(e.answer.Asked) > m.config.Age ||
		look.Provisional && time.Since(e.began) > m.config.ProvisionalAge
}

// find is the work under way. It looks into the memory once more: other work for
// the key may have ended since the caller did.
func (m *Memo) find(ctx context.Context, look catalog.Look, limit time.Duration, work catalog.Work) (catalog.Answer, error) {
	if look.Policy == catalog.CacheUse {
		if answer := m.Recall(look); answer != nil {
			return *answer, nil
		}
		if e, ok := m.fromStore(ctx, look, limit); ok {
			return e.answer, nil
		}
		if !look.Provisional { // else another look follows
			m.counts.misses.Add(1)
		}
	}
	began := time.Now()
	answer, err := work(ctx)
	if err == nil {
		if answer.Asked.IsZero() { // else the work found it kept
			answer.Asked = began
		}
		m.keep(look.Key, newEntry(&answer, began))
	}
	return answer, err
}

func (m *Memo) fromStore(ctx context.Context, look catalog.Look, limit time.Duration) (*entry, bool) {
	if m.store == nil {
		return nil, false
	}
	e, ok := m.store.get(ctx, look.Key, limit)
	if !ok || m.isOld(look, e) {
		return nil, false
	}
	m.counts.storeHits.Add(1)
	m.remember(look.Key, e, func() {})
	return e, true
}

func (m *Memo) keep(key catalog.Fingerprint, e *entry) {
	m.remember(key, e, func() {
		if m.store != nil {
			m.store.put(written{key, e})
		}
	})
}

// remember puts an entry into the memory, unless one is there whose work began
// later. Entries of one key are passed on in the order in which they replace each
// other; pass must be quick, and not touch the memory.
func (m *Memo) remember(key catalog.Fingerprint, e *entry, pass func()) {
	m.memory.Compute(key, func(old *entry, found bool) (*entry, otter.ComputeOp) {
		if found && old.began.After(e.began) {
			return old, otter.CancelOp
		}
		pass()
		return e, otter.WriteOp
	})
}

// newEntry returns what is kept of an answer: what it says, and who says it.
func newEntry(a *catalog.Answer, began time.Time) *entry {
	e := &entry{answer: catalog.Answer{Verdict: a.Verdict, Trace: secondHand(a.Trace), Asked: a.Asked}, began: began}
	e.answer.Trace.Cached, e.answer.Trace.Deduplicated = true, false
	return e
}

// secondHand is a trace without what was counted already.
func secondHand(t catalog.Trace) catalog.Trace {
	t.Attempts, t.QueueTime, t.Latency, t.Usage = 0, 0, 0, catalog.Usage{}
	return t
}

// entryBytes is an entry's own memory, with its key and its place in the cache.
const entryBytes = 512

// weight is about the memory that an entry takes.
func (e *entry) weight() uint32 {
	v, t := &e.answer.Verdict, &e.answer.Trace
	n := entryBytes + len(v.Category) + len(v.PrimaryStyle) + len(v.SecondaryStyle) + len(v.Reasoning) +
		len(t.Backend) + len(t.Model) + len(t.Taxonomy) + len(t.PromptVersion)
	for _, tags := range [][]string{v.StyleTags, v.PlacementTags} {
		for _, tag := range tags {
			n += 16 + len(tag)
		}
	}
	return uint32(min(n, 1<<30))
}
