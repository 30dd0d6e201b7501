package app

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/metric"
)

// observer writes the engine's log lines and counts its metrics.
type observer struct {
	log      *zap.Logger
	items    *prometheus.CounterVec
	ok       [catalog.NumKinds]prometheus.Counter // of items, found once
	batches  *prometheus.CounterVec
	latency  [catalog.NumKinds]prometheus.Observer
	queue    prometheus.Histogram
	attempts prometheus.Counter
	tokens   *prometheus.CounterVec
	pictures *prometheus.CounterVec
}

func newObserver(log *zap.Logger, registry prometheus.Registerer) *observer {
	seconds := prometheus.ExponentialBuckets(0.001, 2, 18) // 1 ms to 2 min
	o := &observer{
		log: log, items: metric.Items.CounterVec(), batches: metric.Batches.CounterVec(), queue: metric.ItemQueueTime.Histogram(seconds),
		attempts: metric.Attempts.Counter(), tokens: metric.Tokens.CounterVec(), pictures: metric.PictureFailures.CounterVec(),
	}
	latency := metric.ItemTime.HistogramVec(seconds)
	registry.MustRegister(o.items, o.batches, latency, o.queue, o.attempts, o.tokens, o.pictures)
	for kind := range catalog.NumKinds {
		o.ok[kind] = o.items.WithLabelValues(kind.String(), "ok")
		o.latency[kind] = latency.WithLabelValues(kind.String())
	}
	return o
}

// CallBegan logs the call. In order, the batches' own lines say the rest.
func (o *observer) CallBegan(call *classify.Call) {
	if call.Options.Delivery == catalog.InOrder {
		return
	}
	o.log.Info("processing items as completed", zap.String("caller", call.Caller.ID), traceField(call), zap.Int64("items", call.Total))
}

// traceField names the trace that a call is in, if there is one.
func traceField(call *classify.Call) zap.Field {
	if call.TraceID == "" {
		return zap.Skip()
	}
	return zap.String("trace_id", call.TraceID)
}

// BatchBegan logs an in-order batch at its first admission.
func (o *observer) BatchBegan(call *classify.Call, id int64, kind catalog.Kind, items int) {
	o.log.Info("processing "+kind.String()+" batch", zap.String("caller", call.Caller.ID), traceField(call),
		zap.Int64("batch", id), zap.Int("items", items), zap.Bool("concurrent", true))
}

// BatchSent logs and counts a batch. Prompt ones are many and small.
func (o *observer) BatchSent(call *classify.Call, b *catalog.Batch, took time.Duration) {
	o.batches.WithLabelValues(b.Kind.String()).Inc()
	level := zap.InfoLevel
	if call.Prompt {
		level = zap.DebugLevel
	}
	o.log.Log(level, "processed batch", zap.String("caller", call.Caller.ID), traceField(call), zap.Int64("batch", b.ID),
		zap.Stringer("kind", b.Kind), zap.Int("items", len(b.Outcomes)), zap.Duration("took", took),
		zap.Int64("done", b.Progress.Done), zap.Int64("failed", b.Progress.Failed))
}

// ItemDone counts an outcome, and logs a failure with its cause.
func (o *observer) ItemDone(call *classify.Call, out *catalog.Outcome) {
	if out.Err == nil {
		o.ok[out.Kind].Inc()
	} else {
		reason := out.Err.Reason.String()
		o.log.Warn("item failed", zap.String("caller", call.Caller.ID), traceField(call), zap.Int64("index", out.Index),
			zap.String("reason", reason), zap.Int("attempts", out.Trace.Attempts), zap.Error(out.Err))
		o.items.WithLabelValues(out.Kind.String(), reason).Inc()
	}
	o.countPicture(out)
	o.latency[out.Kind].Observe(out.Trace.Latency.Seconds())
	o.queue.Observe(out.Trace.QueueTime.Seconds())
	if out.Trace.Attempts == 0 {
		return // nothing was spent
	}
	o.attempts.Add(float64(out.Trace.Attempts))
	u := out.Trace.Usage
	o.tokens.WithLabelValues("prompt").Add(float64(u.Prompt))
	o.tokens.WithLabelValues("cached_prompt").Add(float64(u.CachedPrompt))
	o.tokens.WithLabelValues("cache_write").Add(float64(u.CacheWrites))
	o.tokens.WithLabelValues("completion").Add(float64(u.Completion))
	o.tokens.WithLabelValues("reasoning").Add(float64(u.Reasoning))
}

// countPicture counts a picture that could not be used.
func (o *observer) countPicture(out *catalog.Outcome) {
	f, result := out.ImageErr, "text"
	if out.Err != nil {
		f, result = out.Err, "failed"
	}
	if f != nil && f.Reason.OfPicture() {
		cause, _, _ := strings.Cut(f.Summary(), " (") // what it is instead has no end
		o.pictures.WithLabelValues(f.Reason.String(), cause, result).Inc()
	}
}

// Panicked logs a panic with its stack.
func (o *observer) Panicked(call *classify.Call, index int64, value any, stack []byte) {
	o.log.Error("a step of an item, or the source of a call, panicked", zap.String("caller", call.Caller.ID), traceField(call), zap.Int64("index", index),
		zap.Any("panic", value), zap.ByteString("stack", stack))
}
