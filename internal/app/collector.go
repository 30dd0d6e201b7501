package app

import "github.com/prometheus/client_golang/prometheus"

// collector sends figures that a part holds, as they are at a scrape.
type collector func(out chan<- prometheus.Metric)

// Describe lists nothing: which series there are depends on the settings, and on whether a
// store is there.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect sends the figures.
func (c collector) Collect(out chan<- prometheus.Metric) { c(out) }
