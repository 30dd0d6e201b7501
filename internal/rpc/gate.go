package rpc

import (
	"context"
	"strings"
	"sync"

	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/credenza-dev/credenza/internal/fault"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// class is what becomes of a call when the server goes down.
type class uint8

const (
	// classFinite may come to its end.
	classFinite class = iota
	// classEndless is told at once, and not waited for.
	classEndless
	// classAttendant is about the server and not work: let in until the end.
	classAttendant
)

func classOf(method string) class {
	switch {
	case method == credenzav1.ClassificationService_ClassifyFeed_FullMethodName,
		method == credenzav1.JobService_WatchJob_FullMethodName:
		return classEndless
	case isAttendant(serviceOf(method)):
		return classAttendant
	default:
		return classFinite
	}
}

// isAttendant reports whether a service is health or reflection.
func isAttendant(service string) bool {
	return service == grpc_health_v1.Health_ServiceDesc.ServiceName || isReflection(service)
}

func isReflection(service string) bool { return strings.HasPrefix(service, "grpc.reflection.") }

// serviceOf returns the service of a method's full name, "/service/method".
func serviceOf(method string) string {
	service, _, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	return service
}

// gate knows the calls that run, lets new ones in until it is closed, and ends
// those that must go.
type gate struct {
	mu     sync.Mutex
	closed bool
	visits map[*visit]struct{}
	left   chan struct{} // room for one: somebody left since the last look
}

type visit struct {
	class class
	end   context.CancelCauseFunc
}

func newGate() *gate {
	return &gate{visits: map[*visit]struct{}{}, left: make(chan struct{}, 1)}
}

func shuttingDown() *fault.Fault {
	return fault.New(fault.ShuttingDown, "the server is going down: call again, another one will answer")
}

// around lets one call through, or refuses it. What the gate has ended looks to
// its handler as if the caller had left; the caller is told the truth.
func (g *gate) around(ctx context.Context, method string, next func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	v := &visit{class: classOf(method), end: cancel}
	if err := g.enter(v); err != nil {
		return err
	}
	defer g.leave(v)
	err := next(ctx)
	if err != nil && fault.From(err).Reason == fault.Cancelled && fault.Is(context.Cause(ctx), fault.ShuttingDown) {
		return context.Cause(ctx)
	}
	return err
}

func (g *gate) enter(v *visit) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed && v.class != classAttendant {
		return shuttingDown()
	}
	g.visits[v] = struct{}{}
	return nil
}

func (g *gate) leave(v *visit) {
	g.mu.Lock()
	delete(g.visits, v)
	g.mu.Unlock()
	select {
	case g.left <- struct{}{}:
	default:
	}
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

func (g *gate) isClosed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

// end cancels the contexts of a class of calls.
func (g *gate) end(c class) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for v := range g.visits {
		if v.class == c {
			v.end(shuttingDown())
		}
	}
}

// wait returns when no finite call is left, or with an error that counts them
// when ctx ends. It does not wait for endless ones: the end of a context does not
// interrupt a send to a caller who does not read, the end of the connection does.
// One goroutine may wait.
func (g *gate) wait(ctx context.Context) error {
	for {
		n := g.working()
		if n == 0 {
			return nil
		}
		select {
		case <-g.left:
		case <-ctx.Done():
			return cutOff(n, context.Cause(ctx))
		}
	}
}

func (g *gate) working() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for v := range g.visits {
		if v.class == classFinite {
			n++
		}
	}
	return n
}
