package upstream_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// account is what the server knows of one key.
type account struct {
	quota llmsim.Quota
	dead  upstream.Outcome
	calls int
	book  *llmsim.Account // made of quota at the first call
}

// server is a simulated upstream.
type server struct {
	mu       sync.Mutex
	seed     uint64
	accounts map[string]*account
	silent   bool          // no headers tell the quota
	ask      string        // how it says when to come again: an llmsim.Quota.RetryAfter
	jitter   time.Duration // of the network, on the way to the server
	coarse   bool          // resets in whole seconds
	limit    string        // what the header of the limit says, if not the limit
	late     bool          // headers are written as the answer is sent
	slow429  bool          // 429s take as long as answers
	// strayHeader goes with a 429 of faults.
	strayHeader http.Header
	slots       chan struct{} // nil: answers as many at once as come
	median      time.Duration
	// delay is what the network adds to an answer to a call that came at the time.
	delay func(at time.Duration, roll float64) time.Duration
	// faults returns what goes wrong with a call that came at the time, Succeeded for nothing.
	faults func(at time.Duration, roll float64) upstream.Outcome

	began   time.Time
	took    []time.Time // when successful calls were let in
	latency []time.Duration
	calls   int
	refused int
	log     []call
	used    float64 // tokens
}

// call is one that came to the server.
type call struct {
	at      time.Duration
	outcome upstream.Outcome
}

func newServer(seed uint64) *server {
	return &server{
		seed: seed, accounts: map[string]*account{},
		median: 200 * time.Millisecond, began: time.Now(), ask: "ms",
	}
}

func (s *server) account(key string) *account {
	a := s.accounts[key]
	if a == nil {
		a = &account{}
		s.accounts[key] = a
	}
	return a
}

// lognormal draws a latency with sigma 0.5.
func lognormal(draw *rand.Rand, median time.Duration) time.Duration {
	return time.Duration(float64(median) * math.Exp(0.5*draw.NormFloat64()))
}

// draws is the chance in one call, which is that of its replica, key and number
// whatever the order in which goroutines run, so that a run can be repeated.
func (s *server) draws(replica int, key string, number int64) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, s.seed, " ", replica, " ", key, " ", number)
	return rand.New(rand.NewPCG(s.seed, h.Sum64()))
}

// mean is of the latency's distribution.
func (s *server) mean() float64 { return s.median.Seconds() * math.Exp(0.125) }

// admit decides on a call as it arrives.
func (s *server) admit(key string, tokens float64, draw *rand.Rand) (r upstream.Result, serve time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	a := s.account(key)
	a.calls++
	s.calls++
	r.Outcome = upstream.Succeeded
	defer func() { s.log = append(s.log, call{now.Sub(s.began), r.Outcome}) }()
	if s.faults != nil {
		r.Outcome = s.faults(now.Sub(s.began), draw.Float64())
	}
	if r.Outcome == upstream.Succeeded && a.dead != upstream.Abandoned {
		r.Outcome, r.Detail = a.dead, "said no"
	}
	quick := lognormal(draw, s.median/10)
	if r.Outcome != upstream.Succeeded {
		if r.Outcome == upstream.Throttled {
			s.refused++
			r.Header = s.strayHeader
		}
		return r, quick
	}
	r.Header = http.Header{}
	if a.book == nil {
		a.quota.NoHeaders, a.quota.RetryAfter = s.silent, s.ask
		a.book = llmsim.NewAccount(a.quota)
	}
	ok := a.book.Admit(now.Sub(s.began), "", int64(tokens), r.Header) == nil
	if s.distort(r.Header); !ok {
		s.refused++
		r.Outcome = upstream.Throttled
		if s.slow429 {
			quick = lognormal(draw, s.median)
		}
		return r, quick
	}
	s.took = append(s.took, now)
	s.used += tokens
	r.Usage = catalog.Usage{Prompt: int64(tokens)}
	serve = lognormal(draw, s.median)
	if s.delay != nil {
		serve += s.delay(now.Sub(s.began), draw.Float64())
	}
	return r, serve
}

// distort has a coarse server tell its resets in whole seconds, and another one a limit
// that is not its own.
func (s *server) distort(h http.Header) {
	if s.limit != "" {
		h.Set("X-Ratelimit-Limit-Requests", s.limit)
	}
	for _, name := range []string{"X-Ratelimit-Reset-Requests", "X-Ratelimit-Reset-Tokens"} {
		if reset, err := time.ParseDuration(h.Get(name)); err == nil && s.coarse {
			h.Set(name, strconv.Itoa(int(math.Ceil(reset.Seconds()))))
		}
	}
}

// call is one HTTP call as a client sees it, with a network in front of it. It
// ends early with ctx, or when the gate gives it up.
func (s *server) call(ctx context.Context, gone <-chan struct{}, key string, tokens float64, draw *rand.Rand) upstream.Result {
	up := time.Millisecond + time.Duration(draw.Float64()*float64(2*time.Millisecond+s.jitter))
	if !pause(ctx, gone, up) {
		return upstream.Result{Outcome: upstream.TimedOut}
	}
	began := time.Now()
	if s.slots != nil {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		case <-ctx.Done():
			return upstream.Result{Outcome: upstream.TimedOut}
		case <-gone:
			return upstream.Result{Outcome: upstream.TimedOut}
		}
	}
	r, serve := s.admit(key, tokens, draw)
	if r.Outcome == upstream.TimedOut {
		pause(ctx, gone, time.Hour)
		return r
	}
	if !pause(ctx, gone, serve) {
		return upstream.Result{Outcome: upstream.TimedOut}
	}
	if s.late && r.Outcome == upstream.Succeeded {
		s.mu.Lock()
		s.account(key).book.Describe(time.Since(s.began), r.Header)
		s.distort(r.Header)
		s.mu.Unlock()
	}
	if r.Outcome == upstream.Succeeded {
		s.mu.Lock()
		s.latency = append(s.latency, time.Since(began))
		s.mu.Unlock()
	}
	return r
}

// pause waits, and reports false if the call ended first.
func pause(ctx context.Context, gone <-chan struct{}, d time.Duration) bool {
	if d <= 0 {
		// A timer that is due at once makes the race detector fail in a bubble:
		// https://go.dev/issue/78156.
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	case <-gone:
		return false
	}
}
