package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// The attributes of an item. There are no conventions for them.
const (
	itemIndex    = attribute.Key("credenza.item.index")
	itemKind     = attribute.Key("credenza.item.kind")
	itemAttempts = attribute.Key("credenza.item.attempts")
	itemCached   = attribute.Key("credenza.cache.hit")
	itemShared   = attribute.Key("credenza.deduplicated")
	pictureError = attribute.Key("credenza.picture.error")
)

// Item begins the span of an item, from its admission on, and returns the context for what is
// within it. ItemDone ends it.
func (t *Tracer) Item(ctx context.Context, index int64, kind catalog.Kind, admitted time.Time) context.Context {
	if !t.Records(ctx) {
		return ctx
	}
	ctx, _ = t.tracer.Start(ctx, "item", trace.WithTimestamp(admitted),
		trace.WithAttributes(itemIndex.Int64(index), itemKind.String(kind.String())))
	return ctx
}

// ItemDone ends the span that Item began, whose context is ctx.
func (t *Tracer) ItemDone(ctx context.Context, o *catalog.Outcome) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(itemCached.Bool(o.Trace.Cached), itemShared.Bool(o.Trace.Deduplicated), itemAttempts.Int(o.Trace.Attempts))
	if o.ImageErr != nil {
		span.SetAttributes(pictureError.String(o.ImageErr.Reason.String()))
	}
	fail(span, reasonOf(o.Err))
	span.End()
}

// PictureFetched records the wait for an item's picture, which has ended now.
func (t *Tracer) PictureFetched(ctx context.Context, since time.Time, err error) {
	if t.Records(ctx) {
		t.part(ctx, "picture", since, time.Now(), reasonOf(fault.From(err)))
	}
}

// reasonOf returns the reason's name, empty for nil.
func reasonOf(f *fault.Fault) string {
	if f == nil {
		return ""
	}
	return f.Reason.String()
}
