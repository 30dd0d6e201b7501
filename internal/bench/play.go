package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// result is the result of a scenario.
type result struct {
	scenario *scenario
	stats    llmsim.Stats
	elapsed  time.Duration
	offset   time.Duration // of the statistics' start from the simulator's
	answered int
	lost     map[string]int // by reason
	// with are the runs of the scenario, this one included, and without those of the same
	// work against scenario.against, if it has one.
	with, without []*result
	// share is the number of answers of each replica when the first one had ended.
	share []int
}

func (p *result) losses() (n int) {
	for _, k := range p.lost {
		n += k
	}
	return n
}

// play runs a scenario's work against the whole service, whose upstream is configured
// by sim.
func (b *bench) play(ctx context.Context, s *scenario, sim string) *result {
	upstream := b.role(ctx, "sim", sim)
	defer upstream.stop()
	simBegan := time.Now()
	replicas := make([]*process, max(1, s.replicas))
	for i := range replicas {
		env := []string{"OPENAI_API_KEY=" + s.keys, "CREDENZA_LOG_LEVEL=error", noCache}
		replicas[i] = b.service(ctx, upstream.addr, append(env, s.env...)...)
		defer replicas[i].stop()
	}
	p := &result{scenario: s, lost: map[string]int{}}
	resetStats(ctx, upstream)
	began := time.Now()
	p.offset = began.Sub(simBegan)
	check(p.callAll(ctx, replicas))
	p.elapsed = time.Since(began)
	p.stats = readStats(ctx, upstream)
	return p
}

// callAll sends each replica its part of the items, all at once.
func (p *result) callAll(ctx context.Context, replicas []*process) error {
	var group errgroup.Group
	var mu sync.Mutex
	counts := make([]int, len(replicas))
	for i, r := range replicas {
		group.Go(func() error {
			err := askAbout(ctx, r.addr, p.scenario.items/len(replicas), func(result credenza.Result) error {
				mu.Lock()
				defer mu.Unlock()
				if result.Err != nil {
					p.lost[string(result.Err.Reason)]++
					return nil
				}
				p.answered++
				counts[i]++
				return nil
			})
			mu.Lock()
			defer mu.Unlock()
			if p.share == nil {
				p.share = slices.Clone(counts)
			}
			return err
		})
	}
	return group.Wait()
}

// askAbout asks a service about n items and calls each with the results.
func askAbout(ctx context.Context, addr string, n int, each func(credenza.Result) error) error {
	client, err := dial(addr)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	return classify(ctx, client, itemsOf(n, question), credenza.Options{Mode: credenza.Text, BatchSize: 1}, each)
}
