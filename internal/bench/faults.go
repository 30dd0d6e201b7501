package main

import (
	"fmt"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

// attemptTimeout is the time that one hanging call may cost.
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
		figures: figures(callsOnDeadKeys(20)),
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
		figures: figures(callsDuringOutage(50+32), recovery(2*time.Second)),
	}
}

// callsOnDeadKeys is the number of calls on keys that cannot serve.
func callsOnDeadKeys(goal int64) func(*scenarioResult) figure {
	return func(p *scenarioResult) figure {
		n := int64(0)
		for _, k := range p.stats.Keys {
			n += k.Denied
		}
		return figure{fmt.Sprintf("%d calls wasted (goal under %d)", n, goal), n < goal}
	}
}

func within(goal time.Duration) func(*scenarioResult) figure {
	return func(p *scenarioResult) figure {
		return figure{
			fmt.Sprintf("took %.1f s (goal %.1f), %d calls", p.elapsed.Seconds(), goal.Seconds(), p.stats.Calls),
			p.elapsed <= goal,
		}
	}
}

// callsDuringOutage is the number of calls during the outage. Of the goal, 32 are those
// in flight when it is noticed.
func callsDuringOutage(goal int64) func(*scenarioResult) figure {
	return func(p *scenarioResult) figure {
		return figure{fmt.Sprintf("%d calls into it (goal under 50 + 32)", p.stats.InOutage), p.stats.InOutage < goal}
	}
}

// outageStart and outageLength are when the upstream goes away, and for how long.
const (
	outageStart  = 12 * time.Second
	outageLength = 10 * time.Second
)

// recovery is the time from the upstream's return to the first second with as many
// answers as before the outage.
func recovery(goal time.Duration) func(*scenarioResult) figure {
	return func(p *scenarioResult) figure {
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
