// Package drain admits calls until a server goes down, and then waits for them or ends
// them.
//
// The problem: a server that stops has calls that can come to their end, calls that
// never would, and callers that only want to know how it is. Each kind of call ends
// at another time, and no handler may run on after the server has returned.
//
//	finite     may end until a context does, then is ended
//	endless    is ended at once, and not waited for
//	auxiliary  is about the server and no work: admitted until the end
//
// A call that is ended sees its context end, as if its caller had left. Explain
// turns what it failed with into the truth.
//
//	calls := drain.New()
//	ctx, leave, err := calls.Enter(ctx, drain.Finite)
//	if err != nil { return err } // the server goes down
//	defer leave()
//	...
//	calls.Close()                // no new calls but auxiliary ones
//	calls.End(drain.Endless)
//	err := calls.Wait(ctx)       // for the finite ones
//	calls.End(drain.Finite, drain.Auxiliary)
//	calls.WaitAll()
package drain

import (
	"context"
	"fmt"
	"sync"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Class is how a call ends when the server goes down.
type Class uint8

// The classes.
const (
	// Finite calls may come to their end.
	Finite Class = iota
	// Endless calls are ended at once.
	Endless
	// Auxiliary calls are admitted until the end.
	Auxiliary
	numClasses
)

// Calls are those in flight. It is safe for concurrent use.
type Calls struct {
	mu     sync.Mutex
	closed [numClasses]bool
	calls  map[*call]struct{}
	inside [numClasses]int
	left   chan struct{} // closed when a call leaves; nil: no goroutine waits for that
}

type call struct {
	class Class
	end   func(cause error)
}

// New returns calls of which none is in flight.
func New() *Calls { return &Calls{calls: map[*call]struct{}{}} }

// ShuttingDown returns the fault of calls that are refused or ended.
func ShuttingDown() *fault.Fault {
	return fault.New(fault.ShuttingDown, "the server is shutting down: call again, another one will answer")
}

// Enter admits a call and returns its context, which End ends, and leave, which is
// called when the call has ended. Once its class is closed, it returns ShuttingDown.
func (c *Calls) Enter(ctx context.Context, class Class) (context.Context, func(), error) {
	ctx, cancel := context.WithCancelCause(ctx)
	leave, err := c.EnterWith(class, cancel)
	if err != nil {
		cancel(err)
		return nil, nil, err
	}
	return ctx, func() {
		leave()
		cancel(nil)
	}, nil
}

// EnterWith is Enter for a call that is ended in another way. No end is called after
// leave has returned, and an end must neither block nor enter or leave.
func (c *Calls) EnterWith(class Class, end func(cause error)) (leave func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed[class] {
		return nil, ShuttingDown()
	}
	entered := &call{class, end}
	c.calls[entered] = struct{}{}
	c.inside[class]++
	return func() { c.leave(entered) }, nil
}

func (c *Calls) leave(gone *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.calls, gone)
	c.inside[gone.class]--
	if c.left != nil {
		close(c.left)
		c.left = nil
	}
}

// Around admits one call for as long as next runs, and returns its error.
func (c *Calls) Around(ctx context.Context, class Class, next func(context.Context) error) error {
	ctx, leave, err := c.Enter(ctx, class)
	if err != nil {
		return err
	}
	defer leave()
	return Explain(ctx, next(ctx))
}

// Close refuses new calls but auxiliary ones.
func (c *Calls) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed[Finite], c.closed[Endless] = true, true
}

// Closed reports whether new calls are refused.
func (c *Calls) Closed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed[Finite]
}

// End refuses new calls of some classes and ends those in flight. It does not wait.
func (c *Calls) End(classes ...Class) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ending [numClasses]bool
	for _, class := range classes {
		c.closed[class], ending[class] = true, true
	}
	for inside := range c.calls {
		if ending[inside.class] {
			inside.end(ShuttingDown())
		}
	}
}

// Wait returns when no finite call is left, or when ctx ends with an error that
// counts them. It does not wait for endless ones: the end of a context does not
// interrupt a send to a caller that does not read, the end of its connection does.
func (c *Calls) Wait(ctx context.Context) error {
	if n := c.wait(ctx, Finite); n > 0 {
		return fmt.Errorf("%s had to be cut off: %w", catalog.Count(n, "call"), context.Cause(ctx))
	}
	return nil
}

// WaitAll returns when no call is left.
func (c *Calls) WaitAll() { c.wait(context.Background(), Finite, Endless, Auxiliary) }

// wait waits for the calls of some classes, and returns how many are left.
func (c *Calls) wait(ctx context.Context, classes ...Class) int {
	for {
		n, left := c.count(classes)
		if n == 0 {
			return 0
		}
		select {
		case <-left:
		case <-ctx.Done():
			return n
		}
	}
}

// count counts the calls of some classes. left is closed when a call leaves.
func (c *Calls) count(classes []Class) (n int, left <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, class := range classes {
		n += c.inside[class]
	}
	if c.left == nil {
		c.left = make(chan struct{})
	}
	return n, c.left
}

// Explain returns what a call with this context failed with: if it was ended, then
// ShuttingDown instead of the caller's leaving.
func Explain(ctx context.Context, err error) error {
	if err != nil && fault.From(err).Reason == fault.Cancelled && fault.Is(context.Cause(ctx), fault.ShuttingDown) {
		return context.Cause(ctx)
	}
	return err
}
