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

// TestStray429s slow nothing down: at least 95 % of the answers a second without them.
func TestStray429s(t *testing.T) {
	fixed := keys("k")
	fixed.Fixed = 64
	t.Log(rowHead)
	for _, share := range []float64{0.002, 0.005, 0.01, 0.02, 0.05} {
		for name, ask := range map[string]func(*server){
			"": silent, ", Retry-After 1": asking("Retry-After", "1"), ", Retry-After-Ms 5003": asking("Retry-After-Ms", "5003"),
		} {
			sc := scenario{name: fmt.Sprintf("stray %g%s", share, name), items: 12_000, config: fixed, server: both(strays(share), ask)}
			plain := sc
			plain.server = unlimited
			without := run(t, plain, 1).rate()
			play(t, sc, func(r *report) (wrong []string) {
				if part := r.rate() / without; part < 0.95 {
					wrong = append(wrong, fmt.Sprintf("%.0f answers a second, %.3f of those without stray 429s", r.rate(), part))
				}
				return wrong
			})
		}
	}
}

// TestLimitWithStray429s judges the mean of sixteen runs: chance clusters weigh much in one.
func TestLimitWithStray429s(t *testing.T) {
	sc := scenario{
		name: "100/s, silent, 1 % stray", items: 6000, skip: 2 * time.Second, quota: 100, config: keys("k"),
		server: both(hundred, silent, strays(0.01)),
	}
	const runs = 16
	used, refused := 0.0, 0.0
	for seed := range uint64(runs) {
		r := run(t, sc, seed)
		used, refused = used+r.use()/runs, refused+r.throttled()/runs
	}
	if used < 0.95 || refused > 0.03 {
		t.Errorf("used %.3f of the quota, %.4f of the calls were answered 429, want 0.95 and 0.03", used, refused)
	}
}

// TestHeadersThatContradict tell the limit of a minute, and what remains of a second
// of it.
func TestHeadersThatContradict(t *testing.T) {
	contradict := func(s *server) { s.account("a").quota.MinuteLimit = true }
	for _, sc := range []scenario{
		{name: "100/s, a minute's limit", server: both(hundred, contradict)},
	} {
		sc.items, sc.skip, sc.quota, sc.config = 6000, 2*time.Second, 100, keys("k")
		sc.minUse, sc.maxThrottled = 0.95, 0.01
		play(t, sc)
	}
}
