package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"
)

// median and sigma are the simulated model's latency distribution, lognormal.
const (
	median = 200 * time.Millisecond
	sigma  = 0.5
)

// goals are the shares of the ideal to be reached, by workers.
var goals = []struct {
	workers int
	share   float64
}{{32, 0.97}, {128, 0.95}, {512, 0.90}}

// bench runs one program after the other under the same load.
type bench struct {
	self, credenza string
	warm, measure  time.Duration
}

// rates are the figures of one steady state.
type rates struct {
	rate  float64       // answers a second
	mean  time.Duration // the simulator's
	share float64       // of the ideal
	cpu   time.Duration // the program's own, for each answer
	sim   time.Duration // the simulator's, for each answer
	peak  int64         // the most memory that the program had, in bytes
}

// throughputCommand compares the service with a bare errgroup loop over openai-go,
// in the same run, against the same simulated model. Figures are of a steady state:
// the first seconds are left out, and the run is cut off while it is still at full
// load. The ideal is workers / mean latency, with the mean as the simulator measured
// it in the same seconds.
type throughputCommand struct {
	Rounds int `default:"1" help:"How often each pair is measured."`
	Only   int `default:"0" help:"Only so many workers: 32, 128 or 512. 0: all."`
}

// Run prints a row for each program and number of workers.
func (c throughputCommand) Run(ctx context.Context, b bench, w io.Writer) error {
	t := &table{w: w}
	t.row("workers", "program", "items/s", "mean", "of ideal", "goal", "CPU/item", "sim CPU/item")
	for _, g := range goals {
		for range c.Rounds {
			if c.Only != 0 && c.Only != g.workers {
				continue
			}
			if err := b.compare(ctx, t, g.workers, g.share); err != nil {
				return err
			}
		}
	}
	return t.err
}

// compare prints the rows of one number of workers: the bare loop with and without
// log-probabilities, which enlarge the answers, and the service, which asks for them. The
// comparison is of the same answers, without the alternatives that the service asks for
// too; what those cost is the last row.
func (b bench) compare(ctx context.Context, t *table, workers int, goal float64) error {
	bare, err := b.measureBare(ctx, workers, "logprobs")
	if err != nil {
		return fmt.Errorf("bare loop with %d workers: %w", workers, err)
	}
	plain, err := b.measureBare(ctx, workers, "plain")
	if err != nil {
		return fmt.Errorf("bare loop without log-probabilities with %d workers: %w", workers, err)
	}
	ours, err := b.measureCredenza(ctx, workers, withoutTop)
	if err != nil {
		return fmt.Errorf("credenza with %d workers: %w", workers, err)
	}
	top, err := b.measureCredenza(ctx, workers)
	if err != nil {
		return fmt.Errorf("credenza with alternatives and %d workers: %w", workers, err)
	}
	t.row(strconv.Itoa(workers), "bare loop", f1(bare.rate), ms(bare.mean), pct(bare.share), "", us(bare.cpu), us(bare.sim))
	t.row("", "bare plain", f1(plain.rate), ms(plain.mean), pct(plain.share), "", us(plain.cpu), us(plain.sim))
	t.row("", "credenza", f1(ours.rate), ms(ours.mean), pct(ours.share), pct(goal), us(ours.cpu), us(ours.sim))
	t.row("", "top 5", f1(top.rate), ms(top.mean), pct(top.share), "", us(top.cpu), us(top.sim))
	t.printf("%9scredenza / bare loop: %.2f of the items/s, %.2f of the CPU for each item, %.2f of that without log-probabilities (top 5: with alternatives, left out here)\n", "",
		ours.rate/bare.rate, float64(ours.cpu)/float64(bare.cpu), float64(ours.cpu)/float64(plain.cpu))
	return nil
}

func (b bench) measureBare(ctx context.Context, workers int, logprobs string) (rates, error) {
	return b.withSim(ctx, func(ctx context.Context, sim *process) (rates, error) {
		loop, err := b.role(ctx, "bare", sim.addr, strconv.Itoa(workers), logprobs)
		if err != nil {
			return rates{}, err
		}
		defer loop.stop()
		return b.steady(ctx, workers, sim, loop)
	})
}

// withoutTop configures a model's server that gives the log-probabilities of its tokens,
// and none of alternatives.
const withoutTop = `rules: [{if: [top_logprobs], status: 400, body: '{"error":{"message":"top_logprobs is not supported","param":"top_logprobs"}}'}]`

func (b bench) measureCredenza(ctx context.Context, workers int, config ...string) (rates, error) {
	return b.withSim(ctx, func(ctx context.Context, sim *process) (rates, error) {
		return b.measureServer(ctx, workers, sim, nil, "load")
	}, config...)
}

// measureServer measures the service under a load: the role with the name, whose
// arguments are the service's address and args.
func (b bench) measureServer(ctx context.Context, workers int, sim *process, env []string, role string, args ...string) (rates, error) {
	server, err := b.service(ctx, nil, modelAt(sim.addr, append(env, "CREDENZA_MAX_WORKERS="+strconv.Itoa(workers))...)...)
	if err != nil {
		return rates{}, err
	}
	defer server.stop()
	load, err := b.role(ctx, append([]string{role, server.addr}, args...)...)
	if err != nil {
		return rates{}, err
	}
	defer load.stop()
	return b.steady(ctx, workers, sim, server)
}

// withSim calls f with a simulated model. config is YAML for what is not as usual.
func (b bench) withSim(ctx context.Context, f func(context.Context, *process) (rates, error), config ...string) (rates, error) {
	sim, err := b.role(ctx, append([]string{"sim"}, config...)...)
	if err != nil {
		return rates{}, err
	}
	defer sim.stop()
	return f(ctx, sim)
}

// steady measures a program after the warm-up.
func (b bench) steady(ctx context.Context, workers int, sim, p *process) (rates, error) {
	if err := sleep(ctx, b.warm); err != nil {
		return rates{}, err
	}
	before, simBefore, err := cpuOf(p, sim)
	if err != nil {
		return rates{}, err
	}
	if err := resetStats(ctx, sim.addr); err != nil {
		return rates{}, err
	}
	if err := sleep(ctx, b.measure); err != nil {
		return rates{}, err
	}
	stats, err := readStats(ctx, sim.addr)
	if err != nil {
		return rates{}, err
	}
	after, simAfter, err := cpuOf(p, sim)
	if err != nil {
		return rates{}, err
	}
	peak, err := memory(p.cmd.Process.Pid, memoryPeak)
	if err != nil {
		return rates{}, err
	}
	n := stats.Latency.Count
	if n == 0 || stats.Calls > n+int64(2*workers) {
		return rates{}, fmt.Errorf("%d of %d calls were answered: %v", n, stats.Calls, stats.ByStatus)
	}
	rate := float64(n) / stats.Period.Seconds()
	return rates{
		rate: rate, mean: stats.Latency.Mean,
		share: rate * stats.Latency.Mean.Seconds() / float64(workers),
		cpu:   (after - before) / time.Duration(n),
		sim:   (simAfter - simBefore) / time.Duration(n),
		peak:  peak,
	}, nil
}
