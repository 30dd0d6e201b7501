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
	// BatchSize is for calls that ask for none, by kind; each from 1 to
	// MaxBatchSize.
	BatchSize [catalog.NumKinds]int
	// FlushDelay is how long an outcome waits for its batch to fill, as completed.
	FlushDelay time.Duration
	// ReviewBelow is the confidence, 0..1, under which a verdict needs review.
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

// Observer is told what happens, for logs and metrics. Its methods are called
// from many goroutines and must not block.
type Observer interface {
	// CallBegan is told of a call at its start.
	CallBegan(call *Call)
	// BatchBegan is told, in order only, of a batch whose first item was
	// admitted; items is what it will hold at most.
	BatchBegan(call *Call, id int64, kind catalog.Kind, items int)
	// BatchSent is told of a batch that the sink has taken, and how long after
	// its first admission (in order) or its first outcome (as completed).
	BatchSent(call *Call, batch *catalog.Batch, took time.Duration)
	// ItemDone is told of each outcome.
	ItemDone(call *Call, o *catalog.Outcome)
	// Panicked is told of a panic that became an Internal fault.
	Panicked(call *Call, index int64, value any, stack []byte)
}

// Cache keeps answers. With catalog.CacheUse it returns the one it has, or the one of
// work that is in flight for another caller, or the one of work; with
// catalog.CacheRefresh none that it has. It keeps the answers that work returns without
// an error. It calls work with a context that lasts for as long as any caller waits. An
// answer's trace says where it comes from.
type Cache interface {
	// Recall returns the answer if it is at hand, else nil, and never waits.
	Recall(lookup catalog.Lookup) *catalog.Answer
	Do(ctx context.Context, lookup catalog.Lookup, work catalog.Work) (catalog.Answer, error)
}

// Parts are what the engine works with. Cache, Full, Outage and Fallback may be nil, the
// rest may not.
type Parts struct {
	// Backend answers the questions.
	Backend Backend
	// Fallback answers what Backend cannot for reasons of its own.
	Fallback Backend
	// Pictures is asked for the picture of items that go by it.
	Pictures Pictures
	// Cache keeps what Backend answered. Nil: every question is asked.
	Cache Cache
	// Scope is all that an answer of Backend depends on beside the item and the
	// model's name.
	Scope catalog.Scope
	// Trace is what is known of an outcome before anything was asked: the
	// backend, its model and the taxonomy.
	Trace catalog.Trace
	// PoolSize tells how many questions may be asked at once, now.
	PoolSize func() int
	// Full returns a fault, with a time to come again, if so many questions of the
	// caller wait in a class that a new call is not to be begun. Nil: never.
	Full func(catalog.Caller, catalog.Priority) error
	// Outage returns the outage that holds up questions to a model, nil if there is
	// none, and a channel that is closed when that may have changed. Nil: there are
	// no outages.
	Outage   func(model string) (*catalog.Outage, <-chan struct{})
	Observer Observer
}

// Engine runs calls. It is safe for concurrent use, and need not be closed: what a
// call starts has ended when the call returns, or goes on for another one.
type Engine struct {
	config Config
	parts  Parts
	crowd  crowd
}

// New returns an engine, or an error that says what is wrong with the config.
func New(config Config, parts Parts) (*Engine, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	if parts.Backend == nil || parts.Pictures == nil || parts.PoolSize == nil || parts.Observer == nil {
		return nil, fmt.Errorf("the engine lacks a part: %+v", parts)
	}
	return &Engine{config: config, parts: parts}, nil
}

// Run takes items from next until io.EOF and hands their outcomes to send, one
// for each item, in batches. Where too much of the caller waits already, it begins nothing and
// returns a ServerFull fault. It returns when the last batch was taken, or early
// with the error of next, of send or of ctx; then nothing of the call is left
// running but work that the cache shares with another call.
func (e *Engine) Run(ctx context.Context, call Call, next Source, send Sink) (catalog.Summary, error) {
	if !call.Patient {
		if err := e.full(&call); err != nil {
			return catalog.Summary{}, err
		}
	}
	ctx, stop := context.WithCancel(ctx)
	r := newRun(e, call)
	e.parts.Observer.CallBegan(&r.call)
	var admission sync.WaitGroup
	admission.Go(func() { r.admit(ctx, next) })
	err := r.deliver(ctx, send)
	stop()
	admission.Wait()
	r.items.Wait()
	r.window.close()
	return r.finish(), err
}

// Classify returns the outcome of one item. The error is ctx's, if that ended
// before the item's own time was up.
func (e *Engine) Classify(ctx context.Context, call Call, item *catalog.Item) (catalog.Outcome, error) {
	if err := e.full(&call); err != nil {
		return catalog.Outcome{}, err
	}
	call.Total = 1
	r := newRun(e, call)
	o := r.outcome(ctx, r.admission(item, 0))
	if err := ctx.Err(); err != nil && o.Err != nil {
		return o, err
	}
	e.parts.Observer.ItemDone(&r.call, &o)
	return o, nil
}

// full turns a call away that arrives when too much of its caller waits already.
func (e *Engine) full(call *Call) error {
	if e.parts.Full == nil {
		return nil
	}
	return e.parts.Full(call.Caller, call.Options.Priority)
}

// itemTimeout is how long an item of the call may take.
func (c *Call) itemTimeout() time.Duration {
	if c.Options.ItemTimeout > 0 {
		return c.Options.ItemTimeout
	}
	return catalog.DefaultItemTimeout
}

// scope is what the call's answers depend on beside their items. The configured
// model is the same whether it is named or not.
func (e *Engine) scope(call *Call) catalog.Scope {
	return e.parts.Scope.With(cmp.Or(call.Options.Model, e.parts.Trace.Model))
}

// batchSizes is how many outcomes the call's batches hold, by kind.
func (e *Engine) batchSizes(call *Call) [catalog.NumKinds]int {
	sizes := e.config.BatchSize
	if n := call.Options.BatchSize; n > 0 {
		for kind := range sizes {
			sizes[kind] = n
		}
	}
	return sizes
}

// answerable reports whether the fallback may answer what failed so: the model's
// own trouble, not the item's or the caller's.
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
