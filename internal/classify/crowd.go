package classify

import "sync"

const (
	// crowdWindows is how many of the largest windows all calls together may fill
	// with outcomes that no reader has taken, and crowdPictured how many of those of
	// pictures with items in flight, each of which has a goroutine.
	crowdWindows  = 20
	crowdPictured = 2
	// leastWindow is what a call may hold however many others there are.
	leastWindow = 16
)

// crowd counts the items that all calls of a process hold. A caller may hold as many
// as all callers leave free, so that one who begins a hundred calls, and reads none
// of them, takes half of the memory for them at most, and others find room.
type crowd struct {
	mu      sync.Mutex
	all     load
	callers map[string]*load
}

// load is how many items are in flight, and how many have not been delivered.
type load struct{ underWay, held int }

func (l *load) add(underWay, held int) {
	l.underWay += underWay
	l.held += held
}

// enter counts one more item of a caller, whose call holds own, unless that would be
// more than its share of most. least is what its call may hold in any case.
func (c *crowd) enter(caller string, own, least int, most load) bool {
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
	if own >= least && (share.underWay >= most.underWay-c.all.underWay || share.held >= most.held-c.all.held) {
		return false
	}
	share.add(1, 1)
	c.all.add(1, 1)
	return true
}

// leave takes items of a caller off.
func (c *crowd) leave(caller string, underWay, held int) {
	if underWay == 0 && held == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all.add(-underWay, -held)
	share := c.callers[caller]
	if share.add(-underWay, -held); *share == (load{}) {
		delete(c.callers, caller)
	}
}
