package main

import (
	"fmt"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

// attemptTimeout is what one hanging call may cost.
const attemptTimeout = 30 * time.Second

// faultFree is how long 2,000 items take on a sound upstream with 64 workers.
const faultFree = 2000 * meanLatency / 64

// faultScenarios are upstreams that fail.
var faultScenarios = []scenario{
	{
		name: "a good, a revoked and an empty key",
		sim: `keys:
  - {secret: sk-bench-key-good}
  - {secret: sk-bench-key-gone, state: revoked}
  - {secret: sk-bench-key-poor, state: exhausted}`,
		keys: "sk-bench-key-good,sk-bench-key-gone,sk-bench-key-poor", items: 1000,
		figures: figures(wasted(20)),
	},
	{
		name: "429 10, 500 5, reset 3, ... %",
		sim:  "faults: {throttle: 0.10, error: 0.05, reset: 0.03, garbage: 0.03, cut: 0.02, hang: 0.005}",
		keys: oneKey, items: 2000, env: []string{"CREDENZA_MAX_WORKERS=64"},
		figures: figures(within(faultFree + 10*time.Second + attemptTimeout)),
	},
	outage("503"),
	outage("hang"),
	outage("reset"),
}

// outage is ten seconds without the upstream, in the middle of 4,000 items.
func outage(kind string) scenario {
	return scenario{
		name: "10 s of " + kind, sim: fmt.Sprintf("outages: [{start: %v, for: %v, kind: %q}]", outageStart, outageLength, kind),
		keys: oneKey, items: 4000, env: []string{"CREDENZA_MAX_WORKERS=32"},
		figures: figures(intoOutage(50+32), back(2*time.Second)),
	}
}

// wasted are the calls on keys that cannot serve.
func wasted(goal int64) func(*played) figure {
	return func(p *played) figure {
		n := int64(0)
		for _, k := range p.stats.Keys {
			n += k.Denied
		}
		return figure{fmt.Sprintf("%d calls wasted (goal under %d)", n, goal), n < goal}
	}
}

func within(goal time.Duration) func(*played) figure {
	return func(p *played) figure {
		return figure{
			fmt.Sprintf("took %.1f s (goal %.1f), %d calls", p.elapsed.Seconds(), goal.Seconds(), p.stats.Calls),
			p.elapsed <= goal,
		}
	}
}

// intoOutage are the calls that came while the upstream was away. Of the goal,
// 32 are those in flight, and failing one after the other, when it is noticed.
func intoOutage(goal int64) func(*played) figure {
	return func(p *played) figure {
		return figure{fmt.Sprintf("%d calls into it (goal under 50 + 32)", p.stats.InOutage), p.stats.InOutage < goal}
	}
}

// outageStart and outageLength are when the upstream goes away, and for how long.
const (
	outageStart  = 12 * time.Second
	outageLength = 10 * time.Second
)

// back is how long after the upstream's return the answers come as before, to
// the second in which they first do.
func back(goal time.Duration) func(*played) figure {
	return func(p *played) figure {
		served := p.stats.ServedPerSecond
		full := fullSpeed(served)
		returned := outageStart + outageLength - p.offset
		for i, n := range served {
			at := time.Duration(i) * time.Second
			if at >= returned-time.Second && full > 0 && float64(n) >= 0.9*float64(full) {
				took := max(0, at-returned)
				return figure{fmt.Sprintf("full speed %.1f s after the return (goal %v)", took.Seconds(), goal), took <= goal}
			}
		}
		return figure{"never back at full speed", false}
	}
}

// fullSpeed is the mean of the seconds before the outage, without the first two.
func fullSpeed(served []int64) int64 {
	if len(served) < 9 {
		return 0
	}
	sum := int64(0)
	for _, n := range served[2:9] {
		sum += n
	}
	return sum / 7
}

func ignore(credenza.Result) {}
