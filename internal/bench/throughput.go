package main

import (
	"context"
	"fmt"
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

// rates are the figures of one steady state.
type rates struct {
	rate  float64       // answers a second
	mean  time.Duration // the simulator's
	share float64       // of the ideal
	cpu   time.Duration // the program's own, for each answer
	sim   time.Duration // the simulator's, for each answer
	peak  uint64        // the most memory that the program had, in bytes
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
func (c throughputCommand) Run(ctx context.Context, b *bench) error {
	b.row("workers", "program", "items/s", "mean", "of ideal", "goal", "CPU/item", "sim CPU/item")
	for _, g := range goals {
		for range c.Rounds {
			if c.Only == 0 || c.Only == g.workers {
				b.compare(ctx, g.workers, g.share)
			}
		}
	}
	return ctx.Err()
}

// withoutTop configures a model's server that gives the log-probabilities of its tokens,
// and none of alternatives.
const withoutTop = `rules: [{if: [top_logprobs], status: 400, body: '{"error":{"message":"top_logprobs is not supported","param":"top_logprobs"}}'}]`

// compare prints the rows of one number of workers: the bare loop with and without
// log-probabilities, which enlarge the answers, and the service, which asks for them. The
// comparison is of the same answers, without the alternatives that the service asks for
// too; what those cost is the last row.
func (b *bench) compare(ctx context.Context, workers int, goal float64) {
	n := strconv.Itoa(workers)
	bare := b.rates(n, "bare loop", "", b.measureBare(ctx, workers, "logprobs"))
	plain := b.rates(n, "bare plain", "", b.measureBare(ctx, workers, "plain"))
	ours := b.rates(n, "credenza", pct(goal), b.measureService(ctx, workers, withoutTop, "load"))
	b.rates(n, "top 5", "", b.measureService(ctx, workers, "", "load"))
	b.printf("%9scredenza / bare loop: %.2f of the items/s, %.2f of the CPU for each item, %.2f of that without log-probabilities (top 5: with alternatives, left out here)\n", "",
		ours.rate/bare.rate, float64(ours.cpu)/float64(bare.cpu), float64(ours.cpu)/float64(plain.cpu))
}

// rates prints the row of a program's figures, and returns them.
func (b *bench) rates(workers, program, goal string, r rates) rates {
	b.row(workers, program, f1(r.rate), ms(r.mean), pct(r.share), goal, us(r.cpu), us(r.sim))
	return r
}

func (b *bench) measureBare(ctx context.Context, workers int, logprobs string) rates {
	sim := b.role(ctx, "sim")
	defer sim.stop()
	loop := b.role(ctx, "bare", sim.addr, strconv.Itoa(workers), logprobs)
	defer loop.stop()
	return b.steady(ctx, workers, sim, loop)
}

// measureService measures the service with a simulated model under a load: the role with
// the name, whose arguments are the service's address and args.
func (b *bench) measureService(ctx context.Context, workers int, config, role string, args ...string) rates {
	sim := b.role(ctx, "sim", config)
	defer sim.stop()
	server := b.service(ctx, sim.addr, "CREDENZA_IMAGE_ALLOW=127.0.0.0/8", "CREDENZA_MAX_WORKERS="+strconv.Itoa(workers))
	defer server.stop()
	load := b.role(ctx, append([]string{role, server.addr}, args...)...)
	defer load.stop()
	return b.steady(ctx, workers, sim, server)
}

// steady measures a program after the warm-up.
func (b *bench) steady(ctx context.Context, workers int, sim, p *process) rates {
	check(sleep(ctx, b.Warm))
	before, simBefore := p.cpu(), sim.cpu()
	resetStats(ctx, sim)
	check(sleep(ctx, b.Measure))
	stats := readStats(ctx, sim)
	used, simUsed := p.cpu()-before, sim.cpu()-simBefore
	n := stats.Latency.Count
	if n == 0 || stats.Calls > n+int64(2*workers) {
		check(fmt.Errorf("%d of %d calls were answered: %v", n, stats.Calls, stats.ByStatus))
	}
	rate := float64(n) / stats.Period.Seconds()
	return rates{
		rate: rate, mean: stats.Latency.Mean,
		share: rate * stats.Latency.Mean.Seconds() / float64(workers),
		cpu:   used / time.Duration(n),
		sim:   simUsed / time.Duration(n),
		peak:  peak(p.cmd.Process.Pid),
	}
}
