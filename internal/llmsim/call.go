package llmsim

import (
	"bytes"
	"cmp"
	"context"
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
	buffer   *bytes.Buffer // what was sent
	body     []byte        // the same without the data of pictures
	out      []byte
	digest   xxhash.Digest
	source   rand.PCG
	question question
	answer   answer

	serial  uint64
	secret  string
	address string // path and query
	header  http.Header
	first   time.Duration // when the server's first call arrived
	arrived time.Duration
	others  int     // calls in flight when it arrived
	luck    float64 // in [0, 1); it decides on shares
	latency time.Duration
	key     *key // nil if it is not known, and in an outage
	state   string
	usage   usage
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
	if e := c.load(r, s.config.MaxBody); e != nil {
		sendError(w, e)
		return
	}
	*c = call{buffer: c.buffer, out: c.out[:0], secret: bearer(r.Header.Get("Authorization")), address: r.URL.RequestURI(), header: r.Header}
	outage := s.arrive(c)
	c.draw(s.config.Seed, s.config.Latency)
	status := statusLeft
	defer func() { s.leave(c, status) }()
	if outage != nil {
		status = s.fail(w, r, c, outage)
		return
	}
	status = s.serve(w, r, c)
}

// draw decides the call's luck and latency, by the seed and its number alone.
func (c *call) draw(seed uint64, l Latency) {
	c.source.Seed(seed, c.serial)
	r := rand.New(&c.source)
	t := min(float64(l.Median)*math.Exp(l.Sigma*r.NormFloat64()), math.MaxInt64/2)
	c.latency = time.Duration(t)
	if l.Cap > 0 {
		c.latency = min(c.latency, l.Cap)
	}
	c.luck = r.Float64()
}

// load reads the body.
func (c *call) load(r *http.Request, limit int64) *apiError {
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

// serve takes a call through the stations after the outages, and returns how it
// ended: a status, statusReset or statusLeft.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, c *call) int {
	if c.state != active {
		return s.fail(w, r, c, &behaviours[c.state][0])
	}
	if e := c.read(s); e != nil {
		return s.reject(w, r, c, e, nil)
	}
	var rule *Rule
	if rule, c.faulty = s.ruleFor(c); rule != nil && rule.free() {
		return s.fail(w, r, c, rule)
	}
	c.answer = compose(&c.question, rule)
	if e := s.admit(w.Header(), c); e != nil {
		return s.reject(w, r, c, e, nil)
	}
	if rule != nil && rule.Break == "hang" {
		return s.fail(w, r, c, rule)
	}
	if !s.work(r, c, rule) {
		return statusLeft
	}
	if caught := s.caught(c); caught != nil {
		return s.fail(w, r, c, caught)
	}
	if rule != nil && (rule.Break == "reset" || rule.Status >= http.StatusBadRequest) {
		return s.fail(w, r, c, rule)
	}
	s.remember(c)
	c.out = c.answer.appendBody(c.out, c.question.quoted, c.usage, c.serial, time.Now())
	return s.respond(w, c, http.StatusOK, c.out, rule)
}

// admit draws on the quota, and sets the headers that report it.
func (s *Server) admit(h http.Header, c *call) *apiError {
	c.usage = usage{prompt: c.question.promptTokens(), completion: c.answer.completionTokens()}
	a := c.key.account
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := a.admit(c.arrived, int64(c.usage.total()), c.question.model, h); e != nil {
		return e
	}
	if n := c.question.cacheable(); a.knows(c.question.prefix) {
		c.usage.cached = n
	} else {
		c.usage.written = n
	}
	s.pay(c)
	return nil
}

// remember puts the prompt of a call that is answered into its account's cache.
func (s *Server) remember(c *call) {
	if c.usage.written == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.key.account.remember(c.question.prefix)
}

// work takes a slot and the time of an answer, and reports whether the client is
// still there.
func (s *Server) work(r *http.Request, c *call, rule *Rule) bool {
	ctx := r.Context()
	if s.slots != nil {
		if s.slots.Acquire(ctx, 1) != nil {
			return false
		}
		defer s.slots.Release(1)
	}
	if rule == nil {
		return pause(ctx, c.latency)
	}
	if rule.Alone {
		if s.turn.Acquire(ctx, 1) != nil {
			return false
		}
		defer s.turn.Release(1)
	}
	return s.loader.wait(ctx, rule.Load) && pause(ctx, cmp.Or(rule.Latency, c.latency))
}

// respond writes an answer, as a rule changes it.
func (s *Server) respond(w http.ResponseWriter, c *call, status int, body []byte, rule *Rule) int {
	h := w.Header()
	h["X-Request-Id"] = []string{"req_" + id(c.serial)} // clients show it in their errors
	h["Content-Type"] = typeJSON
	if rule != nil {
		status = cmp.Or(rule.Status, status)
		body = c.changed(h, rule, body)
		if rule.Break == "half" {
			sendHalf(w, status, body)
		}
	}
	send(w, status, body)
	return status
}

// reject writes an error, which a rule may word otherwise.
func (s *Server) reject(w http.ResponseWriter, r *http.Request, c *call, e *apiError, rule *Rule) int {
	if e.status != http.StatusInternalServerError && !pause(r.Context(), s.config.RejectDelay) {
		return statusLeft
	}
	return s.respond(w, c, e.status, e.body(), rule)
}

// fail ends a call by a rule that gives no answer.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, c *call, rule *Rule) int {
	switch rule.Break {
	case "hang":
		return s.hang(w, r)
	case "reset":
		cutConnection(w)
		return statusReset
	}
	busy := rule.Status == http.StatusTooManyRequests || rule.Status == http.StatusServiceUnavailable
	if c.key != nil && c.state == active {
		s.mu.Lock()
		c.key.account.Describe(s.now(), w.Header())
		s.mu.Unlock()
		if busy && s.config.Faults.RetryAfter > 0 {
			c.key.account.retryAfter(w.Header(), s.config.Faults.RetryAfter)
		}
	}
	if !pause(r.Context(), rule.Latency) {
		return statusLeft
	}
	return s.reject(w, r, c, statusError(rule.Status), rule)
}

// hang waits until the client leaves, or cuts the connection at the limit.
func (s *Server) hang(w http.ResponseWriter, r *http.Request) int {
	if limit := s.config.Faults.HangLimit; limit > 0 && pause(r.Context(), limit) {
		cutConnection(w)
		return statusReset
	}
	<-r.Context().Done()
	return statusLeft
}

// loader is a model that the first call brings into memory.
type loader struct {
	mu      sync.Mutex
	loaded  bool
	began   time.Time
	waiting int
}

// wait waits until the model is loaded, which takes d from the first call on, and
// reports whether the client is still there.
func (l *loader) wait(ctx context.Context, d time.Duration) bool {
	l.mu.Lock()
	if d == 0 || l.loaded {
		l.mu.Unlock()
		return true
	}
	if l.waiting == 0 {
		l.began = time.Now()
	}
	l.waiting++
	left := d - time.Since(l.began)
	l.mu.Unlock()
	loaded := pause(ctx, left)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting--
	l.loaded = l.loaded || loaded
	return loaded
}
