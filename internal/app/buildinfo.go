package app

import (
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/credenza-dev/credenza/internal/metric"
)

// buildInfo collects the program's version.
type buildInfo struct{}

// Describe lists what Collect sends.
func (buildInfo) Describe(to chan<- *prometheus.Desc) { to <- metric.BuildInfo.Desc() }

// Collect sends the version.
func (buildInfo) Collect(to chan<- prometheus.Metric) {
	metric.BuildInfo.Send(to, 1, Version, revision(), runtime.Version())
}

// revision returns the commit that the program was built from; empty: it is not known.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
