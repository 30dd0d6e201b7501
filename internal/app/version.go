package app

import (
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/credenza-dev/credenza/internal/metric"
)

// Version is the program's version; the Makefile sets it at link time.
var Version = "dev"

// commit is what the program was built from; the Makefile sets it at link time.
var commit string

// Commit returns the commit that the program was built from, as the Makefile or else the
// go command knew it, or "unknown".
func Commit() string {
	if commit != "" {
		return commit
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	const length = 12 // of hexadecimal digits
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && s.Value != "" {
			return s.Value[:min(len(s.Value), length)]
		}
	}
	return "unknown"
}

// sendBuildInfo sends the version as a metric.
func sendBuildInfo(to chan<- prometheus.Metric) {
	metric.BuildInfo.Send(to, 1, Version, Commit(), runtime.Version())
}
