package upstream_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// crowd is a gate of one worker that is busy, with a bound of 10, and the attempts
// that wait for it until the test ends.
type crowd struct {
	*upstream.Gate
	t       *testing.T
	ctx     context.Context //nolint:containedctx // what ends its waits
	waiting sync.WaitGroup
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	c := fixedPool(1)
	c.QueueBound = 10
	q := &crowd{Gate: mustGate(t, c), t: t}
	lease := mustLease(t, q.Gate)
	ctx, leave := context.WithCancel(context.Background())
	q.ctx = ctx
	t.Cleanup(func() {
		leave()
		q.waiting.Wait()
		lease.Settle(upstream.Result{})
		if s := q.Status(); s.QueuedInteractive != 0 || s.QueuedBulk != 0 {
			t.Errorf("%+v", s)
		}
		for _, p := range []catalog.Priority{catalog.Interactive, catalog.Bulk} {
			if err := q.Full(catalog.Caller{ID: "a"}, p); err != nil {
				t.Errorf("an empty queue is full: %v", err)
			}
		}
	})
	return q
}

// join has n attempts wait.
func (q *crowd) join(n int, caller catalog.Caller, p catalog.Priority) {
	for range n {
		q.waiting.Go(func() { _, _ = q.Acquire(q.ctx, upstream.Need{Caller: caller, Priority: p, Attempt: 1}) })
	}
	synctest.Wait()
}

// admits fails the test unless a new call is let in, or refused with those words.
func (q *crowd) admits(caller catalog.Caller, p catalog.Priority, refusal string) {
	q.t.Helper()
	err := q.Full(caller, p)
	if refusal == "" {
		if err != nil {
			q.t.Errorf("%v: %v", caller, err)
		}
		return
	}
	if !fault.Is(err, fault.ServerFull) || !strings.Contains(fault.From(err).Message, refusal) {
		q.t.Errorf("%v: %v, want a refusal with %q", caller, err, refusal)
	}
	if after := fault.From(err).RetryAfter; after < time.Second || after > time.Minute {
		q.t.Errorf("%v is to come again after %v", caller, after)
	}
}

func TestFull_IsTheQueueOfOneCallerAndClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newCrowd(t)
		a, b, c := catalog.Caller{ID: "a"}, catalog.Caller{ID: "b"}, catalog.Caller{ID: "c"}
		q.join(9, a, catalog.Bulk)
		q.admits(a, catalog.Bulk, "")
		q.join(1, a, catalog.Bulk)
		q.admits(a, catalog.Bulk, `10 bulk questions of "a" are waiting for the model already, and its share of the queue is 10`)
		q.admits(a, catalog.Interactive, "")
		q.admits(b, catalog.Interactive, "")
		q.admits(b, catalog.Bulk, "")

		q.join(4, b, catalog.Bulk)
		q.admits(b, catalog.Bulk, "")
		q.join(1, b, catalog.Bulk)
		q.admits(b, catalog.Bulk, `5 bulk questions of "b"`)
		q.admits(a, catalog.Bulk, "its share of the queue is 5")
		q.admits(c, catalog.Bulk, "")

		q.join(3, c, catalog.Bulk)
		q.admits(c, catalog.Bulk, `3 bulk questions of "c" are waiting for the model already, and its share of the queue is 3`)
		q.join(10, c, catalog.Interactive)
		q.admits(c, catalog.Interactive, `10 interactive questions of "c"`)
		q.admits(a, catalog.Interactive, "")
	})
}

func TestFull_NeverRefusesACallerWithNothingWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newCrowd(t)
		for i := range 30 { // three times as many callers as the bound has places
			caller := catalog.Caller{ID: fmt.Sprint("caller ", i)}
			q.admits(caller, catalog.Interactive, "")
			q.join(1, caller, catalog.Interactive)
		}
		q.admits(catalog.Caller{ID: "caller 3"}, catalog.Interactive, `1 interactive questions of "caller 3"`)
	})
}

func TestFull_CountsTheCallsOfAConnectionTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newCrowd(t)
		call := func(connection string, n int) catalog.Caller {
			return catalog.Caller{ID: fmt.Sprint("call:", n), Connection: connection}
		}
		for n := range 10 {
			q.join(1, call("one", n), catalog.Interactive)
		}
		q.admits(call("one", 10), catalog.Interactive, "10 interactive questions of this connection")
		q.admits(call("two", 11), catalog.Interactive, "")
	})
}
