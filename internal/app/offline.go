package app

import (
	"context"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// inTurn puts a backend that has no bounds of its own behind the gate, so that
// the pool, the queue and their figures are the same as with a model.
type inTurn struct {
	gate    *upstream.Gate
	backend classify.Backend
}

// Ask waits for a turn and has the backend answer.
func (b inTurn) Ask(ctx context.Context, q catalog.Question) (catalog.Answer, error) {
	lease, err := b.gate.Acquire(ctx, upstream.Need{Caller: q.Caller, Priority: q.Priority, Attempt: 1})
	if err != nil {
		return catalog.Answer{}, err
	}
	result := upstream.Result{Outcome: upstream.Abandoned}
	defer func() { lease.Settle(result) }()
	q.Calls.Enter()
	defer q.Calls.Leave()
	answer, err := b.backend.Ask(ctx, q)
	answer.Trace.QueueTime = lease.QueueTime()
	if err == nil {
		result.Outcome = upstream.Succeeded
	}
	return answer, err
}
