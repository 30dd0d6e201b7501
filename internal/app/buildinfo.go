package app

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/credenza-dev/credenza/internal/metric"
)

// buildInfo collects the program's version.
type buildInfo struct{}

// Describe lists what Collect sends.
func (buildInfo) Describe(to chan<- *prometheus.Desc) { to <- metric.BuildInfo.Desc() }

// Collect sends the version.
func (buildInfo) Collect(to chan<- prometheus.Metric) {
	metric.BuildInfo.Send(to, 1, Version, Commit(), runtime.Version())
}
