package upstream

import (
	"container/heap"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// caller is one who asks. It exists while it waits or has calls in flight.
type caller struct {
	id       string
	inFlight int
	waiting  int
	turns    []*turn // those that are in a heap now
}

// callers counts what each caller has in flight, for the whole process.
type callers map[string]*caller

func (cs callers) get(id string) *caller {
	c := cs[id]
	if c == nil {
		c = &caller{id: id}
		cs[id] = c
	}
	return c
}

// move changes what the caller has in flight, and its place in every order.
func (cs callers) move(c *caller, by int) {
	c.inFlight += by
	for _, t := range c.turns {
		heap.Fix(&t.class.turns, t.index)
	}
	cs.drop(c)
}

// drop forgets a caller that has nothing left.
func (cs callers) drop(c *caller) {
	if c.inFlight == 0 && c.waiting == 0 {
		delete(cs, c.id)
	}
}

// fifo is a list of waiters, linked through themselves.
type fifo struct{ head, tail *waiter }

func (f *fifo) push(w *waiter) {
	w.prev, w.next, w.list = f.tail, nil, f
	if f.tail == nil {
		f.head = w
	} else {
		f.tail.next = w
	}
	f.tail = w
}

func (f *fifo) remove(w *waiter) {
	if w.prev == nil {
		f.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		f.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next, w.list = nil, nil, nil
}

// turn is one caller's waiters in one class.
type turn struct {
	class  *class
	caller *caller
	fifo
	index int
}

// turnHeap has the caller with the fewest calls in flight on top; of equals, the
// one whose first waiter came first.
type turnHeap []*turn

func (h turnHeap) Len() int { return len(h) }

func (h turnHeap) Less(i, j int) bool {
	if h[i].caller.inFlight != h[j].caller.inFlight {
		return h[i].caller.inFlight < h[j].caller.inFlight
	}
	return h[i].head.order < h[j].head.order
}

func (h turnHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push adds a turn, for container/heap.
func (h *turnHeap) Push(x any) {
	t := x.(*turn)
	t.index = len(*h)
	*h = append(*h, t)
}

// Pop takes the last turn off, for container/heap.
func (h *turnHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return t
}

// class is the waiters of one priority: retries first, in order, since their
// items have waited longest; then fresh ones by max-min fairness.
type class struct {
	retries fifo
	turns   turnHeap
	byID    map[string]*turn
	waiting int
}

func (c *class) push(w *waiter) {
	c.waiting++
	if w.need.Attempt > 1 {
		c.retries.push(w)
		return
	}
	t := c.byID[w.caller.id]
	if t == nil {
		t = &turn{class: c, caller: w.caller}
		c.byID[w.caller.id] = t
	}
	t.push(w)
	if t.head == w {
		heap.Push(&c.turns, t)
		w.caller.turns = append(w.caller.turns, t)
	}
	w.turn = t
}

func (c *class) remove(w *waiter) {
	c.waiting--
	t := w.turn
	if t == nil {
		c.retries.remove(w)
		return
	}
	w.turn = nil
	t.remove(w)
	if t.head != nil {
		heap.Fix(&c.turns, t.index)
		return
	}
	heap.Remove(&c.turns, t.index)
	delete(c.byID, w.caller.id)
	for i, other := range w.caller.turns {
		if other == t {
			last := len(w.caller.turns) - 1
			w.caller.turns[i] = w.caller.turns[last]
			w.caller.turns = w.caller.turns[:last]
			break
		}
	}
}

// first returns the waiter whose turn it is, or nil.
func (c *class) first() *waiter {
	switch {
	case c.retries.head != nil:
		return c.retries.head
	case len(c.turns) > 0:
		return c.turns[0].head
	default:
		return nil
	}
}

// each calls f for every waiter; f may remove the one that it is called with.
func (c *class) each(f func(*waiter)) {
	visit := func(w *waiter) {
		for w != nil {
			next := w.next
			f(w)
			w = next
		}
	}
	visit(c.retries.head)
	for _, t := range append(turnHeap(nil), c.turns...) {
		visit(t.head)
	}
}

// numClasses is how many priorities there are.
const numClasses = int(catalog.Bulk) + 1

// floor lets bulk calls have their share of the starts while interactive ones
// wait too, so that they never starve.
type floor struct {
	share float64
	owed  float64
}

// order returns the sequence in which the classes are asked.
func (f *floor) order() [numClasses]catalog.Priority {
	if f.owed >= 1 {
		return [...]catalog.Priority{catalog.Bulk, catalog.Interactive}
	}
	return [...]catalog.Priority{catalog.Interactive, catalog.Bulk}
}

// started notes a start in one class while another may be waiting.
func (f *floor) started(p catalog.Priority, bulkWaits bool) {
	switch {
	case p == catalog.Bulk:
		f.owed = max(0, f.owed-1)
	case bulkWaits:
		// One start at most: what waits for a time of its own cannot use its share,
		// and must not save it up.
		f.owed = min(f.owed+f.share, 1)
	}
}
