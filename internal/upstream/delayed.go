package upstream

import "container/heap"

// delayed holds the waiters whose not-before time is to come, the earliest on top.
type delayed []*waiter

func (d delayed) Len() int           { return len(d) }
func (d delayed) Less(i, j int) bool { return d[i].notBefore < d[j].notBefore }

func (d delayed) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}

// Push adds a waiter, for container/heap.
func (d *delayed) Push(x any) {
	w := x.(*waiter)
	w.index = len(*d)
	*d = append(*d, w)
}

// Pop takes the last waiter off, for container/heap.
func (d *delayed) Pop() any {
	old := *d
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*d = old[:len(old)-1]
	w.index = -1
	return w
}

// add puts a waiter in.
func (d *delayed) add(w *waiter) { heap.Push(d, w) }

// remove takes a waiter out.
func (d *delayed) remove(w *waiter) { heap.Remove(d, w.index) }

// due takes out the next waiter whose time has come, or returns nil and when
// that will be.
func (d *delayed) due(now instant) (*waiter, instant) {
	switch {
	case len(*d) == 0:
		return nil, never
	case (*d)[0].notBefore > now:
		return nil, (*d)[0].notBefore
	default:
		return heap.Pop(d).(*waiter), 0
	}
}
