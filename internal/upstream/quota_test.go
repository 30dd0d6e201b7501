package upstream_test

import (
	"flag"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The scenarios hold for any seed; more of them make the table worth more.
var (
	seeds = flag.Int("seeds", 1, "how many seeds each scenario is played with")
	only  = flag.String("only", "", "")
)

// one sets the quota of the key "k".
func one(q llmsim.Quota) func(*server) { return func(s *server) { s.account("k").quota = q } }

// bucket refills at rate a second.
func bucket(size, rate int64) llmsim.Limit {
	return llmsim.Limit{Amount: rate, Per: time.Second, Burst: size}
}

// window is full again at the end of each length.
func window(amount int64, length time.Duration) llmsim.Limit {
	return llmsim.Limit{Amount: amount, Per: length, Window: true}
}

// both sets several things of a server.
func both(fs ...func(*server)) func(*server) {
	return func(s *server) {
		for _, f := range fs {
			f(s)
		}
	}
}

func unlimited(*server) {}

func silent(s *server) { s.silent, s.ask = true, "none" }

func slow(s *server) { s.median = 2 * time.Second }

func slots(n int) func(*server) {
	return func(s *server) { s.slots = make(chan struct{}, n) }
}

var (
	hundred = one(llmsim.Quota{Requests: bucket(100, 100)})
	windows = one(llmsim.Quota{Requests: window(1000, 10*time.Second)})
	minutes = one(llmsim.Quota{Requests: window(6000, time.Minute)})

	tokenBucket = one(llmsim.Quota{Tokens: bucket(100_000, 100_000)})
	tokenWindow = one(llmsim.Quota{Tokens: window(1_000_000, 10*time.Second)})
	// hidden lets no more than ten calls through in a tenth of a second, and shows a
	// limit of 200 a second instead.
	hidden = one(llmsim.Quota{Requests: bucket(200, 200), Hidden: bucket(10, 100)})
)

func twoKeys(s *server) {
	s.account("a").quota.Requests = bucket(50, 50)
	s.account("b").quota.Requests = bucket(50, 50)
}

// told are upstreams whose headers tell the limit.
func told() []scenario {
	k := keys("k")
	return []scenario{
		{name: "100/s", items: 3000, server: hundred, quota: 100, config: k, minUse: 0.97, maxThrottled: 0.005},
		{name: "100/s, AIMD", items: 3000, server: hundred, quota: 100, aimd: true},
		{name: "two keys of 50/s", items: 3000, server: twoKeys, quota: 100, config: keys("a", "b"), minUse: 0.97, maxThrottled: 0.005},
		{name: "1,000 every 10 s", items: 5000, server: windows, quota: 100, config: k, minUse: 0.97, maxThrottled: 0.005},
		{name: "1,000 every 10 s, AIMD", items: 5000, server: windows, quota: 100, aimd: true},
		{name: "6,000 a minute", items: 12000, server: minutes, quota: 100, config: k, minUse: 0.97, maxThrottled: 0.005},
		{name: "tokens, 100,000/s", items: 3000, server: tokenBucket, quota: 100_000, tokens: true, guess: 800, truth: 1000, config: k, minUse: 0.97, maxThrottled: 0.005},
		{name: "tokens, 100,000/s, AIMD", items: 3000, server: tokenBucket, quota: 100_000, tokens: true, truth: 1000, aimd: true},
		{name: "tokens, 1,000,000 every 10 s", items: 5000, server: tokenWindow, quota: 100_000, tokens: true, guess: 1500, truth: 1000, config: k, minUse: 0.97, maxThrottled: 0.005},
		{name: "1,000/s", items: 10000, server: one(llmsim.Quota{Requests: bucket(1000, 1000)}), quota: 1000, config: k, minUse: 0.97, maxThrottled: 0.005},
		{name: "5/s, 10 at once", items: 300, server: one(llmsim.Quota{Requests: bucket(10, 5)}), quota: 5, config: k, minUse: 0.95},
		{name: "100/s, network jitter 20 ms", items: 3000, server: both(hundred, func(s *server) { s.jitter = 20 * time.Millisecond }), quota: 100, config: k, minUse: 0.97, maxThrottled: 0.005},
		{name: "100/s, resets in seconds", items: 3000, server: both(hundred, func(s *server) { s.coarse = true }), quota: 100, config: k, minUse: 0.95, maxThrottled: 0.02},
		{name: "1,000 every 10 s, in seconds", items: 5000, server: both(windows, func(s *server) { s.coarse = true }), quota: 100, config: k, minUse: 0.95, maxThrottled: 0.01},
		{name: "1,000 every 10 s, stamped late", items: 5000, server: both(windows, func(s *server) { s.late = true }), quota: 100, config: k, minUse: 0.95, maxThrottled: 0.01},
		{name: "3 replicas, 100/s", items: 9000, replicas: 3, server: hundred, quota: 100, config: k, minUse: 0.97, maxThrottled: 0.02, minJain: 0.95},
		{name: "3 replicas, 100/s, AIMD", items: 9000, replicas: 3, server: hundred, quota: 100, aimd: true},
		{name: "3 replicas, 1,000 every 10 s", items: 9000, replicas: 3, server: windows, quota: 100, config: k, minUse: 0.94, maxThrottled: 0.02, minJain: 0.95},
	}
}

// untold are upstreams whose 429s alone tell it.
func untold() []scenario {
	k := keys("k")
	millis := func(s *server) { s.silent = true }
	whole := func(s *server) { s.silent, s.ask = true, "seconds" }
	return []scenario{
		{name: "100/s, Retry-After-Ms", items: 3000, server: both(hundred, millis), quota: 100, config: k, minUse: 0.95, maxThrottled: 0.02},
		{name: "100/s, Retry-After", items: 3000, server: both(hundred, whole), quota: 100, config: k, minUse: 0.95, maxThrottled: 0.02},
		{name: "100/s, silent", items: 3000, server: both(hundred, silent), quota: 100, config: k, minUse: 0.95, maxThrottled: 0.02},
		{name: "100/s, silent, AIMD", items: 3000, server: both(hundred, silent), quota: 100, aimd: true},
		{name: "100/s, silent, long", items: 8000, server: both(hundred, silent), quota: 100, config: k, minUse: 0.95, maxThrottled: 0.01},
		{name: "1,000 every 10 s, silent", items: 5000, server: both(windows, silent), quota: 100, config: k, minUse: 0.7, maxThrottled: 0.05},
		{name: "20/s at 2 s, silent", items: 1200, server: both(one(llmsim.Quota{Requests: bucket(20, 20)}), silent, slow), quota: 20, config: k, minUse: 0.95, maxThrottled: 0.05, byMean: true},
		{name: "hidden 10 in 0.1 s", items: 3000, server: hidden, quota: 100, config: k, minUse: 0.75, maxThrottled: 0.01, byMean: true},
		{name: "3 replicas, 100/s, silent", items: 9000, replicas: 3, server: both(hundred, silent), quota: 100, config: k, minUse: 0.9, maxThrottled: 0.03, minJain: 0.75, byMean: true},
	}
}

func TestQuotas(t *testing.T) {
	t.Log(rowHead)
	for _, sc := range append(told(), untold()...) {
		if *only != "" && !strings.Contains(sc.name, *only) {
			continue
		}
		sc.skip = 2 * time.Second
		if sc.byMean {
			playMean(t, sc, (*report).quiet)
		} else {
			play(t, sc, (*report).quiet)
		}
	}
}

// play runs a scenario with each seed, adds its rows to the table and checks each run.
func play(t *testing.T, sc scenario, more ...func(*report) []string) {
	t.Helper()
	for seed := range uint64(*seeds) {
		r := run(t, sc, seed)
		t.Log(r.row(seed))
		if sc.aimd {
			continue
		}
		wrong := r.check()
		for _, f := range more {
			wrong = append(wrong, f(r)...)
		}
		for _, w := range wrong {
			t.Errorf("%s, seed %d: %s", sc.name, seed, w)
		}
	}
}

// onceForRace reports whether the race detector watches, and then has played the scenario as
// play does: that is enough for it, and a figure over several runs is judged without it.
func onceForRace(t *testing.T, sc scenario, more ...func(*report) []string) bool {
	t.Helper()
	if testkit.Race {
		play(t, sc, more...)
	}
	return testkit.Race
}

// meanSeeds is how many seeds a mean is over.
const meanSeeds = 8

// playMean runs a scenario in which chance weighs much with a fixed set of seeds. It
// checks each run for lost items, and the bounds on the means.
func playMean(t *testing.T, sc scenario, more ...func(*report) []string) {
	t.Helper()
	var use, throttled, jain float64
	bounds := sc
	sc.minUse, sc.maxThrottled, sc.minJain = 0, 0, 0
	if onceForRace(t, sc, more...) {
		return
	}
	for seed := range uint64(meanSeeds) {
		r := run(t, sc, seed)
		t.Log(r.row(seed))
		wrong := r.check()
		for _, f := range more {
			wrong = append(wrong, f(r)...)
		}
		for _, w := range wrong {
			t.Errorf("%s, seed %d: %s", sc.name, seed, w)
		}
		use, throttled, jain = use+r.use()/meanSeeds, throttled+r.throttled()/meanSeeds, jain+r.jain()/meanSeeds
	}
	t.Logf("%-34s mean %7.1f%% %7.2f%%       %6.3f", sc.name, 100*use, 100*throttled, jain)
	if use < bounds.minUse || bounds.maxThrottled > 0 && throttled >= bounds.maxThrottled || jain < bounds.minJain {
		t.Errorf("%s: used %.4f of the quota, %.4f of the calls were answered 429, Jain's index %.3f; want %g, %g and %g",
			sc.name, use, throttled, jain, bounds.minUse, bounds.maxThrottled, bounds.minJain)
	}
}

func TestServersThatQueue(t *testing.T) {
	k := keys("k")
	t.Log(rowHead)
	for _, sc := range []scenario{
		{name: "32 slots", items: 3000, server: slots(32), slots: 32, config: k, minUse: 0.9, maxLatency: 2.8},
		{name: "32 slots, AIMD", items: 3000, server: slots(32), slots: 32, aimd: true},
		{name: "8 slots", items: 1000, server: slots(8), slots: 8, config: k, minUse: 0.8, maxLatency: 7},
		{name: "100 slots", items: 9000, server: slots(100), slots: 100, config: k, minUse: 0.7, maxLatency: 2},
		{name: "no limit, 10,000 items", items: 10000, server: unlimited, slots: 256, config: k, minUse: 0.8, maxLatency: 1.1},
	} {
		play(t, sc)
	}
}

// A quota that is halved for 15 s and returns.
func TestQuotaChanges(t *testing.T) {
	for _, sc := range []scenario{
		{name: "halved and back", server: unlimited, maxThrottled: 0.005},
		{name: "halved and back, silent", server: silent, maxThrottled: 0.02},
	} {
		half, full := bucket(50, 50), bucket(100, 100)
		sc.items, sc.config, sc.quota = 4500, keys("k"), 100
		sc.server = both(sc.server, one(llmsim.Quota{Requests: full, Changes: []llmsim.QuotaChange{
			{At: 15 * time.Second, Requests: &half}, {At: 30 * time.Second, Requests: &full},
		}}))
		play(t, sc, func(r *report) (wrong []string) {
			if n := r.sentOK(15*time.Second, 30*time.Second); n < 650 {
				wrong = append(wrong, "too few answers while the quota was halved")
			}
			if back := r.until(30*time.Second, 47); back > 12*time.Second {
				wrong = append(wrong, "full speed came back only after "+back.String())
			}
			return wrong
		})
	}
}
