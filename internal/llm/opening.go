package llm

import (
	"context"
	"sync"
	"time"
)

// openings keep the first question for a model alone until it is known how the model is
// to be asked: a refusal then costs one call and not one for every slot of the pool. If the
// first is slow, one more follows each second.
type openings struct {
	mu     sync.Mutex
	models map[string]*opening
}

// opening is one model's. It is guarded by its openings.
type opening struct {
	open     bool
	inside   int
	failures int
	last     time.Time     // when the last one entered
	change   chan struct{} // closed and replaced when one leaves or all may enter
}

const (
	// followEvery is how often one more may enter while the first ones wait for an answer.
	followEvery = time.Second
	// openAfter is how many may fail alone before all others may try too.
	openAfter = 3
)

// entry is a question's place among the first for its model. Nil: the model is known.
type entry struct {
	of    *openings
	model *opening
}

// enter waits until a question for the model may ask for a lease. The entry is left once.
func (o *openings) enter(ctx context.Context, model string) (*entry, error) {
	for {
		e, wait, change := o.tryEnter(model)
		if change == nil {
			return e, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-change:
		case <-timer.C:
		case <-ctx.Done():
		}
		if timer.Stop(); ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// tryEnter returns the question's entry, nil if it needs none, or what to wait for.
func (o *openings) tryEnter(model string) (*entry, time.Duration, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	m := o.models[model]
	if m == nil {
		if o.models == nil {
			o.models = map[string]*opening{}
		}
		m = &opening{change: make(chan struct{})}
		o.models[model] = m
	}
	if m.open {
		return nil, 0, nil
	}
	if wait := time.Until(m.last.Add(followEvery)); m.inside > 0 && wait > 0 {
		return nil, wait, m.change
	}
	m.inside++
	m.last = time.Now()
	return &entry{o, m}, 0, nil
}

// leave gives the entry back. If the model is known now, or too many questions have failed,
// all others may enter. Later calls have no effect.
func (e *entry) leave(known, failed bool) {
	if e == nil || e.model == nil {
		return
	}
	e.of.mu.Lock()
	defer e.of.mu.Unlock()
	m := e.model
	e.model = nil
	m.inside--
	if failed {
		m.failures++
	}
	m.open = m.open || known || m.failures >= openAfter
	close(m.change)
	m.change = make(chan struct{})
}
