package upstream_test

import (
	"context"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// quota is one limit that a simulated server keeps.
type quota interface {
	// take uses n of it, or says how long until n are there again.
	take(now time.Time, n float64) (ok bool, again time.Duration)
	// give puts back what another quota made useless.
	give(n float64)
	// tell returns the limit, what remains and when it is full again.
	tell(now time.Time) (limit, remaining float64, reset time.Duration)
}

// bucket holds up to size and refills at rate a second.
type bucket struct {
	size, rate, level float64
	at                time.Time
}

func newBucket(size, rate float64) *bucket { return &bucket{size: size, rate: rate, level: size} }

func (b *bucket) refill(now time.Time) {
	if !b.at.IsZero() {
		b.level = min(b.size, b.level+b.rate*now.Sub(b.at).Seconds())
	}
	b.at = now
}

func (b *bucket) take(now time.Time, n float64) (bool, time.Duration) {
	b.refill(now)
	if b.level < n {
		return false, seconds((n - b.level) / b.rate)
	}
	b.level -= n
	return true, 0
}

func (b *bucket) give(n float64) { b.level += n }

func (b *bucket) tell(now time.Time) (float64, float64, time.Duration) {
	b.refill(now)
	return b.size, math.Floor(b.level), seconds((b.size - b.level) / b.rate)
}

// window is full again at the end of each length.
type window struct {
	limit, used float64
	length      time.Duration
	end         time.Time
}

func (w *window) roll(now time.Time) {
	if w.end.IsZero() {
		w.end = now.Add(w.length)
	}
	for !now.Before(w.end) {
		w.end, w.used = w.end.Add(w.length), 0
	}
}

func (w *window) take(now time.Time, n float64) (bool, time.Duration) {
	w.roll(now)
	if w.used+n > w.limit {
		return false, w.end.Sub(now)
	}
	w.used += n
	return true, 0
}

func (w *window) give(n float64) { w.used -= n }

func (w *window) tell(now time.Time) (float64, float64, time.Duration) {
	w.roll(now)
	return w.limit, w.limit - w.used, w.end.Sub(now)
}

// How a server says when to come again.
const (
	askNothing = iota
	askMillis
	askSeconds
)

// account is what the server knows of one key.
type account struct {
	requests, tokens, hidden quota
	dead                     upstream.Verdict
	calls                    int
}

// server is a simulated upstream.
type server struct {
	mu          sync.Mutex
	rng         *rand.Rand
	accounts    map[string]*account
	headers     bool
	ask         int
	jitter      time.Duration // of the network, on the way to the server
	coarse      bool          // resets in whole seconds
	late        bool          // headers are written as the answer is sent
	slow429     bool          // 429s take as long as answers
	minuteLimit bool          // headers tell the limit of a minute, and what remains of a second
	// strayHeader is what goes with a 429 of faults.
	strayHeader http.Header
	slots       chan struct{} // nil: answers as many at once as come
	median      time.Duration
	// faults returns what goes wrong with a call that came at the time, Succeeded for nothing.
	faults func(at time.Duration, roll float64) upstream.Verdict

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
	verdict upstream.Verdict
}

func newServer(seed uint64) *server {
	return &server{
		rng: rand.New(rand.NewPCG(seed, 7)), accounts: map[string]*account{},
		median: 200 * time.Millisecond, began: time.Now(), headers: true, ask: askMillis,
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
func (s *server) lognormal(median time.Duration) time.Duration {
	return time.Duration(float64(median) * math.Exp(0.5*s.rng.NormFloat64()))
}

// mean is of the latency's distribution.
func (s *server) mean() float64 { return s.median.Seconds() * math.Exp(0.125) }

// admit decides on a call as it arrives.
func (s *server) admit(key string, tokens float64) (r upstream.Result, serve time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	a := s.account(key)
	a.calls++
	s.calls++
	r.Verdict = upstream.Succeeded
	defer func() { s.log = append(s.log, call{now.Sub(s.began), r.Verdict}) }()
	if s.faults != nil {
		r.Verdict = s.faults(now.Sub(s.began), s.rng.Float64())
	}
	if r.Verdict == upstream.Succeeded && a.dead != upstream.Abandoned {
		r.Verdict, r.Detail = a.dead, "said no"
	}
	quick := s.lognormal(s.median / 10)
	if r.Verdict != upstream.Succeeded {
		if r.Verdict == upstream.Throttled {
			s.refused++
			r.Header = s.strayHeader
		}
		return r, quick
	}
	ok, again := a.take(now, tokens)
	r.Header = s.header(a, now, ok, again)
	if !ok {
		s.refused++
		r.Verdict = upstream.Throttled
		if s.slow429 {
			quick = s.lognormal(s.median)
		}
		return r, quick
	}
	s.took = append(s.took, now)
	s.used += tokens
	r.Usage = catalog.Usage{Prompt: int64(tokens)}
	return r, s.lognormal(s.median)
}

func (a *account) take(now time.Time, tokens float64) (ok bool, again time.Duration) {
	type part struct {
		q quota
		n float64
	}
	parts := []part{{a.requests, 1}, {a.hidden, 1}, {a.tokens, tokens}}
	for i, p := range parts {
		if p.q == nil {
			continue
		}
		if ok, again = p.q.take(now, p.n); !ok {
			for _, done := range parts[:i] {
				if done.q != nil {
					done.q.give(done.n)
				}
			}
			return false, again
		}
	}
	return true, 0
}

func (s *server) header(a *account, now time.Time, ok bool, again time.Duration) http.Header {
	h := http.Header{}
	put := func(name string, q quota) {
		limit, remaining, reset := q.tell(now)
		if s.minuteLimit {
			limit *= 60
		}
		h.Set("X-Ratelimit-Limit-"+name, strconv.Itoa(int(limit)))
		h.Set("X-Ratelimit-Remaining-"+name, strconv.Itoa(int(remaining)))
		h.Set("X-Ratelimit-Reset-"+name, reset.Round(time.Millisecond).String())
		if s.coarse {
			h.Set("X-Ratelimit-Reset-"+name, strconv.Itoa(int(math.Ceil(reset.Seconds()))))
		}
	}
	if s.headers && a.requests != nil {
		put("Requests", a.requests)
	}
	if s.headers && a.tokens != nil {
		put("Tokens", a.tokens)
	}
	switch {
	case ok:
	case s.ask == askMillis:
		h.Set("Retry-After-Ms", strconv.Itoa(int(again.Milliseconds())+1))
	case s.ask == askSeconds:
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(again.Seconds()))))
	}
	return h
}

