package classify

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// MaxBatchSize is the most outcomes in a batch.
const MaxBatchSize = 1000

// Config is the engine's tuning.
type Config struct {
	// BatchSize is the default for calls without one, by kind; each is from 1 to
	// MaxBatchSize.
	BatchSize [catalog.NumKinds]int
	// FlushDelay is how long an outcome waits for its batch to fill, if delivered as
	// completed.
	FlushDelay time.Duration
	// ReviewBelow is the confidence, from 0 to 1, below which an answer needs review.
	ReviewBelow float64
}

func (c Config) check() error {
	for kind, n := range c.BatchSize {
		if n < 1 || n > MaxBatchSize {
			return fmt.Errorf("the %v batch size is %d: give a number from 1 to %d", catalog.Kind(kind), n, MaxBatchSize)
		}
	}
	if c.FlushDelay <= 0 {
		return fmt.Errorf("the flush delay is %v: give a time above 0", c.FlushDelay)
	}
	if !(c.ReviewBelow >= 0 && c.ReviewBelow <= 1) {
		return fmt.Errorf("the review threshold is %v: give a number from 0 to 1", c.ReviewBelow)
	}
	return nil
}

// Pictures finds an item's picture. The error is a *fault.Fault or the
// context's.
type Pictures interface {
	Picture(ctx context.Context, it *catalog.Item) (*catalog.Picture, error)
}

// Observer is called on events, for logs and metrics. Its methods are called from
// many goroutines and must not block.
type Observer interface {
	// CallBegan is called at a call's start.
	CallBegan(call *Call)
	// BatchBegan is called, if delivery is in order, when the first item of a batch
	// was admitted; items is the most that the batch will hold.
	BatchBegan(call *Call, id int64, kind catalog.Kind, items int)
	// BatchSent is called when the sink has taken a batch. took is the time since the
	// batch's first admission (in order) or its first outcome (as completed).
	BatchSent(call *Call, batch *catalog.Batch, took time.Duration)
	// ItemDone is called for each outcome.
	ItemDone(call *Call, o *catalog.Outcome)
	// Panicked is called for a panic that became an Internal fault, of an item or, with
	// the index -1, of the call's source.
	Panicked(call *Call, index int64, value any, stack []byte)
}

// Cache keeps answers. With catalog.CacheUse it returns a stored answer, else that of
// equal work in flight, else that of work. With catalog.CacheRefresh it skips stored
// answers. It keeps the answers that work returns without an error. It calls work with
// a context that lasts while any caller waits. An answer's trace names its source.
type Cache interface {
	// Recall returns the answer if it is in memory, else nil. It does not wait.
	Recall(lookup catalog.Lookup) *catalog.Answer
	Do(ctx context.Context, lookup catalog.Lookup, work catalog.Work) (catalog.Answer, error)
}

// Caps bounds what each caller may use. It is safe for concurrent use.
type Caps interface {
	// Admit returns nil when the caller may have one more item in flight, else a
	// CapReached fault or the error of ctx.
	Admit(ctx context.Context, caller string, terms catalog.Admission) error
	// Done ends an item that was admitted, with the tokens that the model took for it.
	Done(caller string, tokens int64)
}

// Spans records the parts of an item's way for the trace of its call. Its methods are
// called from many goroutines and must not block.
type Spans interface {
	// Item is called for an item that was admitted at a time. It returns the context for all
	// that is done for the item.
	Item(ctx context.Context, index int64, kind catalog.Kind, admitted time.Time) context.Context
	// ItemDone is called with that context and the outcome.
	ItemDone(ctx context.Context, o *catalog.Outcome)
	// PictureFetched is called when the wait for an item's picture has ended.
	PictureFetched(ctx context.Context, since time.Time, err error)
}

// Parts are the engine's collaborators. Cache, Caps, Full, Outage, Fallback and Spans may be
// nil, the others may not.
type Parts struct {
	// Backend answers the questions.
	Backend Backend
	// Fallback answers questions that Backend failed to answer for reasons of its own.
	Fallback Backend
	// Pictures returns the picture of items that are classified by it.
	Pictures Pictures
	// Cache keeps Backend's answers. Nil: every question is asked.
	Cache Cache
	// Caps are asked for each item. Nil: no caller has caps.
	Caps Caps
	// Scope is all that an answer of Backend depends on, except the item and the
	// model's name.
	Scope catalog.Scope
	// Trace is the initial trace of an outcome: the backend, its model and the
	// taxonomy.
	Trace catalog.Trace
	// PoolSize returns how many questions may be asked at once now.
	PoolSize func() int
	// Full returns a fault with a time to retry if too many questions of the caller
	// wait in a priority for a new call to begin. Nil: calls are never refused.
	Full func(catalog.Caller, catalog.Priority) error
	// Outage returns the outage that holds up questions to a model, or nil, and a
	// channel that is closed when that may have changed. Nil: there are no outages.
	Outage   func(model string) (*catalog.Outage, <-chan struct{})
	Observer Observer
	// Spans records traces. Nil: there are none.
	Spans Spans
}

