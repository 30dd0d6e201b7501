package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/jobs"
	"github.com/credenza-dev/credenza/internal/llm"
	"github.com/credenza-dev/credenza/internal/metric"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/tracing"
	"github.com/credenza-dev/credenza/internal/web"
)

// traces is the tracer in the form of each part's interface; all are nil if nothing is traced.
type traces struct {
	engine classify.Spans
	model  llm.Spans
	jobs   jobs.Traces
	rpc    rpc.Traces
	web    web.Traces
}

// openTraces begins to trace if OpenTelemetry's variables ask for it. What parts record until
// they are closed is still exported.
func (a *App) openTraces(ctx context.Context, metrics prometheus.Registerer) error {
	t, err := tracing.Open(ctx, tracing.Config{Version: Version, Log: a.log, Exporter: a.options.Spans})
	if t == nil || err != nil {
		return err
	}
	a.closers = append(a.closers, t.Close)
	a.traces = traces{t, t, t, t, t}
	metrics.MustRegister(collector(func(out chan<- prometheus.Metric) { // what became of the spans
		c := t.Counts()
		for end, n := range map[string]int64{"exported": c.Exported, "failed": c.Failed, "dropped": c.Dropped} {
			metric.Spans.Send(out, float64(n), end)
		}
	}))
	return nil
}
