package llmsim

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

// call is one request for a completion on its way through the stations. Calls
// are used again with their memory.
type call struct {
	w        http.ResponseWriter
	r        *http.Request
	buffer   *bytes.Buffer // what was sent
	body     []byte        // the same without the data of pictures
	out      []byte
	digest   xxhash.Digest
	source   rand.PCG
	question question
	answer   answer

	serial  uint64
	id      string
	secret  string
	first   time.Duration // when the server's first call arrived
	arrived time.Duration
	others  int     // calls in flight when it arrived
	luck    float64 // in [0, 1); it decides on shares
	latency time.Duration
	key     *key // nil if it is not known, and in an outage
	state   string
	usage   Tokens
	faulty  bool // a fault befell the call
}

// maxKept is how much memory a call may keep for the next one.
const maxKept = 4 << 20

var calls = sync.Pool{New: func() any { return &call{buffer: new(bytes.Buffer)} }}

func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	c := calls.Get().(*call)
	defer func() {
		if c.buffer.Cap()+cap(c.out) <= maxKept {
			calls.Put(c)
		}
	}()
	if refused := c.load(r, s.config.MaxBody); refused != nil {
		sendError(w, refused)
		return
	}
	*c = call{w: w, r: r, buffer: c.buffer, out: c.out[:0], secret: bearer(r.Header.Get("Authorization"))}
	status := statusLeft
	refused := s.arrive(c)
	defer func() { s.leave(c, status) }()
	c.draw(s.config.Seed, s.config.Latency)
	if refused != nil {
		status = s.fail(c, refused)
	} else {
		status = s.serve(c)
	}
}

// draw decides the call's id, luck and latency, by the seed and its number alone.
func (c *call) draw(seed uint64, l Latency) {
	c.id = fmt.Sprintf("%016x", c.serial*0x9e3779b97f4a7c15) // mixed, so that neighbours look different
	c.source.Seed(seed, c.serial)
	r := rand.New(&c.source)
	c.latency = time.Duration(min(float64(l.Median)*math.Exp(l.Sigma*r.NormFloat64()), float64(l.Cap)))
	c.luck = r.Float64()
}

// load reads the body.
func (c *call) load(r *http.Request, limit int64) *Rule {
	c.buffer.Reset()
	c.buffer.Grow(int(min(max(r.ContentLength, 4096), limit)) + bytes.MinRead)
	n, err := c.buffer.ReadFrom(io.LimitReader(r.Body, limit+1))
	switch {
	case err != nil:
		return errBadJSON
	case n > limit:
		return errTooLarge
	}
	return nil
}

// serve takes a call through the stations after outage and key, and returns how it
// ended: a status, statusReset or statusLeft.
func (s *Server) serve(c *call) int {
	if refused := c.read(s); refused != nil {
		return s.reject(c, refused)
	}
	rule := s.ruleFor(c)
	if rule.free() {
		return s.fail(c, rule)
	}
	c.compose(rule)
	if refused := s.admit(c); refused != nil {
		return s.reject(c, refused)
	}
	if rule.Break == "hang" {
		return s.fail(c, rule)
	}
	if !s.work(c, rule) {
		return statusLeft
	}
	if rule = s.finish(c, rule); rule.fails() {
		return s.fail(c, rule)
	}
	c.out = c.appendBody(c.out, rule)
	return s.respond(c, rule, c.out)
}

// admit draws on the quota, and sets the headers that report it.
func (s *Server) admit(c *call) (refused *Rule) {
	c.usage = Tokens{Prompt: c.question.promptTokens(), Completion: max(tokensOf(len(c.answer.text)), 1)}
	a := c.key.account
	s.mu.Lock()
	defer s.mu.Unlock()
	if refused = a.Admit(c.arrived, c.question.model, c.usage.total(), c.w.Header()); refused != nil {
		return refused
	}
	if n := c.question.cacheable(); a.prefixes[c.question.prefix] {
		c.usage.Cached = n
	} else {
		c.usage.Written = n
	}
	s.pay(c)
	return nil
}

