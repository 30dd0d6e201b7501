package classify

import "sync"

const (
	// crowdWindows is how many of the largest windows all calls together may fill,
	// with items in flight and outcomes that no reader has taken.
	crowdWindows = 20
	// leastWindow is what a call may hold however many others there are.
	leastWindow = 16
)

// crowd counts the items that all calls of a process hold. A caller may hold as many
// as all callers leave free, so that one who begins a hundred calls, and reads none
// of them, takes half of the memory for them at most, and others find room.
type crowd struct {
	mu      sync.Mutex
	held    int
	callers map[string]int
}

// enter counts one more item of a caller, whose call holds own, unless that would be
// more than its share of most. least is what its call may hold in any case.
func (c *crowd) enter(caller string, own, least, most int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if own >= least && c.callers[caller] >= most-c.held {
		return false
	}
	if c.callers == nil {
		c.callers = map[string]int{}
	}
	c.held++
	c.callers[caller]++
	return true
}

// leave takes n items of a caller off.
func (c *crowd) leave(caller string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held -= n
	if c.callers[caller] -= n; c.callers[caller] <= 0 {
		delete(c.callers, caller)
	}
}
