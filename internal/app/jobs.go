package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/jobs"
	"github.com/credenza-dev/credenza/internal/metric"
)

// startJobs begins to keep and run jobs, if data outlives the process.
func (a *App) startJobs(ctx context.Context, engine *classify.Engine, metrics prometheus.Registerer) (err error) {
	if a.broker == nil || a.options.Data == DataAnswers {
		return nil
	}
	c := &a.config
	config := jobs.Config{
		MaxBytes: int64(c.JobsMax) << 20, Keep: c.JobsKeep,
		BatchSize: [catalog.NumKinds]int{catalog.KindText: c.TextBatchSize, catalog.KindImage: c.ImageBatchSize},
		Sync:      c.Sync.within(), Traces: a.traces.jobs,
	}
	if a.caps != nil {
		config.Caps = a.caps
	}
	a.jobs, err = jobs.Start(ctx, config, a.broker, engine, a.log)
	if err != nil {
		return err
	}
	a.closers = append(a.closers, a.jobs.Close)
	metrics.MustRegister(collector(a.sendJobFigures))
	return a.openUploads()
}

// drainJobs finishes the claimed chunks, as far as there is time.
func (a *App) drainJobs(ctx context.Context) {
	if a.jobs != nil {
		a.jobs.Drain(ctx)
	}
}

var jobStates = map[catalog.JobState]string{
	catalog.JobQueued: "queued", catalog.JobRunning: "running", catalog.JobPaused: "paused", catalog.JobSucceeded: "succeeded",
	catalog.JobCancelled: "cancelled", catalog.JobFailed: "failed",
}

// sendJobFigures sends how many jobs there are, and what they have stored.
func (a *App) sendJobFigures(out chan<- prometheus.Metric) {
	counts := a.jobs.States()
	for state, name := range jobStates {
		metric.Jobs.Send(out, float64(counts[state]), name)
	}
	for _, r := range a.jobs.Rooms(context.Background()) {
		metric.StoreBytes.Send(out, float64(r.Used), r.Part)
		metric.StoreLimit.Send(out, float64(r.Limit), r.Part)
	}
}
