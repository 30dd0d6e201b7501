package llm

import (
	"context"
	"slices"
	"sync"
	"time"
)

// openings keep the first question for a model alone until it is known how the model is
// to be asked: a refusal then costs one call and not one for every slot of the pool. If the
// first is slow, one more follows each second. Questions enter in the order in which they came.
type openings struct {
	mu     sync.Mutex
	models map[string]*opening
}

// opening is one model's. It is guarded by its openings.
type opening struct {
	open     bool
	inside   int
	failures int
	last     time.Time // when the last one entered
	waiting  []*entry  // the first to enter first
	// passing is the one that has entered after the others were let in, and has no place
	// in the gate's queue yet: until then the next one waits, or it could overtake it.
	passing *entry
}

const (
	// followEvery is how often one more may enter while the first ones wait for an answer.
	followEvery = time.Second
	// openAfter is how many may fail alone before all others may try too.
	openAfter = 3
)

// entry is a question's place among those that came before the model was known. Nil: it
// came later.
type entry struct {
	of    *openings
	model *opening
	turn  chan struct{} // is closed when the question may enter
	first bool          // of those that find out how the model is to be asked
}

// enter waits until a question for the model may ask for a lease. The entry is left once.
func (o *openings) enter(ctx context.Context, model string) (*entry, error) {
	e := o.join(model)
	if e == nil {
		return nil, nil
	}
	for {
		timer := time.NewTimer(o.untilNext(e.model))
		select {
		case <-e.turn:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			e.giveUp()
			return nil, ctx.Err()
		}
		if e.mayEnter() {
			return e, nil
		}
	}
}

// join returns a new entry, nil if the model is known and none wait for it.
func (o *openings) join(model string) *entry {
	o.mu.Lock()
	defer o.mu.Unlock()
	m := o.models[model]
	if m == nil {
		if o.models == nil {
			o.models = map[string]*opening{}
		}
		m = &opening{}
		o.models[model] = m
	}
	if m.open && len(m.waiting) == 0 && m.passing == nil {
		return nil
	}
	e := &entry{of: o, model: m, turn: make(chan struct{})}
	m.waiting = append(m.waiting, e)
	m.advance()
	return e
}

// untilNext returns when one more may enter although the first ones wait for an answer.
func (o *openings) untilNext(m *opening) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if m.open {
		return followEvery // the one before this one lets it in
	}
	return time.Until(m.last.Add(followEvery))
}

// advance lets in those whose turn it is.
func (m *opening) advance() {
	for len(m.waiting) > 0 {
		next := m.waiting[0]
		switch {
		case m.open && m.passing == nil:
			m.passing = next
		case !m.open && (m.inside == 0 || time.Since(m.last) >= followEvery):
			next.first = true
			m.inside++
			m.last = time.Now()
		default:
			return
		}
		m.waiting[0] = nil
		m.waiting = m.waiting[1:]
		close(next.turn)
	}
}

// mayEnter reports whether it is the question's turn.
func (e *entry) mayEnter() bool {
	e.of.mu.Lock()
	defer e.of.mu.Unlock()
	e.model.advance()
	select {
	case <-e.turn:
		return true
	default:
		return false
	}
}

// giveUp ends the question's wait.
func (e *entry) giveUp() {
	e.of.mu.Lock()
	at := slices.Index(e.model.waiting, e)
	if at >= 0 {
		e.model.waiting = slices.Delete(e.model.waiting, at, at+1)
	}
	e.of.mu.Unlock()
	if at < 0 {
		e.leave(false, false)
	}
}

// asked lets the next question in, now that this one has its place in the gate's queue.
func (e *entry) asked() {
	if e == nil {
		return
	}
	e.of.mu.Lock()
	defer e.of.mu.Unlock()
	e.passed()
}

// passed is asked for a caller that has the lock.
func (e *entry) passed() {
	if m := e.model; m != nil && m.passing == e {
		m.passing = nil
		m.advance()
	}
}

// leave gives the entry back. If the model is known now, or too many questions have failed,
// all others may enter. Later calls have no effect.
func (e *entry) leave(known, failed bool) {
	if e == nil {
		return
	}
	e.of.mu.Lock()
	defer e.of.mu.Unlock()
	m := e.model
	if m == nil {
		return
	}
	e.passed()
	e.model = nil
	if !e.first {
		return
	}
	m.inside--
	if failed {
		m.failures++
	}
	m.open = m.open || known || m.failures >= openAfter
	m.advance()
}
