package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

// quotaCommand plays upstreams with limits, faults and outages.
type quotaCommand struct {
	Only *regexp.Regexp `help:"Play only scenarios whose name matches this regular expression."`
}

// Run plays every scenario and prints a row for each program. A figure that misses its
// goal has a "!".
func (c quotaCommand) Run(ctx context.Context, b *bench) error {
	wanted := func(name string) bool { return c.Only == nil || c.Only.MatchString(name) }
	for _, s := range scenarios {
		if !wanted(s.name) {
			continue
		}
		p := b.play(ctx, &s, s.sim)
		if s.against != "" {
			b.playPairs(ctx, p)
		}
		b.outcome("credenza", p)
		if s.yardstick {
			b.outcome("AIMD", b.playAIMD(ctx, &s))
		}
	}
	if wanted("small call among large ones") {
		b.fairness(ctx)
	}
	return ctx.Err()
}

// pairs is how often a scenario that is compared is played with each upstream. Such a run
// takes some seconds and all of the processor, so that one alone may be 5 % off.
const pairs = 3

// playPairs plays the scenario of p, which has been played once, with the other upstream,
// then both in turn.
func (b *bench) playPairs(ctx context.Context, p *result) {
	s := p.scenario
	p.with, p.without = []*result{p}, []*result{b.play(ctx, s, s.against)}
	for range pairs - 1 {
		with := b.play(ctx, s, s.sim)
		for reason, n := range with.lost {
			p.lost[reason] += n
		}
		p.with, p.without = append(p.with, with), append(p.without, b.play(ctx, s, s.against))
	}
}

func (b *bench) outcome(program string, p *result) {
	cells := []string{fmt.Sprintf("lost %d", p.losses())}
	if p.losses() > 0 {
		cells[0] += fmt.Sprintf(" %v !", p.lost)
	}
	for _, f := range p.scenario.figures {
		text, good := f(p)
		cells = append(cells, text+mark(good))
	}
	b.printf("%-34s %-9s %6.1fs  %s\n", p.scenario.name, program, p.elapsed.Seconds(), strings.Join(cells, ", "))
}

func mark(good bool) string {
	if good {
		return ""
	}
	return " !"
}

// fairness compares a call of ten items alone and with two of 5,000 in flight.
func (b *bench) fairness(ctx context.Context) {
	sim := b.role(ctx, "sim", "seed: 3")
	defer sim.stop()
	server := b.service(ctx, sim.addr, "CREDENZA_MAX_WORKERS=32", noCache)
	defer server.stop()
	alone := medianTime(ctx, server.addr)
	busy, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 2)
	for range 2 {
		go func() { ended <- askAbout(busy, server.addr, 5000, func(credenza.Result) error { return nil }) }()
	}
	check(sleep(ctx, 3*time.Second))
	contended := medianTime(ctx, server.addr)
	select {
	case err := <-ended:
		check(errors.Join(errors.New("a large call ended too soon"), err))
	default:
	}
	ratio := float64(contended) / float64(alone)
	b.printf("%-34s %-9s          alone %v, with two of 5,000 %v: %.2f times (goal 1.5)%s\n", "small call among large ones", "credenza",
		alone.Round(time.Millisecond), contended.Round(time.Millisecond), ratio, mark(ratio <= 1.5))
}

// medianTime returns the median time of five calls with ten items each.
func medianTime(ctx context.Context, addr string) time.Duration {
	times := make([]time.Duration, 5)
	for i := range times {
		began := time.Now()
		check(askAbout(ctx, addr, 10, func(credenza.Result) error { return nil }))
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times[len(times)/2]
}
