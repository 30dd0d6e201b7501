package classify

import (
	"context"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// Call is one caller's request for classifications.
type Call struct {
	Caller  catalog.Caller
	Options catalog.Options
	// TraceID is the id of the trace that the call is in, for its log lines; empty: none.
	TraceID string
	// Total is the number of items. 0: not known.
	Total int64
	// Patient is for calls that no user waits for. An item's time counts while its
	// picture is fetched and while the model answers, and stands still while it waits
	// for quota or for an outage to end. A full queue does not refuse such a call.
	Patient bool
	// Prompt sends a batch as soon as the sink can take it, full or not. It has no
	// effect on delivery in order.
	Prompt bool
	// Hold has each answer keep its place in the backend's pool until the sink has taken it,
	// so that calls in flight and answers not yet taken are never more than the pool's places.
	// A batch goes as soon as the sink can take it. It has no effect on delivery in order.
	Hold bool
	// Halt ends when no further call to the model may begin. Items that wait for one, for
	// a picture or for the work of an equal item are given up without an outcome. Calls in
	// flight go on. Nil: it never ends. It has no effect on delivery in order.
	Halt context.Context //nolint:containedctx // the call's own goes on
	// Notify is called when an outage begins or ends, on the goroutine that calls the
	// sink. An error ends the call. Nil: it is not called.
	Notify func(catalog.Notice) error
}

// Source returns the call's next item, io.EOF after the last one. It is called
// from one goroutine, and returns early when ctx ends.
type Source func(ctx context.Context) (*catalog.Item, error)

// Sink takes the call's next batch. It is called from one goroutine. While it
// blocks, no items are admitted beyond the call's window. An error ends the call.
type Sink func(catalog.Batch) error

// Backend answers questions. It is safe for concurrent use and bounds its own
// concurrency. The error is a *fault.Fault or the context's; the answer's trace
// is filled in either way.
type Backend interface {
	Ask(ctx context.Context, q catalog.Question) (catalog.Answer, error)
}
