package classify

import (
	"context"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// Call is one caller's request for classifications.
type Call struct {
	Caller  catalog.Caller
	Options catalog.Options
	// Total is how many items will come. 0: not known.
	Total int64
	// Patient says that nobody waits: an item's time counts while its picture is
	// fetched and while the model is asked, and stands still while it waits for
	// quota or for an outage to end. Such a call is begun even where too much waits.
	Patient bool
	// Prompt has a batch leave as soon as the sink can take it, full or not, where
	// outcomes are delivered as completed.
	Prompt bool
	// Notify is told what holds the call up, on the goroutine that calls the sink. An
	// error ends the call. Nil: it is not told.
	Notify func(catalog.Notice) error
}

// Source gives the call's next item, io.EOF after the last one. It is called
// from one goroutine. It returns early when ctx ends.
type Source func(ctx context.Context) (*catalog.Item, error)

// Sink takes the call's next batch. It is called from one goroutine, and while
// it blocks, nothing new is admitted beyond the call's window. An error ends the
// call.
type Sink func(catalog.Batch) error

// Backend answers questions. It is safe for concurrent use and bounds its own
// concurrency. The error is a *fault.Fault or the context's; the answer's trace
// is filled in either way.
type Backend interface {
	Ask(ctx context.Context, q catalog.Question) (catalog.Answer, error)
}
