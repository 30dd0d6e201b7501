package upstream_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// lease and gate are what the runner needs of one, so that the yardstick fits too.
type lease interface {
	Secret() string
	Timeout() time.Duration
	WhenGivenUp(f func())
	Settle(upstream.Result) upstream.Advice
	Number() int64
}

type gate interface {
	acquire(ctx context.Context, n upstream.Need) (lease, error)
}

type realGate struct{ *upstream.Gate }

func (g realGate) acquire(ctx context.Context, n upstream.Need) (lease, error) {
	l, err := g.Acquire(ctx, n)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// scenario is one upstream and what is asked of it.
type scenario struct {
	name     string
	items    int
	replicas int // 0: one
	config   upstream.Config
	// server sets the simulated upstream up.
	server func(s *server)
	// quota is what the upstream allows in a second, for the use of it; tokens
	// says that it is in tokens.
	quota  float64
	tokens bool
	// slots is how many calls the upstream serves at once, if that is its limit.
	slots int
	// skip is the begin of the run that is not judged.
	skip time.Duration
	// window is how many items are in flight at once. 0: 1,024.
	window int
	// guess is the estimate of an item's tokens; the truth is spread around true.
	guess, truth float64
	// garbage is the share of successful answers that are of no use.
	garbage float64
	// attempts that count are at most so many. 0: 4.
	attempts int
	// aimd plays the yardstick in the gate's place.
	aimd bool

	// byMean asks the mean of a fixed set of runs for what follows, not each of them.
	byMean bool
	// What the run has to reach; 0 asks for nothing.
	minUse, maxThrottled, minJain, maxLatency float64
}

// check holds a run against what was asked of it, and returns what is wrong.
func (r *report) check() (wrong []string) {
	complain := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	complain(r.lostAll() > 0 || r.answered != r.items, "answered %d of %d, lost %v", r.answered, r.items, r.lost)
	complain(r.use() < r.minUse, "used %.4f of the quota, want at least %.2f", r.use(), r.minUse)
	complain(r.maxThrottled > 0 && r.throttled() >= r.maxThrottled,
		"%.4f of the calls were answered 429, want under %g", r.throttled(), r.maxThrottled)
	complain(r.minJain > 0 && r.jain() < r.minJain, "Jain's index %.3f, want at least %g", r.jain(), r.minJain)
	complain(r.maxLatency > 0 && r.meanLatency() > r.maxLatency*r.server.mean(),
		"mean latency %.3f s, want at most %g times %.3f s", r.meanLatency(), r.maxLatency, r.server.mean())
	for _, s := range r.statuses {
		complain(s.InFlight+s.QueuedBulk+s.QueuedInteractive > 0, "something is left in the gate: %+v", s)
		complain(s.Counters.Misused > 0, "%d leases were settled twice", s.Counters.Misused)
	}
	return wrong
}

// quiet complains of policies that took a quota for something else.
func (r *report) quiet() (wrong []string) {
	for _, s := range r.statuses {
		for _, g := range s.Groups {
			if g.Outages > 0 || g.Braked || g.StrayShare > 0.03 {
				wrong = append(wrong, fmt.Sprintf("outages %d, braked %v, %.3f taken for stray 429s", g.Outages, g.Braked, g.StrayShare))
			}
		}
	}
	return wrong
}

// report is what came of a run.
type report struct {
	scenario
	server   *server
	answered int
	lost     map[string]int
	perGate  []int
	span     time.Duration
	statuses []upstream.Status
}

func (r *report) lostAll() int {
	n := 0
	for _, m := range r.lost {
		n += m
	}
	return n
}

// use is successes over quota times span, without the first burst.
func (r *report) use() float64 {
	took := r.server.took
	if len(took) == 0 || r.quota+float64(r.slots) == 0 {
		return 0
	}
	from := r.server.began.Add(r.skip)
	i, _ := slices.BinarySearchFunc(took, from, time.Time.Compare)
	span := took[len(took)-1].Sub(from).Seconds()
	n := float64(len(took) - i)
	if r.slots > 0 {
		return n / (float64(r.slots) / r.server.mean() * span)
	}
	if r.tokens {
		n *= r.server.used / float64(len(took))
	}
	return n / (r.quota * span)
}

func (r *report) throttled() float64 { return float64(r.server.refused) / float64(r.server.calls) }

// jain is Jain's index of fairness between replicas.
func (r *report) jain() float64 {
	sum, squares := 0.0, 0.0
	for _, n := range r.perGate {
		sum += float64(n)
		squares += float64(n) * float64(n)
	}
	return sum * sum / (float64(len(r.perGate)) * squares)
}

func (r *report) meanLatency() float64 {
	sum := 0.0
	for _, d := range r.server.latency {
		sum += d.Seconds()
	}
	return sum / float64(len(r.server.latency))
}

func (r *report) row(seed uint64) string {
	return fmt.Sprintf("%-34s %4d %7.1f%% %7.2f%% %5d %6.3f %7.2fs %6.0fms %6d %v", r.name, seed, 100*r.use(), 100*r.throttled(),
		r.lostAll(), r.jain(), r.span.Seconds(), 1000*r.meanLatency(), r.server.calls, r.lost)
}

const rowHead = "scenario                           seed      use      429  lost   jain     span    mean  calls"

// run plays a scenario under a simulated clock.
func run(t *testing.T, sc scenario, seed uint64) *report {
	t.Helper()
	r := &report{scenario: sc, lost: map[string]int{}}
	synctest.Test(t, func(t *testing.T) {
		r.server = newServer(seed)
		sc.server(r.server)
		gates := makeGates(t, sc, seed)
		r.perGate = make([]int, len(gates))
		r.play(gates)
		r.span = time.Since(r.server.began)
		for _, g := range gates {
			if g, ok := g.(realGate); ok {
				r.statuses = append(r.statuses, g.Status())
			}
		}
	})
	return r
}

func makeGates(t *testing.T, sc scenario, seed uint64) []gate {
	var gates []gate
	for i := range max(sc.replicas, 1) {
		if sc.aimd {
			gates = append(gates, newAIMD())
			continue
		}
		sc.config.Seed = 1 + seed<<8 + uint64(i)
		g, err := upstream.New(sc.config)
		if err != nil {
			t.Fatal(err)
		}
		gates = append(gates, realGate{g})
	}
	return gates
}

// play sends the items, each replica taking the next as it has room.
func (r *report) play(gates []gate) {
	window := r.window
	if window == 0 {
		window = 1024
	}
	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		next atomic.Int64
	)
	for i, g := range gates {
		for range window {
			wg.Go(func() {
				for next.Add(1) <= int64(r.items) {
					err := r.item(i, g)
					mu.Lock()
					if err == nil {
						r.answered++
						if next.Load() < int64(r.items) {
							r.perGate[i]++
						}
					} else {
						r.lost[reasonOf(err)]++
					}
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
}

func reasonOf(err error) string {
	var f *fault.Fault
	if errors.As(err, &f) {
		return f.Reason.String()
	}
	return err.Error()
}

var errUsedUp = errors.New("attempts used up")

// item is what llm does: attempts, one lease each.
func (r *report) item(replica int, g gate) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	tokens := -1.0
	need := upstream.Need{Caller: catalog.Caller{ID: "a"}, Tokens: int(r.guess), Attempt: 1}
	for counted := 0; counted < max(r.attempts, 4); {
		l, err := g.acquire(ctx, need)
		if err != nil {
			return err
		}
		draw := r.server.draws(replica, l.Secret(), l.Number())
		if tokens < 0 {
			tokens = r.truth * math.Exp(0.3*draw.NormFloat64())
		}
		res := r.attempt(ctx, l, tokens, draw)
		advice := l.Settle(res)
		if res.Outcome == upstream.Succeeded && draw.Float64() >= r.garbage {
			return nil
		}
		if advice.Counts {
			counted++
			need.Failures++
		}
		need.NotBefore, need.After = advice.NotBefore, res.Outcome
		need.Attempt++
	}
	return errUsedUp
}

func (r *report) attempt(ctx context.Context, l lease, tokens float64, draw *rand.Rand) upstream.Result {
	ctx, cancel := context.WithTimeout(ctx, l.Timeout())
	defer cancel()
	given := make(chan struct{})
	l.WhenGivenUp(func() { close(given) })
	return r.server.call(ctx, given, l.Secret(), tokens, draw)
}

// keys gives each secret a group of its own.
func keys(secrets ...string) upstream.Config {
	var c upstream.Config
	for _, s := range secrets {
		c.Groups = append(c.Groups, upstream.Group{
			BaseURL: "http://model.test/v1", Keys: []upstream.Key{{Secret: upstream.NewSecret(s)}},
		})
	}
	return c
}
