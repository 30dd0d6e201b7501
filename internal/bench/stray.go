package main

import "fmt"

// endless is an upstream without limits.
const endless = "seed: 1"

// strayScenarios are upstreams that answer some calls 429 at any speed: without a limit,
// with one, and with headers that contradict themselves.
func strayScenarios() []scenario {
	var all []scenario
	for _, percent := range []float64{0.2, 0.5, 1, 2, 5} {
		all = append(all, stray(percent, "", "{retry_after: none}"))
	}
	return append(
		all,
		stray(1, ", Retry-After 1 s", "{retry_after: seconds}", "retry_after: 1s"),
		stray(1, ", Retry-After 20 s in ms", "{retry_after: ms}", "retry_after: 20s"),
		scenario{
			name: "100/s, no headers, 1 % stray 429s",
			sim:  "quota: {requests: {amount: 100, per: 1s}, no_headers: true, retry_after: none}\nfaults: {throttle: 0.01}",
			keys: oneKey, items: 3000,
			figures: figures(quotaUse(2, 0.95), throttled(0.03)),
		},
		scenario{
			name: "100/s, headers that contradict",
			sim:  "quota: {requests: {amount: 100, per: 1s}, minute_limit: true}",
			keys: oneKey, items: 3000,
			figures: figures(quotaUse(2, 0.95), throttled(0.01)),
		},
	)
}

// stray returns an upstream without limits that answers a percentage of calls 429.
func stray(percent float64, asking, quota string, more ...string) scenario {
	faults := fmt.Sprintf("throttle: %g", percent/100)
	for _, m := range more {
		faults += ", " + m
	}
	return scenario{
		name: fmt.Sprintf("%g %% stray 429s%s", percent, asking),
		sim:  fmt.Sprintf("quota: %s\nfaults: {%s}", quota, faults), against: endless,
		keys: oneKey, items: 6000,
		figures: figures(goodput(0.95)),
	}
}

// goodput is the number of answers a second as a share of that without the faults. It
// leaves out the last answers, whose waits are not due to the gate.
func goodput(goal float64) func(*scenarioResult) figure {
	return func(p *scenarioResult) figure {
		v := steadyGoodput(p) / steadyGoodput(p.plain)
		return figure{
			fmt.Sprintf("%.0f items/s, %.1f %% of %.0f without (goal %.0f)",
				steadyGoodput(p), 100*v, steadyGoodput(p.plain), 100*goal),
			v >= goal,
		}
	}
}

// steadyGoodput returns the answers a second until 95 % of them have arrived.
func steadyGoodput(p *scenarioResult) float64 {
	enough, sum := float64(p.answered)*0.95, 0.0
	for i, n := range p.stats.ServedPerSecond {
		if next := sum + float64(n); next < enough {
			sum = next
			continue
		}
		return enough / (float64(i) + (enough-sum)/float64(max(n, 1)))
	}
	return 0
}
