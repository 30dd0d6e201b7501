package main

import (
	"fmt"
	"time"
)

// scenario is an upstream and the work that is sent to it.
type scenario struct {
	name    string
	sim     string // llmsim's configuration, YAML over seed 1 and the usual latency
	keys    string // as in OPENAI_API_KEY
	items   int    // of all callers together
	figures []figure
	env     []string
	// replicas are the services that share the work. 0: one.
	replicas int
	// yardstick also runs the scenario with plain AIMD.
	yardstick bool
	// against is another upstream for the same work, for comparison, as sim.
	against string
}

const (
	// perSecond is the quota of the scenarios that have one, in requests a second.
	perSecond = 100
	bucket    = "quota: {requests: {amount: 100, per: 1s}}"
	unknown   = "quota: {requests: {amount: 100, per: 1s}, no_headers: true, retry_after: none}"
	oneKey    = "sk-bench-key-0001"
)

// meanLatency is that of the simulated model if no call waits for a slot, faultFree is how
// long 2,000 items take on a sound upstream with 64 workers, and attemptTimeout is the
// time that one hanging call may cost.
const (
	meanLatency    = 226_629 * time.Microsecond // median x exp(sigma^2 / 2)
	faultFree      = 2000 * meanLatency / 64
	attemptTimeout = 30 * time.Second
)

// scenarios are upstreams with limits that are known, hidden or shared, those that answer
// some calls 429 at any speed, and those that fail.
var scenarios = []scenario{
	{
		name: "100/s, one key", sim: bucket, keys: oneKey, items: 3000, yardstick: true,
		figures: []figure{quotaUse(2, 0.97), throttled(0.005)},
	},
	{
		name: "50/s on each of two keys", sim: "quota: {requests: {amount: 50, per: 1s}}",
		keys: oneKey + ",sk-bench-key-0002", items: 3000, yardstick: true,
		figures: []figure{quotaUse(2, 0.97), throttled(0.005)},
	},
	{
		name: "1,000 every 10 s, fixed windows", sim: "quota: {requests: {amount: 1000, per: 10s, window: true}}",
		keys: oneKey, items: 5000, yardstick: true,
		figures: []figure{quotaUse(0, 0.97), throttled(0.005)},
	},
	{
		name: "150,000 tokens/s", sim: "quota: {tokens: {amount: 150000, per: 1s}}", keys: oneKey, items: 3000,
		figures: []figure{tokenUse(150_000, 0.97), throttled(0.005)},
	},
	{
		name: "100/s, no headers", sim: unknown, keys: oneKey, items: 3000, yardstick: true,
		figures: []figure{quotaUse(2, 0.95), throttled(0.01)},
	},
	{
		name: "100/s, three replicas", sim: bucket, keys: oneKey, items: 6000, replicas: 3,
		figures: []figure{quotaUse(2, 0.97), throttled(0.02), fairShare(0.95)},
	},
	{
		name: "32 slots and a queue", sim: "slots: 32", keys: oneKey, items: 6000, yardstick: true,
		figures: []figure{slotThroughput(32, 0.95), slotLatency(2)},
	},
	stray(0.2, "", ""), stray(0.5, "", ""), stray(1, "", ""), stray(2, "", ""), stray(5, "", ""),
	stray(1, ", Retry-After 1 s", "Retry-After: '1'"),
	stray(1, ", Retry-After 20 s in ms", "Retry-After-Ms: '20000'"),
	{
		name: "100/s, no headers, 1 % stray 429s", sim: unknown + "\nfaults: {throttle: 0.01}", keys: oneKey, items: 3000,
		figures: []figure{quotaUse(2, 0.95), throttled(0.03)},
	},
	{
		name: "100/s, headers that contradict", sim: bucket + "\nrules: [{header: {X-Ratelimit-Limit-Requests: '6000'}}]",
		keys: oneKey, items: 3000,
		figures: []figure{quotaUse(2, 0.95), throttled(0.01)},
	},
	{
		name: "a good, a revoked and an empty key",
		sim: `keys:
  - {secret: sk-bench-key-good}
  - {secret: sk-bench-key-gone, state: revoked}
  - {secret: sk-bench-key-poor, state: exhausted}`,
		keys: "sk-bench-key-good,sk-bench-key-gone,sk-bench-key-poor", items: 1000,
		figures: []figure{callsOnDeadKeys(20)},
	},
	{
		name: "429 10, 500 5, reset 3, ... %",
		sim:  "faults: {throttle: 0.10, error: 0.05, reset: 0.03, garbage: 0.03, cut: 0.02, hang: 0.005}",
		keys: oneKey, items: 2000, env: []string{"CREDENZA_MAX_WORKERS=64"},
		figures: []figure{within(faultFree + 10*time.Second + attemptTimeout)},
	},
	outage("503"), outage("hang"), outage("reset"),
}

// stray returns an upstream without limits that answers a percentage of calls 429.
func stray(percent float64, asking, header string) scenario {
	return scenario{
		name: fmt.Sprintf("%g %% stray 429s%s", percent, asking), against: "seed: 1", keys: oneKey, items: 6000,
		sim:     fmt.Sprintf("rules: [{share: %g, status: 429, header: {%s}}]", percent/100, header),
		figures: []figure{goodput(0.95)},
	}
}

// outageStart and outageLength are when the upstream goes away, and for how long.
const (
	outageStart  = 12 * time.Second
	outageLength = 10 * time.Second
)

// outage is ten seconds without the upstream, in the middle of 4,000 items.
func outage(kind string) scenario {
	return scenario{
		name: "10 s of " + kind, sim: fmt.Sprintf("outages: [{start: %v, for: %v, kind: %q}]", outageStart, outageLength, kind),
		keys: oneKey, items: 4000, env: []string{"CREDENZA_MAX_WORKERS=32"},
		figures: []figure{callsDuringOutage(50 + 32), recovery(2 * time.Second)},
	}
}
