package classify

import (
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// group is a batch that is being filled.
type group struct {
	id       int64 // 0: numbered when it is sent
	kind     catalog.Kind
	outcomes []catalog.Outcome
	since    time.Time // first admission (in order) or first outcome (as completed)
	missing  int       // in order: outcomes that have not arrived
}

// place is an item's place in a batch. It is zero if outcomes are delivered as
// completed.
type place struct {
	group *group
	place int
}

// batcher makes batches of one call's outcomes. The goroutine that admits calls
// place, the one that delivers calls the other methods.
type batcher interface {
	// place returns the place of an admitted item.
	place(index int64, kind catalog.Kind, at time.Time) place
	// add adds an outcome and returns the groups that it makes ready.
	add(s place, o catalog.Outcome, now time.Time) []group
	// due returns the groups that have waited for long enough.
	due(now time.Time) []group
	// next returns the time at which due has a group to return. waiting is false if
	// there is none.
	next() (at time.Time, waiting bool)
	// close returns the groups that are ready once no further item is admitted.
	close() []group
	// rest returns the groups that are left after the last outcome.
	rest() []group
}

// asCompleted batches outcomes as they come. A group is ready when it is full,
// or when its first outcome has waited for delay.
type asCompleted struct {
	sizes [catalog.NumKinds]int
	delay time.Duration
	open  [catalog.NumKinds]group
}

func newAsCompleted(sizes [catalog.NumKinds]int, delay time.Duration) *asCompleted {
	return &asCompleted{sizes: sizes, delay: delay}
}

func (b *asCompleted) place(int64, catalog.Kind, time.Time) place { return place{} }

func (b *asCompleted) add(_ place, o catalog.Outcome, now time.Time) []group {
	g := &b.open[o.Kind]
	if len(g.outcomes) == 0 {
		*g = group{kind: o.Kind, since: now, outcomes: make([]catalog.Outcome, 0, min(b.sizes[o.Kind], 64))}
	}
	g.outcomes = append(g.outcomes, o)
	if len(g.outcomes) < b.sizes[o.Kind] {
		return nil
	}
	return b.take(func(kind catalog.Kind) bool { return kind == o.Kind })
}

func (b *asCompleted) due(now time.Time) []group {
	return b.take(func(kind catalog.Kind) bool { return now.Sub(b.open[kind].since) >= b.delay })
}

func (b *asCompleted) next() (at time.Time, waiting bool) {
	for kind := range b.open {
		g := &b.open[kind]
		if len(g.outcomes) == 0 {
			continue
		}
		if end := g.since.Add(b.delay); !waiting || end.Before(at) {
			at, waiting = end, true
		}
	}
	return at, waiting
}

func (b *asCompleted) close() []group { return nil }

func (b *asCompleted) rest() []group {
	return b.take(func(catalog.Kind) bool { return true })
}

// take removes and returns the groups of the given kinds, except empty ones.
func (b *asCompleted) take(which func(catalog.Kind) bool) []group {
	var ready []group
	for kind := range b.open {
		if len(b.open[kind].outcomes) > 0 && which(catalog.Kind(kind)) {
			ready = append(ready, b.open[kind])
			b.open[kind] = group{}
		}
	}
	return ready
}

// inOrder batches consecutive items of one kind, in the order of the call. A
// group is closed when it is full or an item of the other kind follows. Groups
// become ready in order, each when it is closed and complete.
type inOrder struct {
	sizes [catalog.NumKinds]int
	total int64                                        // items of the call, 0: not known
	began func(id int64, kind catalog.Kind, items int) // is called for each new group

	mu     sync.Mutex
	last   int64    // last number that was given
	groups []*group // not yet ready; the last one may be open
	open   *group
}

func newInOrder(sizes [catalog.NumKinds]int, total int64, began func(int64, catalog.Kind, int)) *inOrder {
	return &inOrder{sizes: sizes, total: total, began: began}
}

func (b *inOrder) place(index int64, kind catalog.Kind, at time.Time) place {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil || b.open.kind != kind {
		b.start(index, kind, at)
	}
	g := b.open
	s := place{group: g, place: len(g.outcomes)}
	g.outcomes = append(g.outcomes, catalog.Outcome{})
	g.missing++
	if len(g.outcomes) == b.sizes[kind] {
		b.open = nil
	}
	return s
}

// start opens a new group. The caller holds mu.
func (b *inOrder) start(index int64, kind catalog.Kind, at time.Time) {
	b.last++
	size := b.sizes[kind]
	if b.total > 0 {
		size = min(size, int(b.total-index))
	}
	b.open = &group{id: b.last, kind: kind, since: at, outcomes: make([]catalog.Outcome, 0, min(max(size, 1), 64))}
	b.groups = append(b.groups, b.open)
	b.began(b.last, kind, size)
}

func (b *inOrder) add(s place, o catalog.Outcome, _ time.Time) []group {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.group.outcomes[s.place] = o
	s.group.missing--
	return b.whole()
}

func (b *inOrder) close() []group {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open = nil
	return b.whole()
}

// whole removes and returns the groups in front that are closed and complete. The
// caller holds mu.
func (b *inOrder) whole() []group {
	var ready []group
	for len(b.groups) > 0 && b.groups[0] != b.open && b.groups[0].missing == 0 {
		ready = append(ready, *b.groups[0])
		b.groups[0] = nil
		b.groups = b.groups[1:]
	}
	return ready
}

func (b *inOrder) due(time.Time) []group   { return nil }
func (b *inOrder) next() (time.Time, bool) { return time.Time{}, false }
func (b *inOrder) rest() []group           { return nil }
