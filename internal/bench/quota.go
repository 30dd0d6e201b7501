package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/llmsim"
)

// perSecond is the quota of the scenarios that have one, in requests a second.
const perSecond = 100

const (
	bucket = "quota: {requests: {amount: 100, per: 1s}}"
	oneKey = "sk-bench-key-0001"
)

// quotaScenarios are upstreams with limits that are known, hidden or shared.
var quotaScenarios = []scenario{
	{
		name: "100/s, one key", sim: bucket, keys: oneKey, items: 3000, yardstick: true,
		figures: figures(quotaUse(2, 0.97), throttled(0.005)),
	},
	{
		name: "50/s on each of two keys", sim: "quota: {requests: {amount: 50, per: 1s}}",
		keys: oneKey + ",sk-bench-key-0002", items: 3000, yardstick: true,
		figures: figures(quotaUse(2, 0.97), throttled(0.005)),
	},
	{
		name: "1,000 every 10 s, fixed windows", sim: "quota: {requests: {amount: 1000, per: 10s, window: true}}",
		keys: oneKey, items: 5000, yardstick: true,
		figures: figures(quotaUse(0, 0.97), throttled(0.005)),
	},
	{
		name: "150,000 tokens/s", sim: "quota: {tokens: {amount: 150000, per: 1s}}",
		keys: oneKey, items: 3000,
		figures: figures(tokenUse(150_000, 0.97), throttled(0.005)),
	},
	{
		name: "100/s, no headers", sim: "quota: {requests: {amount: 100, per: 1s}, no_headers: true, retry_after: none}",
		keys: oneKey, items: 3000, yardstick: true,
		figures: figures(quotaUse(2, 0.95), throttled(0.01)),
	},
	{
		name: "100/s, three replicas", sim: bucket, keys: oneKey, items: 6000, replicas: 3,
		figures: figures(quotaUse(2, 0.97), throttled(0.02), fairShare(0.95)),
	},
	{
		name: "32 slots and a queue", sim: "slots: 32", keys: oneKey, items: 6000, yardstick: true,
		figures: figures(slotThroughput(32, 0.95), slotLatency(2)),
	},
}

// quotaCommand plays upstreams with limits, faults and outages.
type quotaCommand struct {
	Only string `help:"Play only scenarios whose name matches this regular expression."`
}

// Run plays every scenario and prints a row for each program.
func (c quotaCommand) Run(ctx context.Context, b bench, w io.Writer) error {
	only, err := regexp.Compile(c.Only)
	if err != nil {
		return fmt.Errorf("--only: %w", err)
	}
	t := &table{w: w}
	for _, group := range [][]scenario{quotaScenarios, strayScenarios(), faultScenarios} {
		for i := range group {
			if !only.MatchString(group[i].name) {
				continue
			}
			if err := b.rows(ctx, t, &group[i]); err != nil {
				return err
			}
		}
	}
	if only.MatchString("small call among large ones") {
		return b.fairness(ctx, t)
	}
	return t.err
}

// rows plays one scenario and prints a row for each program.
func (b bench) rows(ctx context.Context, t *table, s *scenario) error {
	p, err := b.play(ctx, s)
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	if s.against != "" {
		plain := *s
		plain.sim = s.against
		if p.plain, err = b.play(ctx, &plain); err != nil {
			return fmt.Errorf("%s, without: %w", s.name, err)
		}
	}
	t.outcome("credenza", p)
	if !s.yardstick {
		return nil
	}
	if p, err = b.playAIMD(ctx, s); err != nil {
		return fmt.Errorf("%s, AIMD: %w", s.name, err)
	}
	t.outcome("AIMD", p)
	return nil
}

// outcome prints a scenario's figures. One that misses its goal has a "!".
func (t *table) outcome(program string, p *scenarioResult) {
	var cells []string
	lost := fmt.Sprintf("lost %d", p.losses())
	if p.losses() > 0 {
		lost += fmt.Sprintf(" %v !", p.lost)
	}
	for _, f := range append([]figure{{lost, true}}, p.scenario.figures(p)...) {
		if !f.good {
			f.text += " !"
		}
		cells = append(cells, f.text)
	}
	t.printf("%-34s %-9s %6.1fs  %s\n", p.scenario.name, program, p.elapsed.Seconds(), strings.Join(cells, ", "))
}

func figures(fs ...func(*scenarioResult) figure) func(*scenarioResult) []figure {
	return func(p *scenarioResult) []figure {
		all := make([]figure, len(fs))
		for i, f := range fs {
			all[i] = f(p)
		}
		return all
	}
}

