package tracing

import (
	"context"
	"sync"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// export is an exporter whose spans are counted and have no messages of errors. Its failures go
// to the log, one line when they begin and one when they end.
type export struct {
	next   Exporter
	counts *counts
	log    *zap.Logger
	public func(error) string

	mu      sync.Mutex
	failing bool

	closing context.Context //nolint:containedctx // ends the exports in flight
	close   context.CancelFunc
}

func newExport(next Exporter, c *counts, config Config) *export {
	e := &export{next: next, counts: c, log: config.Log, public: config.publicError}
	e.closing, e.close = context.WithCancel(context.Background())
	return e
}

// ExportSpans is for sdktrace.SpanExporter.
func (e *export) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := catalog.Until(ctx, e.closing)
	defer cancel()
	n := int64(len(spans))
	err := e.next.ExportSpans(ctx, withoutMessages(spans))
	e.counts.waiting.Add(-n)
	if err != nil {
		e.counts.failed.Add(n)
	} else {
		e.counts.exported.Add(n)
	}
	e.note(err)
	return nil // else the SDK would write it to standard error
}

// Shutdown is for sdktrace.SpanExporter.
func (e *export) Shutdown(ctx context.Context) error { return e.next.Shutdown(ctx) }

// note logs that the collector takes no spans any more, or takes them again.
func (e *export) note(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if failing := err != nil; failing == e.failing {
		return
	}
	e.failing = err != nil
	if e.failing {
		e.log.Warn("traces cannot be exported: look at the collector, or correct OTEL_EXPORTER_OTLP_ENDPOINT", zap.String("cause", e.public(err)))
	} else {
		e.log.Info("traces are exported again")
	}
}

// withoutMessages returns the spans without the messages of their errors, which may quote what
// a caller wrote.
func withoutMessages(spans []sdktrace.ReadOnlySpan) []sdktrace.ReadOnlySpan {
	for i, s := range spans { // the batch is the exporter's until it returns
		if s.Status().Description != "" {
			spans[i] = wordless{s}
		}
	}
	return spans
}

// wordless is a span without the message of its error.
type wordless struct{ sdktrace.ReadOnlySpan }

// Status returns the code alone.
func (w wordless) Status() sdktrace.Status {
	return sdktrace.Status{Code: w.ReadOnlySpan.Status().Code}
}