// work takes a slot and the time of an answer, and reports whether the client is
// still there.
func (s *Server) work(c *call, rule *Rule) bool {
	ctx := c.r.Context()
	if s.slots.Acquire(ctx, 1) != nil {
		return false
	}
	defer s.slots.Release(1)
	if rule.Alone {
		if s.turn.Acquire(ctx, 1) != nil {
			return false
		}
		defer s.turn.Release(1)
	}
	return s.loadModel(ctx, rule.Load) && pause(ctx, cmp.Or(rule.Latency, c.latency))
}

// loadModel waits until the model is in memory, which takes d from the first call on,
// and reports whether the client is still there.
func (s *Server) loadModel(ctx context.Context, d time.Duration) bool {
	if d == 0 || s.loaded.Load() {
		return true
	}
	_, err := s.loading.Do(ctx, "", func(ctx context.Context) (bool, error) {
		if !pause(ctx, d) {
			return false, ctx.Err()
		}
		s.loaded.Store(true)
		return true, nil
	})
	return err == nil
}

// finish returns the rule by which a call ends that was worked on: that of an outage
// which began meanwhile, else its own. The prompt of one that is answered goes into its
// account's cache.
func (s *Server) finish(c *call, rule *Rule) *Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	caught := s.outage(func(o Outage) bool { return o.InFlight && c.arrived < o.Start && o.Start <= now })
	if rule = cmp.Or(caught, rule); c.usage.Written > 0 && !rule.fails() {
		keep(c.key.account.prefixes, maxPrefixes, c.question.prefix, true)
	}
	return rule
}

// respond writes an answer as a rule has it, and returns its status.
func (s *Server) respond(c *call, rule *Rule, body []byte) int {
	h := c.w.Header()
	h["X-Request-Id"] = []string{"req_" + c.id} // clients show it in their errors
	h["Content-Type"] = typeJSON
	for name, value := range rule.Header {
		h.Set(name, c.fill(value, rule, body))
	}
	if rule.Body != "" {
		body = []byte(c.fill(rule.Body, rule, body))
	}
	if rule.Events && c.question.stream {
		h.Set("Content-Type", "text/event-stream")
		body = asEvents(body)
	}
	if rule.Gzip {
		h.Set("Content-Encoding", "gzip")
		body = compressed(body)
	}
	status := cmp.Or(rule.Status, http.StatusOK)
	if rule.Break == "half" {
		send(c.w, status, body[:len(body)/2], len(body)) // net/http cuts the connection
		return statusLeft
	}
	send(c.w, status, body, len(body))
	return status
}

// reject writes an error.
func (s *Server) reject(c *call, rule *Rule) int {
	if rule.Status != http.StatusInternalServerError && !pause(c.r.Context(), s.config.RejectDelay) {
		return statusLeft
	}
	return s.respond(c, rule, usualError(rule.Status))
}

// fail ends a call by a rule that gives no answer.
func (s *Server) fail(c *call, rule *Rule) int {
	switch rule.Break {
	case "hang":
		return s.hang(c)
	case "reset":
		cutConnection(c.w)
		return statusReset
	}
	if c.state == active {
		s.mu.Lock()
		c.key.account.Describe(s.now(), c.w.Header())
		s.mu.Unlock()
		busy := rule.Status == http.StatusTooManyRequests || rule.Status == http.StatusServiceUnavailable
		if wait := s.config.Faults.RetryAfter; busy && wait > 0 {
			c.key.account.retryAfter(c.w.Header(), wait)
		}
	}
	if !pause(c.r.Context(), rule.Latency) {
		return statusLeft
	}
	return s.reject(c, rule)
}

// hang waits until the client leaves, or cuts the connection at the limit.
func (s *Server) hang(c *call) int {
	if limit := s.config.Faults.HangLimit; limit > 0 && pause(c.r.Context(), limit) {
		cutConnection(c.w)
		return statusReset
	}
	<-c.r.Context().Done()
	return statusLeft
}
