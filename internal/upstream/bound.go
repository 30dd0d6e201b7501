package upstream

import (
	"fmt"
	"math"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// queues counts the attempts of one class that wait, by the queue that they count
// in (catalog.Caller.Queue). What has none is not in it.
type queues struct {
	total   int
	byQueue map[string]int
}

// add notes that one more attempt waits (+1), or one less (-1).
func (q *queues) add(name string, by int) {
	q.total += by
	if q.byQueue[name] += by; q.byQueue[name] == 0 {
		delete(q.byQueue, name)
	}
}

// share returns how many attempts of one queue may wait: all queues have the same part
// of the bound, also one that is about to begin.
func (q *queues) share(name string, bound int) int {
	n := len(q.byQueue)
	if q.byQueue[name] == 0 {
		n++
	}
	return max(1, bound/n)
}

// Full returns a ServerFull fault with a time to come again if a new call of the
// caller is to be turned away: if as many attempts of its class wait as the
// configuration allows, and no fewer than the caller's share are its own. So a
// caller with nothing waiting is never turned away, whatever others have, and one
// class never fills the queue of the other. It is to be asked when a call arrives;
// a call that has been let in is never turned away by it.
func (g *Gate) Full(caller catalog.Caller, priority catalog.Priority) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	class := classOf(priority)
	q := &g.waiting[class]
	own, share := q.byQueue[caller.Queue()], q.share(caller.Queue(), g.queueBound)
	if q.total < g.queueBound || own < share {
		return nil
	}
	again := math.Ceil(min(max(float64(own-share/2)/max(g.pace(class), 1), 1), 60))
	return fault.New(fault.ServerFull, "%d %s questions of %s are waiting for the model already, and its share of the queue is %d: try again in %.0f s",
		own, className(class), queueName(caller), share, again).
		After(time.Duration(again) * time.Second)
}

// pace returns how many attempts a second one of the queues of a class may start, by
// what was started lately.
func (g *Gate) pace(class catalog.Priority) float64 {
	speed := 0.0
	for _, q := range g.groups {
		speed += q.recent.rate(g.now())
	}
	if class == catalog.Bulk && g.waiting[catalog.Interactive].total > 0 {
		speed *= g.floor.share
	}
	return speed / float64(max(1, len(g.waiting[class].byQueue)))
}

func className(class catalog.Priority) string {
	if class == catalog.Bulk {
		return "bulk"
	}
	return "interactive"
}

// queueName says whose queue it is.
func queueName(caller catalog.Caller) string {
	if caller.Connection != "" {
		return "this connection"
	}
	return fmt.Sprintf("%q", caller.ID)
}

// queued returns how many attempts wait in all.
func (g *Gate) queued() int {
	n := 0
	for i := range g.waiting {
		n += g.waiting[i].total
	}
	return n
}
