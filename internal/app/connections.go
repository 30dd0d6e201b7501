package app

import (
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/credenza-dev/credenza/internal/metric"
	"github.com/credenza-dev/credenza/internal/peers"
)

// Connections that may be open unless it is set: half of the process's file descriptors,
// for the other half are for the model's servers, shops and files. Each takes some 100 KiB
// of memory, which the most is for.
const (
	mostConnections  = 10_000
	leastConnections = 16
)

// connections returns how many connections callers may have open.
func (c *Config) connections() int {
	if c.MaxConns > 0 {
		return c.MaxConns
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return mostConnections
	}
	return int(max(leastConnections, min(files.Cur/2, mostConnections)))
}

// peerMetrics are what the bounds of connections did.
func peerMetrics(limits *peers.Limits) []prometheus.Collector {
	return []prometheus.Collector{
		metric.Connections.Func(func() float64 { return float64(limits.Stats().Open) }),
		metric.ConnectionsRefused.Func(func() float64 { return float64(limits.Stats().Refused) }),
		metric.CallsSlowed.Func(func() float64 { return float64(limits.Stats().Slowed) }),
	}
}
