package app

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/credenza-dev/credenza/internal/cache"
	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/llm"
	"github.com/credenza-dev/credenza/internal/metric"
	"github.com/credenza-dev/credenza/internal/prompt"
	"github.com/credenza-dev/credenza/internal/rpc"
)

// newCache returns the cache of the model's answers; nil for the offline classifier,
// which is faster than any cache.
func (a *App) newCache() *cache.Cache {
	c := &a.config
	if c.backend() == backendOffline || c.CacheMemory == 0 {
		return nil
	}
	config := cache.Config{
		MemoryBytes: int64(c.CacheMemory) << 20, TTL: c.CacheAge, ProvisionalTTL: c.CacheURLAge, Log: a.log,
	}
	if a.broker != nil && c.CacheMax > 0 {
		config.Bucket = &cache.Bucket{
			JetStream: a.broker.JetStream(), Publish: a.broker.Publish, Owned: a.broker.Embedded(),
			MaxBytes: int64(c.CacheMax) << 20, Replicas: a.broker.Replicas,
		}
	}
	m := cache.New(config)
	a.closers = append(a.closers, m.Close)
	return m
}

// scopeOf returns what the model's answers depend on in addition to the item and the
// model's name. The servers are part of it: a simulator's answer under a model's name is
// none of that model.
func scopeOf(c *Config, p *prompt.Prompt) catalog.Scope {
	return catalog.NewScope(llm.BackendName, p.TaxonomyVersion(), p.Version(), strings.Join(c.servers(), " "),
		"detail="+c.ImageDetail, "fit="+strconv.Itoa(c.fit()),
		"room="+strconv.Itoa(llm.DefaultMaxTokens), "temperature=0")
}

// servers are those that may answer, each with the names that it has for models.
func (c *Config) servers() []string {
	var all []string
	for _, g := range c.groups() {
		all = append(all, fmt.Sprint(strings.TrimRight(g.BaseURL, "/"), g.Models)) // maps print in order
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// cacheStatus returns nil without a cache.
func cacheStatus(m *cache.Cache) *rpc.CacheStatus {
	if m == nil {
		return nil
	}
	s := m.Stats()
	return &rpc.CacheStatus{Entries: s.Entries, Bytes: s.Bytes, Hits: s.MemoryHits + s.StoreHits, Misses: s.Misses}
}

// sendCacheFigures sends the cache's figures.
func (a *App) sendCacheFigures(to chan<- prometheus.Metric) {
	s := a.cache.Stats()
	metric.CacheHits.Send(to, float64(s.MemoryHits), "memory")
	metric.CacheHits.Send(to, float64(s.StoreHits), "store")
	metric.CacheMisses.Send(to, float64(s.Misses))
	metric.CacheShared.Send(to, float64(s.Shared))
	metric.CacheEntries.Send(to, float64(s.Entries))
	metric.CacheBytes.Send(to, float64(s.Bytes))
	for result, n := range map[string]int64{
		"written": s.Written, "read_failed": s.FailedReads, "write_failed": s.FailedWrites,
		"skipped": s.Skipped, "dropped": s.Dropped, "unreadable": s.Unreadable,
	} {
		metric.CacheStore.Send(to, float64(n), result)
	}
}
