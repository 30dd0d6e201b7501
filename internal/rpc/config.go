package rpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/auth"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/intake"
	"github.com/credenza-dev/credenza/internal/taxonomy"
)

// The limits if the configuration sets none.
const (
	DefaultMaxItems        = 100_000
	DefaultMaxRequestBytes = 64 << 20
	// DefaultWriteTimeout is for readers that take nothing.
	DefaultWriteTimeout = 10 * time.Minute
)

// Config is the edge's tuning.
type Config struct {
	// MaxItems is the most items of a ClassifyStream call, and of one message of a
	// feed or an upload, for which it is at least 1,000. All items of a message together
	// have at most 20 times as many styles, tags and attributes. 0: DefaultMaxItems.
	MaxItems int
	// MaxRequestBytes is the most that one message may have. 0:
	// DefaultMaxRequestBytes.
	MaxRequestBytes int
	// Models are the names that a caller may ask for. An empty name is always
	// allowed and means the configured one.
	Models []string
	// TLS names the certificate's files. Zero: no TLS.
	TLS TLSFiles
	// Intake bounds what arrives and is not handled yet. Nil: a budget of its own.
	Intake *intake.Budget
	// WriteTimeout is how long a caller may take nothing of what waits for it, up to
	// twice that, before it is cut off. 0: DefaultWriteTimeout.
	WriteTimeout time.Duration
}

func (c Config) withDefaults() (Config, error) {
	if c.MaxItems < 0 || c.MaxRequestBytes < 0 {
		return c, fmt.Errorf("the limits of a call are %d items and %d bytes: give numbers above 0, or 0 for the usual ones",
			c.MaxItems, c.MaxRequestBytes)
	}
	c.MaxItems = cmp.Or(c.MaxItems, DefaultMaxItems)
	c.MaxRequestBytes = cmp.Or(c.MaxRequestBytes, DefaultMaxRequestBytes)
	c.Intake = cmp.Or(c.Intake, intake.New(0))
	c.WriteTimeout = cmp.Or(max(c.WriteTimeout, 0), DefaultWriteTimeout)
	return c, nil
}

// Engine classifies. It is safe for concurrent use, calls send on the goroutine
// that called Run, and has ended all its goroutines when it returns, which it
// does soon after ctx ends. Errors are faults, the context's, or what next and
// send returned.
type Engine interface {
	Run(ctx context.Context, call classify.Call, next classify.Source, send classify.Sink) (catalog.Summary, error)
	Classify(ctx context.Context, call classify.Call, item *catalog.Item) (catalog.Outcome, error)
}

// Authority finds out which caller makes a call. It is safe for concurrent use.
type Authority interface {
	Identify(call auth.Call) *auth.Identity
}

// Parts are what the edge uses. All but Jobs, Traces and those of ReviewService are needed.
type Parts struct {
	Engine    Engine
	Authority Authority
	// Jobs is nil without storage for jobs. Then JobService is not offered: reflection
	// and health do not list it, and its calls fail with UNIMPLEMENTED.
	Jobs Jobs
	// Reviews and what follows it, together with Jobs, are for ReviewService, which is not
	// offered without Reviews.
	Reviews    Reviews
	Files      Files
	Exports    Exports
	Items      Items
	Previews   Previews
	Operations Operations
	Taxonomy   *taxonomy.Taxonomy
	Log        *zap.Logger
	// Metrics gets the edge's own metrics.
	Metrics prometheus.Registerer
	// Traces is how calls are traced. Nil: they are not.
	Traces Traces
}

// Traces is how calls are traced. It is safe for concurrent use.
type Traces interface {
	// Provider returns the source of the tracer that makes a span of each call.
	Provider() trace.TracerProvider
	// Propagator reads from a call's headers which trace it belongs to.
	Propagator() propagation.TextMapPropagator
}

func (p Parts) check() error {
	if p.Engine == nil || p.Authority == nil || p.Operations == nil || p.Taxonomy == nil || p.Log == nil || p.Metrics == nil {
		return errors.New("the gRPC server lacks a part: engine, authority, operations, taxonomy, log and metrics are all needed")
	}
	return nil
}
