// Package metric is the catalogue of the service's metrics: the name, type, labels and
// meaning of each.
//
// Parts of the service count, and this package says what their figures are called. A part
// that holds its own counters makes them here (Counter, HistogramVec); one whose figures are
// read at a scrape sends them (Send). So nothing reaches /metrics that is not in Sections, and
// docs/metrics.md, which Document writes, has everything that does.
//
//	items := metric.Items.CounterVec()
//	registry.MustRegister(items)
//	items.WithLabelValues("text", "ok").Inc()
//
//	metric.PoolLimit.Send(out, 32)
//
// Counters end in _total, times are in seconds and sizes in bytes, as Prometheus advises.
package metric

import "github.com/prometheus/client_golang/prometheus"

// Type is what a metric's values are.
type Type string

// The types.
const (
	Counter   Type = "counter" // only grows
	Gauge     Type = "gauge"
	Histogram Type = "histogram"
)

// Label is a label of a metric.
type Label struct {
	Name string
	// Values describes its values, in Markdown.
	Values string
}

// Metric is one metric. It is immutable and safe for concurrent use.
type Metric struct {
	Name   string
	Type   Type
	Help   string // one sentence or two, without a line break
	Labels []Label
}

// LabelNames returns the names of the labels, in their order.
func (m *Metric) LabelNames() []string {
	var names []string
	for _, l := range m.Labels {
		names = append(names, l.Name)
	}
	return names
}

// Counter returns a counter. The metric has no labels.
func (m *Metric) Counter() prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: m.Name, Help: m.Help})
}

// CounterVec returns a counter with the metric's labels.
func (m *Metric) CounterVec() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, m.LabelNames())
}

// Histogram returns a histogram with the upper bounds of its buckets. The metric has no
// labels.
func (m *Metric) Histogram(bounds []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Name: m.Name, Help: m.Help, Buckets: bounds})
}

// HistogramVec returns a histogram with the metric's labels.
func (m *Metric) HistogramVec(bounds []float64) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: m.Name, Help: m.Help, Buckets: bounds}, m.LabelNames())
}

// Func returns a counter or gauge whose value f returns at each scrape. The metric has no
// labels.
func (m *Metric) Func(f func() float64) prometheus.Collector {
	if m.Type == Counter {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, f)
	}
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: m.Name, Help: m.Help}, f)
}

// Desc returns the description that collectors hand to a registry.
func (m *Metric) Desc() *prometheus.Desc {
	return prometheus.NewDesc(m.Name, m.Help, m.LabelNames(), nil)
}

// Send sends a counter's or gauge's value during a scrape, with the values of its labels.
func (m *Metric) Send(out chan<- prometheus.Metric, value float64, labels ...string) {
	kind := prometheus.GaugeValue
	if m.Type == Counter {
		kind = prometheus.CounterValue
	}
	out <- prometheus.MustNewConstMetric(m.Desc(), kind, value, labels...)
}

// SendHistogram sends a histogram during a scrape: how many values there were, their sum, and
// how many were at most each bound.
func (m *Metric) SendHistogram(out chan<- prometheus.Metric, count uint64, sum float64, buckets map[float64]uint64) {
	out <- prometheus.MustNewConstHistogram(m.Desc(), count, sum, buckets)
}