// quotaUse is the number of answers over the quota from the first call to the last
// answer. It leaves out the first seconds, in which a full bucket allows a burst.
func quotaUse(seconds int, goal float64) func(*scenarioResult) figure {
	return func(p *scenarioResult) figure {
		answers, span := p.answered, p.elapsed.Seconds()-float64(seconds)
		for _, n := range p.stats.ServedPerSecond[:min(seconds, len(p.stats.ServedPerSecond))] {
			answers -= int(n)
		}
		v := float64(answers) / (perSecond * span)
		return figure{fmt.Sprintf("use %.1f %% (goal %.0f)", 100*v, 100*goal), v >= goal}
	}
}

// tokenUse is the same for tokens. A bucket has those of one second.
func tokenUse(rate, goal float64) func(*scenarioResult) figure {
	return func(p *scenarioResult) figure {
		tokens := float64(p.stats.Tokens.Prompt + p.stats.Tokens.Completion)
		v := (tokens - rate) / (rate * p.elapsed.Seconds())
		return figure{fmt.Sprintf("tokens used %.1f %% (goal %.0f)", 100*v, 100*goal), v >= goal}
	}
}

func throttled(goal float64) func(*scenarioResult) figure {
	return func(p *scenarioResult) figure {
		v := float64(p.stats.Throttled) / float64(p.stats.Calls)
		return figure{fmt.Sprintf("429s %.2f %% (goal under %.1f)", 100*v, 100*goal), v < goal}
	}
}

// fairShare is Jain's index (Jain, Chiu and Hawe 1984) of the replicas' answers when
// the first replica had ended.
func fairShare(goal float64) func(*scenarioResult) figure {
	return func(p *scenarioResult) figure {
		sum, squares := 0.0, 0.0
		for _, n := range p.share {
			sum += float64(n)
			squares += float64(n) * float64(n)
		}
		v := sum * sum / (float64(len(p.share)) * squares)
		return figure{fmt.Sprintf("Jain %.3f (goal %.2f)", v, goal), v >= goal}
	}
}

// meanLatency is that of the simulated model if no call waits for a slot.
const meanLatency = 226_629 * time.Microsecond // median x exp(sigma^2 / 2)

// slotThroughput is the throughput as a share of that with all slots in use.
func slotThroughput(slots int, goal float64) func(*scenarioResult) figure {
	return func(p *scenarioResult) figure {
		v := steadyRate(&p.stats) * meanLatency.Seconds() / float64(slots)
		return figure{fmt.Sprintf("throughput %.1f %% (goal %.0f)", 100*v, 100*goal), v >= goal}
	}
}

func slotLatency(goal float64) func(*scenarioResult) figure {
	return func(p *scenarioResult) figure {
		v := float64(p.stats.Latency.Mean) / float64(meanLatency)
		return figure{fmt.Sprintf("latency %.2f x unloaded (goal %.0f)", v, goal), v <= goal}
	}
}

// steadyRate is the number of answers a second, without the first five seconds, in which
// the limit is found, and the last two, in which the work runs out.
func steadyRate(s *llmsim.Stats) float64 {
	served := s.ServedPerSecond
	if len(served) < 10 {
		return 0
	}
	served = served[5 : len(served)-2]
	sum := int64(0)
	for _, n := range served {
		sum += n
	}
	return float64(sum) / float64(len(served))
}

// fairness compares a call of ten items alone and with two of 5,000 in flight.
func (b bench) fairness(ctx context.Context, t *table) error {
	s := &scenario{keys: oneKey, env: []string{"CREDENZA_MAX_WORKERS=32"}}
	sim, err := b.role(ctx, "sim", "seed: 3")
	if err != nil {
		return err
	}
	defer sim.stop()
	server, err := b.serve(ctx, sim.addr, s)
	if err != nil {
		return err
	}
	defer server.stop()
	alone, err := medianTime(ctx, server.addr)
	if err != nil {
		return err
	}
	busy, stop := context.WithCancel(ctx)
	done := make(chan error, 2)
	for range 2 {
		go func() { done <- classify(busy, server.addr, 5000, ignore) }()
	}
	if err := sleep(ctx, 3*time.Second); err != nil {
		stop()
		return err
	}
	contended, err := medianTime(ctx, server.addr)
	select {
	case ended := <-done:
		stop()
		return fmt.Errorf("a large call ended too soon: %w", errors.Join(ended, err))
	default:
	}
	stop()
	for range 2 {
		<-done //nolint:errcheck // it ends with the cancellation
	}
	ratio := float64(contended) / float64(alone)
	mark := ""
	if ratio > 1.5 {
		mark = " !"
	}
	t.printf("%-34s %-9s          alone %v, with two of 5,000 %v: %.2f times (goal 1.5)%s\n",
		"small call among large ones", "credenza", alone.Round(time.Millisecond), contended.Round(time.Millisecond), ratio, mark)
	return err
}

// medianTime returns the median time of five calls with ten items each.
func medianTime(ctx context.Context, addr string) (time.Duration, error) {
	times := make([]time.Duration, 5)
	for i := range times {
		began := time.Now()
		if err := classify(ctx, addr, 10, ignore); err != nil {
			return 0, err
		}
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}
