package app

import (
	"context"
	"sync"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/rpc"
)

// Stored is how many results of a call the program that has the service within it has
// stored. If the program is killed, it pays again for the calls to the model in flight and
// for answers that are not stored: together they are never more than the pool has places. An
// answer that items shared in memory may be asked again for those without a result. It is safe
// for concurrent use, and for one call at a time. With nil, nothing waits.
type Stored struct {
	mu      sync.Mutex
	results int64
	changed chan struct{} // closed and replaced when there are more
}

// NewStored returns a count of 0.
func NewStored() *Stored { return &Stored{changed: make(chan struct{})} }

// Add counts n results of a batch of the call, in the order in which batches came.
func (s *Stored) Add(n int) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results += int64(n)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Stored) count() (int64, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.results, s.changed
}

// await waits until as many results are stored, or for the end of ctx.
func (s *Stored) await(ctx context.Context, results int64) error {
	for {
		n, changed := s.count()
		if n >= results {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// engine returns the engine with calls whose sinks wait until what they took is stored.
func (s *Stored) engine(e rpc.Engine) rpc.Engine {
	if s == nil {
		return e
	}
	return storing{e, s}
}

type storing struct {
	rpc.Engine
	stored *Stored
}

// Run is the engine's Run.
func (e storing) Run(ctx context.Context, call classify.Call, next classify.Source, send classify.Sink) (catalog.Summary, error) {
	call.Hold = true
	sent, _ := e.stored.count()
	return e.Engine.Run(ctx, call, next, func(b catalog.Batch) error {
		if err := send(b); err != nil {
			return err
		}
		sent += int64(len(b.Outcomes))
		return e.stored.await(ctx, sent)
	})
}
