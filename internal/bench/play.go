package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// scenario is an upstream and the work that is sent to it.
type scenario struct {
	name  string
	sim   string // llmsim's configuration, YAML over seed 1 and the usual latency
	keys  string // as in OPENAI_API_KEY
	items int    // of all callers together
	env   []string
	// replicas are the services that share the work. 0: one.
	replicas int
	// figures returns cells of the table for a result.
	figures func(*scenarioResult) []figure
	// yardstick also runs the scenario with plain AIMD.
	yardstick bool
	// against is another upstream for the same work, for comparison, as sim.
	against string
}

// figure is one cell: a measured value, and whether it reaches its goal.
type figure struct {
	text string
	good bool
}

// scenarioResult is the result of a scenario.
type scenarioResult struct {
	scenario *scenario
	stats    llmsim.Stats
	elapsed  time.Duration
	offset   time.Duration // of the statistics' start from the simulator's
	answered int
	lost     map[string]int64 // by reason
	// plain is the result of the same work against scenario.against, or nil.
	plain *scenarioResult
	// share is the number of answers of each replica when the first one had ended.
	share []int
}

func (p *scenarioResult) losses() int {
	n := int64(0)
	for _, k := range p.lost {
		n += k
	}
	return int(n)
}

// play runs a scenario against the whole service.
func (b bench) play(ctx context.Context, s *scenario) (*scenarioResult, error) {
	sim, err := b.role(ctx, "sim", s.sim)
	if err != nil {
		return nil, err
	}
	defer sim.stop()
	simBegan := time.Now()
	replicas := make([]*process, max(1, s.replicas))
	for i := range replicas {
		if replicas[i], err = b.serve(ctx, sim.addr, s); err != nil {
			return nil, err
		}
		defer replicas[i].stop()
	}
	p := &scenarioResult{scenario: s, lost: map[string]int64{}, share: make([]int, len(replicas))}
	if err := resetStats(ctx, sim.addr); err != nil {
		return nil, err
	}
	p.offset = time.Since(simBegan)
	began := time.Now()
	if err := p.callAll(ctx, replicas); err != nil {
		return nil, err
	}
	p.elapsed = time.Since(began)
	p.stats, err = readStats(ctx, sim.addr)
	return p, err
}

// serve starts one service of a scenario.
func (b bench) serve(ctx context.Context, simAddr string, s *scenario) (*process, error) {
	env := modelAt(simAddr, "OPENAI_API_KEY="+s.keys, "CREDENZA_LOG_LEVEL=error", noCache)
	return b.service(ctx, nil, append(env, s.env...)...)
}

// callAll sends each replica its part of the items, all at once.
func (p *scenarioResult) callAll(ctx context.Context, replicas []*process) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	through := false
	counts := make([]int, len(replicas))
	for i, r := range replicas {
		wg.Go(func() {
			err := classify(ctx, r.addr, p.scenario.items/len(replicas), func(result credenza.Result) {
				mu.Lock()
				defer mu.Unlock()
				if result.Err != nil {
					p.lost[result.Err.Reason]++
					return
				}
				p.answered++
				counts[i]++
			})
			mu.Lock()
			defer mu.Unlock()
			if !through {
				through = true
				copy(p.share, counts)
			}
			if err != nil {
				failed = err
			}
		})
	}
	wg.Wait()
	return failed
}

// classify sends n items to a service and calls each with the results.
func classify(ctx context.Context, addr string, n int, each func(credenza.Result)) error {
	client, err := credenza.Dial(addr, credenza.WithPlaintext())
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	for result, err := range client.ClassifyStream(ctx, textItems(n), credenza.Options{Mode: credenza.Text, BatchSize: 1}).Results() {
		if err != nil {
			return fmt.Errorf("the call failed: %w", err)
		}
		each(result)
	}
	return nil
}