// call is one HTTP call as a client sees it, with a network in front of it. It
// ends early with ctx, or when the gate gives it up.
func (s *server) call(ctx context.Context, gone <-chan struct{}, key string, tokens float64) upstream.Result {
	s.mu.Lock()
	up := time.Millisecond + time.Duration(s.rng.Float64()*float64(2*time.Millisecond+s.jitter))
	s.mu.Unlock()
	if !pause(ctx, gone, up) {
		return upstream.Result{Verdict: upstream.TimedOut}
	}
	began := time.Now()
	if s.slots != nil {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		case <-ctx.Done():
			return upstream.Result{Verdict: upstream.TimedOut}
		case <-gone:
			return upstream.Result{Verdict: upstream.TimedOut}
		}
	}
	r, serve := s.admit(key, tokens)
	if r.Verdict == upstream.TimedOut {
		pause(ctx, gone, time.Hour)
		return r
	}
	if !pause(ctx, gone, serve) {
		return upstream.Result{Verdict: upstream.TimedOut}
	}
	if s.late && r.Verdict == upstream.Succeeded {
		s.mu.Lock()
		r.Header = s.header(s.account(key), time.Now(), true, 0)
		s.mu.Unlock()
	}
	if r.Verdict == upstream.Succeeded {
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

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
