package web

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/credenza-dev/credenza/internal/fault"
)

// door lets calls in until it is shut, and ends those that stay too long.
type door struct {
	ending context.Context //nolint:containedctx // it is no call's, but what ends all of them
	end    context.CancelFunc

	mu     sync.Mutex
	shut   bool
	inside int
	empty  chan struct{} // closed when it is shut and nobody is inside
}

func newDoor() *door {
	d := &door{empty: make(chan struct{})}
	d.ending, d.end = context.WithCancel(context.Background())
	return d
}

func shuttingDown() *fault.Fault {
	return fault.New(fault.ShuttingDown, "the server is going down: call again, another one will answer")
}

// enter returns a call's context, whose cause tells when the door has ended it,
// and what to call when the call leaves.
func (d *door) enter(ctx context.Context) (context.Context, func(), error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		return nil, nil, shuttingDown()
	}
	d.inside++
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(d.ending, func() { cancel(shuttingDown()) })
	return ctx, func() {
		stop()
		cancel(nil)
		d.leave()
	}, nil
}

// around lets requests in for as long as their handler runs.
func (d *door) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, leave, err := d.enter(r.Context())
		if err != nil {
			writeError(w, err)
			return
		}
		defer leave()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (d *door) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inside--
	d.settle()
}

// settle tells if nobody is left. The caller holds mu.
func (d *door) settle() {
	if !d.shut || d.inside > 0 {
		return
	}
	select {
	case <-d.empty:
	default:
		close(d.empty)
	}
}

func (d *door) drain(ctx context.Context) error {
	d.mu.Lock()
	d.shut = true
	d.settle()
	d.mu.Unlock()
	defer d.end()
	select {
	case <-d.empty:
		return nil
	case <-ctx.Done():
	}
	d.mu.Lock()
	n := d.inside
	d.mu.Unlock()
	d.end()
	<-d.empty
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d calls over HTTP were cut off: %w", n, context.Cause(ctx))
}