// Engine runs calls. It is safe for concurrent use and need not be closed: all that a
// call starts ends before the call returns, except work shared with another call.
type Engine struct {
	config      Config
	parts       Parts
	processLoad processLoad
}

// New returns an engine, or an error if the config is invalid or a part is missing.
func New(config Config, parts Parts) (*Engine, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	if parts.Backend == nil || parts.Pictures == nil || parts.PoolSize == nil || parts.Observer == nil {
		return nil, fmt.Errorf("a part of the engine is missing: %+v", parts)
	}
	return &Engine{config: config, parts: parts}, nil
}

// Run takes items from next until io.EOF and sends one outcome for each item to send,
// in batches. If too many questions of the caller wait already, it returns a
// ServerFull fault at once. It returns when the last batch was taken, or early with
// the error of next, of send or of ctx. Only work that the cache shares with another
// call may still run then. If the caller reaches a cap, it sends the outcomes of the
// items before and returns a CapReached fault.
func (e *Engine) Run(ctx context.Context, call Call, next Source, send Sink) (catalog.Summary, error) {
	if !call.Patient {
		if err := e.full(&call); err != nil {
			return catalog.Summary{}, err
		}
	}
	r := newActiveCall(e, call)
	e.parts.Observer.CallBegan(&r.call)
	ctx, stop := context.WithCancel(ctx)
	var admission sync.WaitGroup
	defer func() { // also if the sink panics
		stop()
		admission.Wait()
		r.items.Wait()
		r.holds.close()
		r.window.close()
	}()
	admission.Go(func() { r.end <- r.admit(ctx, next) })
	err := r.deliver(ctx, send)
	return r.finish(), err
}

// Classify returns the outcome of one item. The error is that of ctx, if it ended
// before the item's own time.
func (e *Engine) Classify(ctx context.Context, call Call, item *catalog.Item) (catalog.Outcome, error) {
	if err := e.full(&call); err != nil {
		return catalog.Outcome{}, err
	}
	call.Total = 1
	r := newActiveCall(e, call)
	if err := r.enterCaps(ctx, 0); err != nil {
		return catalog.Outcome{}, err
	}
	o := r.outcome(ctx, r.prepare(item, 0))
	r.leaveCaps(&o)
	if err := ctx.Err(); err != nil && o.Err != nil {
		return o, err
	}
	e.parts.Observer.ItemDone(&r.call, &o)
	return o, nil
}

// full returns a fault if too many questions of the caller wait for a new call.
func (e *Engine) full(call *Call) error {
	if e.parts.Full == nil {
		return nil
	}
	return e.parts.Full(call.Caller, call.Options.Priority)
}

// itemTimeout returns how long an item of the call may take.
func (c *Call) itemTimeout() time.Duration {
	if c.Options.ItemTimeout > 0 {
		return c.Options.ItemTimeout
	}
	return catalog.DefaultItemTimeout
}

// scope returns all that the call's answers depend on, except their items. The
// configured model gives the same scope whether the call names it or not.
func (e *Engine) scope(call *Call) catalog.Scope {
	return e.parts.Scope.With(cmp.Or(call.Options.Model, e.parts.Trace.Model))
}

// batchSizes returns how many outcomes the call's batches hold, by kind.
func (e *Engine) batchSizes(call *Call) [catalog.NumKinds]int {
	sizes := e.config.BatchSize
	if n := call.Options.BatchSize; n > 0 {
		for kind := range sizes {
			sizes[kind] = n
		}
	}
	return sizes
}

// answerable reports whether the fallback may answer after the fault: one of the
// model, not of the item or the caller.
func answerable(f *fault.Fault) bool {
	switch f.Reason {
	case fault.RateLimited, fault.QuotaExhausted, fault.UpstreamAuth, fault.UpstreamRejected,
		fault.UpstreamUnavailable, fault.UpstreamTimeout, fault.MalformedAnswer, fault.Refused,
		fault.DeadlineExceeded:
		return true
	default:
		return false
	}
}
