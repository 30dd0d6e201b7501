package upstream_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/upstream"
)

// strays answers a share of the calls 429, whatever their speed.
func strays(share float64) func(*server) {
	return func(s *server) {
		s.faults = func(_ time.Duration, roll float64) upstream.Outcome {
			if roll < share {
				return upstream.Throttled
			}
			return upstream.Succeeded
		}
	}
}

// asking has stray 429s ask for a wait.
func asking(name, value string) func(*server) {
	return func(s *server) { s.strayHeader = http.Header{name: {value}} }
}

// rate is answers a second, without the last ones, which wait for their retries.
func (r *report) rate() float64 {
	n := len(r.server.took) * 95 / 100
	return float64(n) / r.server.took[n].Sub(r.server.began).Seconds()
}

// TestStray429s checks that stray 429s slow nothing down: 95 % of the answers a second
// without them, and 90 % in the worst run.
func TestStray429s(t *testing.T) {
	fixed := keys("k")
	fixed.Fixed = 64
	t.Log(rowHead)
	if onceForRace(t, scenario{name: "stray 5%, Retry-After 1", items: 3000, config: fixed, server: both(strays(0.05), asking("Retry-After", "1"))}) {
		return
	}
	with := besides(t, scenario{items: 12_000, config: fixed}, 3)
	for _, share := range []float64{0.002, 0.005, 0.01, 0.02, 0.05} {
		for name, ask := range map[string]func(*server){
			"": silent, ", Retry-After 1": asking("Retry-After", "1"), ", Retry-After-Ms 5003": asking("Retry-After-Ms", "5003"),
		} {
			mean, worst := with(fmt.Sprintf("stray %g%s", share, name), both(strays(share), ask))
			if mean < 0.95 || worst < 0.9 {
				t.Errorf("stray %g%s: %.3f of the answers a second without stray 429s, %.3f in the worst run, want 0.95 and 0.9", share, name, mean, worst)
			}
		}
	}
}

// TestStray429sInSlowStart checks the mean of eight short runs with a pool that has to
// grow first.
func TestStray429sInSlowStart(t *testing.T) {
	if onceForRace(t, scenario{name: "stray 5%, slow start", items: 3000, config: keys("k"), server: both(strays(0.05), silent)}) {
		return
	}
	with := besides(t, scenario{items: 6000, config: keys("k")}, 8)
	for _, share := range []float64{0.002, 0.02, 0.05} {
		if mean, _ := with(fmt.Sprintf("stray %g", share), both(strays(share), silent)); mean < 0.95 {
			t.Errorf("stray %g: %.3f of the answers a second without stray 429s, want 0.95", share, mean)
		}
	}
}

// besides returns a function that plays the scenario with a server and returns its answers
// a second as a share of those without limits: the mean and the least of some seeds.
func besides(t *testing.T, sc scenario, runs uint64) func(name string, server func(*server)) (mean, worst float64) {
	sc.server = unlimited
	var without []float64
	for seed := range runs {
		without = append(without, run(t, sc, seed).rate())
	}
	return func(name string, server func(*server)) (mean, worst float64) {
		sc.name, sc.server, worst = name, server, 1
		for seed := range runs {
			r := run(t, sc, seed)
			for _, w := range r.check() {
				t.Errorf("%s, seed %d: %s", name, seed, w)
			}
			part := r.rate() / without[seed]
			mean, worst = mean+part/float64(runs), min(worst, part)
		}
		t.Logf("%-40s %.3f, at the least %.3f", name, mean, worst)
		return mean, worst
	}
}

// TestLimitWithStray429s judges the mean of sixteen runs: chance clusters weigh much in one.
func TestLimitWithStray429s(t *testing.T) {
	sc := scenario{
		name: "100/s, silent, 1 % stray", items: 6000, skip: 2 * time.Second, quota: 100, config: keys("k"),
		server: both(hundred, silent, strays(0.01)),
	}
	if onceForRace(t, sc) {
		return
	}
	const runs = 16
	used, refused := 0.0, 0.0
	for seed := range uint64(runs) {
		r := run(t, sc, seed)
		used, refused = used+r.use()/runs, refused+r.throttled()/runs
	}
	t.Logf("used %.3f of the quota, %.4f of the calls were answered 429", used, refused)
	if used < 0.975 || refused > 0.03 {
		t.Errorf("used %.3f of the quota, %.4f of the calls were answered 429, want 0.975 and 0.03", used, refused)
	}
}

// TestHeadersThatContradict tell the limit of a minute, and what remains of a second
// of it.
func TestHeadersThatContradict(t *testing.T) {
	contradict := func(s *server) { s.limit = "6000" }
	for _, sc := range []scenario{
		{name: "100/s, a minute's limit", server: both(hundred, contradict)},
	} {
		sc.items, sc.skip, sc.quota, sc.config = 6000, 2*time.Second, 100, keys("k")
		sc.minUse, sc.maxThrottled = 0.95, 0.01
		play(t, sc)
	}
}
