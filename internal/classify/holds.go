package classify

import (
	"sync"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// holds are the places in the backend's pool that answers keep until the sink has taken
// them. It is safe for concurrent use, and nil for a call without Hold.
type holds struct {
	mu    sync.Mutex
	items map[int64]func() // by their index, those that the sink has not taken; nil: no place
}

func newHolds() *holds { return &holds{items: map[int64]func(){}} }

func (h *holds) admitted(index int64) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.items[index] = nil
}

// of returns the Hold of an item's question.
func (h *holds) of(index int64) func(release func()) {
	if h == nil {
		return nil
	}
	return func(release func()) {
		if !h.keep(index, release) {
			release()
		}
	}
}

// keep returns false for an item that is over: work that others share may outlive it.
func (h *holds) keep(index int64, release func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, there := h.items[index]
	if there {
		h.items[index] = release
	}
	return there
}

// taken frees the place of an item that is over.
func (h *holds) taken(o *catalog.Outcome) {
	if h == nil {
		return
	}
	h.mu.Lock()
	release := h.items[o.Index]
	delete(h.items, o.Index)
	h.mu.Unlock()
	if release != nil {
		release()
	}
}

// free frees the place of an item that is asked again, by its text after its picture.
func (h *holds) free(index int64) {
	if h == nil {
		return
	}
	h.mu.Lock()
	release := h.items[index]
	if release != nil {
		h.items[index] = nil
	}
	h.mu.Unlock()
	if release != nil {
		release()
	}
}

// close frees all places, at the call's end.
func (h *holds) close() {
	if h == nil {
		return
	}
	h.mu.Lock()
	items := h.items
	h.items = nil
	h.mu.Unlock()
	for _, release := range items {
		if release != nil {
			release()
		}
	}
}
