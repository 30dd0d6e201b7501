package broker

import (
	"context"
	"errors"
	"sync"
	"time"
)

// rounds turns many requests for a sync into few syncs (group commit): a request
// that comes during a round shares the next one with all others that come until
// then. A round covers what was written before it began.
type rounds struct {
	sync    func() error
	working sync.WaitGroup

	mu      sync.Mutex
	running bool
	closed  bool
	next    *round      // nil: no request waits for another round
	timer   *time.Timer // nil: no round is due
}

type round struct {
	done chan struct{} // closed after the round
	err  error
}

var errClosed = errors.New("the data folder is closed")

// wait returns the result of a round that begins after the call, or ctx's cause if
// that ends first.
func (r *rounds) wait(ctx context.Context) error {
	mine, err := r.join()
	if err != nil {
		return err
	}
	select {
	case <-mine.done:
		return mine.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *rounds) join() (*round, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errClosed
	}
	if r.next == nil {
		r.next = &round{done: make(chan struct{})}
	}
	if !r.running {
		r.running = true
		r.working.Go(r.run)
	}
	return r.next, nil
}

func (r *rounds) run() {
	for {
		current := r.begin()
		if current == nil {
			return
		}
		current.err = r.sync()
		close(current.done)
	}
}

// begin returns the next round, or nil if it has no requests.
func (r *rounds) begin() *round {
	r.mu.Lock()
	defer r.mu.Unlock()
	current := r.next
	r.next, r.running = nil, current != nil
	return current
}

// within schedules a round after half of the time, unless one is due already, so that
// it ends within the time.
func (r *rounds) within(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timer != nil || r.closed {
		return
	}
	r.timer = time.AfterFunc(d/2, func() {
		r.mu.Lock()
		r.timer = nil
		r.mu.Unlock()
		_, _ = r.join() // the sync itself reports what fails
	})
}

// close waits for the running round. Later requests fail.
func (r *rounds) close() {
	r.mu.Lock()
	r.closed = true
	if r.timer != nil {
		r.timer.Stop()
	}
	r.mu.Unlock()
	r.working.Wait()
}
