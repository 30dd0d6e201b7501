package llm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// call is one of the two calls of an attempt, and what came of it.
type call struct {
	lease    *upstream.Lease
	number   int // from 1, of the question's calls
	res      response
	err      error
	began    time.Time
	ended    time.Time
	otherCut bool // the other call was cut off, and cost as much as this one
}

// good reports whether a completion came, usable or not: a proxy's page with
// status 200 is no reason to give up the other call.
func (c *call) good() bool {
	return c.err == nil && c.res.status >= 200 && c.res.status < 300 && readReply(c.res.body).found
}

// send makes the attempt's call. If hedging is on and the answer takes longer
// than almost all do, it makes the same call again if the gate has room to spare,
// and goes on with the better of the two. The returned call has the lease that is
// still to be settled; send settles the other one, whose cost counts too.
//
// Idea from Dean and Barroso, "The Tail at Scale", 2013.
func (a *asking) send(ctx context.Context, lease *upstream.Lease, where asked) call {
	a.answer.Trace.Attempts++
	after := lease.HedgeAfter()
	if !a.config.Hedge || after == 0 {
		c := call{lease: lease, number: a.answer.Trace.Attempts, began: time.Now()}
		c.res, c.err = a.post(ctx, lease)
		c.ended = time.Now()
		return c
	}
	return a.race(ctx, lease, where, after)
}

// race returns when a good answer has come, or when every call has failed. Both
// calls have ended by then. A lease goes back only when its call has ended, so
// that the server never sees more calls than the gate allows.
func (a *asking) race(ctx context.Context, lease *upstream.Lease, where asked, after time.Duration) call {
	var calls sync.WaitGroup
	defer calls.Wait()
	racing, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan call, 2) // room for both: no call waits for a reader
	start := func(l *upstream.Lease) {
		c := call{lease: l, number: a.answer.Trace.Attempts, began: time.Now()}
		calls.Go(func() {
			c.res, c.err = a.postSafely(racing, l)
			c.ended = time.Now()
			ended <- c
		})
	}
	start(lease)
	straggles := time.NewTimer(after)
	defer straggles.Stop()
	var other *upstream.Lease
	for {
		select {
		case got := <-ended:
			if other == nil {
				return got
			}
			if !got.good() {
				a.lose(ctx, &got)
				return <-ended
			}
			stop()
			lost := <-ended
			if got.otherCut = errors.Is(lost.err, context.Canceled); got.otherCut {
				a.called(ctx, &lost, &outcome{fault: fault.From(lost.err)})
				abandon(lost.lease)
			} else {
				a.lose(ctx, &lost)
			}
			return got
		case <-straggles.C:
			if other = a.second(where); other != nil {
				a.answer.Trace.Attempts++
				start(other)
			}
		}
	}
}

// second returns a lease for the same call again, nil if the gate has none to
// spare or the call would be another one there.
func (a *asking) second(where asked) *upstream.Lease {
	lease, ok := a.gate.Hedge(a.need)
	if !ok {
		return nil
	}
	if there, err := a.sites.of(lease, a.need.Model); err != nil || there != where {
		abandon(lease)
		return nil
	}
	return lease
}

// lose settles the worse call of the two. What read writes into the answer here, that of the
// better call overwrites.
func (a *asking) lose(ctx context.Context, c *call) {
	end := a.read(ctx, c.res, c.err, a.hidden(c.lease))
	a.called(ctx, c, &end)
	a.answer.Trace.Usage.Add(end.result.Usage)
	c.lease.Settle(end.result)
}

func abandon(lease *upstream.Lease) { lease.Settle(upstream.Result{Outcome: upstream.Abandoned}) }

// postSafely is post for a goroutine of its own, which must recover from panics itself.
func (a *asking) postSafely(ctx context.Context, lease *upstream.Lease) (res response, err error) {
	defer func() {
		if v := recover(); v != nil {
			res, err = response{}, fmt.Errorf("the call panicked: %v", v)
		}
	}()
	return a.post(ctx, lease)
}
