package tracing

import (
	"os"
	"strconv"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Counts says what became of the spans that have ended so far.
type Counts struct {
	Exported int64
	Failed   int64 // the collector did not take them
	Dropped  int64 // there was no room for them in the queue
}

// Counts returns the counts.
func (t *Tracer) Counts() Counts {
	c := t.counts
	return Counts{c.exported.Load(), c.failed.Load(), c.dropped.Load()}
}

// counts are those of a Tracer, and the spans that wait to be exported.
type counts struct {
	waiting, exported, failed, dropped atomic.Int64
}

// bounded is the SDK's queue with its bound kept before it, where each span for which there is
// no room is counted: the SDK's own bound, which is as large, is never reached.
type bounded struct {
	sdktrace.SpanProcessor
	counts *counts
	limit  int64
}

func newBounded(next sdktrace.SpanProcessor, c *counts) *bounded {
	return &bounded{next, c, queueLimit()}
}

const queueVariable = "OTEL_BSP_MAX_QUEUE_SIZE"

// queueLimit returns the length of the SDK's queue, by its rule. checkNumbers has checked the
// variable.
func queueLimit() int64 {
	n, err := strconv.Atoi(os.Getenv(queueVariable))
	if err != nil {
		return sdktrace.DefaultMaxQueueSize
	}
	return int64(n)
}

// OnEnd takes a span, or drops it.
func (b *bounded) OnEnd(s sdktrace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if b.counts.waiting.Add(1) > b.limit {
		b.counts.waiting.Add(-1)
		b.counts.dropped.Add(1)
		return
	}
	b.SpanProcessor.OnEnd(s)
}
