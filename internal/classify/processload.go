package classify

import "sync"

const (
	// totalHeldWindows bounds the outcomes of all calls that no reader has taken, in
	// largest windows.
	totalHeldWindows = 20
	// totalInFlightWindows bounds the items in flight of all calls, each of which has
	// a goroutine, in largest windows of items with pictures.
	totalInFlightWindows = 2
	// leastWindow is the number of items that a call may hold in any case.
	leastWindow = 16
)

// processLoad counts the items that all calls of a process hold. A caller may hold as
// many as all callers leave free. So a caller that begins a hundred calls and reads
// none of them takes at most half of the room.
type processLoad struct {
	mu      sync.Mutex
	all     load
	callers map[string]*load
}

// load is a number of items in flight and of items that were not delivered.
type load struct{ inFlight, held int }

func (l *load) add(inFlight, held int) {
	l.inFlight += inFlight
	l.held += held
}

// enter counts one more item of a caller and returns true, unless that exceeds the
// caller's share of most. own is what the call holds, least what it may hold in any
// case.
func (c *processLoad) enter(caller string, own, least int, most load) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.callers == nil {
		c.callers = map[string]*load{}
	}
	share := c.callers[caller]
	if share == nil {
		share = &load{}
		c.callers[caller] = share
	}
	if own >= least && (share.inFlight >= most.inFlight-c.all.inFlight || share.held >= most.held-c.all.held) {
		return false
	}
	share.add(1, 1)
	c.all.add(1, 1)
	return true
}

// leave subtracts items of a caller.
func (c *processLoad) leave(caller string, inFlight, held int) {
	if inFlight == 0 && held == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all.add(-inFlight, -held)
	share := c.callers[caller]
	if share.add(-inFlight, -held); *share == (load{}) {
		delete(c.callers, caller)
	}
}
