package llm

import (
	"context"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// timedAttempt makes an attempt within what is left of the question's budget,
// and charges it, unless there was no quota or the call was lost in an outage. A
// call into an outage is not bounded by it either, or it would end the item.
func (a *asking) timedAttempt(ctx context.Context, lease *upstream.Lease) ending {
	if a.question.Budget == 0 || lease.Probe() {
		return a.attempt(ctx, lease)
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, a.question.Budget-a.spent)
	defer cancel()
	end := a.attempt(ctx, lease)
	if end.how != throttled && (end.how != failed || end.advice.Counts) {
		a.spent += time.Since(start)
	}
	return end
}

// overspent returns the fault of a question whose budget is used up, nil while
// some is left.
func (a *asking) overspent() *fault.Fault {
	if a.question.Budget == 0 || a.spent < a.question.Budget || a.last == nil {
		return nil
	}
	return late(a.last, a.last)
}
