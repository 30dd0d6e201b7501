package llmsim

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"math"
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
	question question
	answer   *answer

	serial  uint64
	secret  string
	first   time.Duration // when the server's first call arrived
	arrived time.Duration
	luck    float64 // in [0, 1); it decides on shares
	latency time.Duration
	key     *key // nil if it is not known, and in an outage
	state   string
	usage   usage
	faulty  bool // a fault befell the call
}

// maxKept is how much memory a call may keep for the next one.
const maxKept = 4 << 20

var calls = sync.Pool{New: func() any { return &call{buffer: new(bytes.Buffer), answer: newAnswer()} }}

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
	*c = call{buffer: c.buffer, out: c.out[:0], answer: c.answer, secret: bearer(r.Header.Get("Authorization"))}
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
	a := c.answer
	a.source.Seed(seed, c.serial)
	t := min(float64(l.Median)*math.Exp(l.Sigma*a.rand.NormFloat64()), math.MaxInt64/2)
	c.latency = time.Duration(t)
	if l.Cap > 0 {
		c.latency = min(c.latency, l.Cap)
	}
	c.luck = a.rand.Float64()
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
		return s.answer(w, r, c, &behaviours[c.state][0])
	}
	if e := c.read(s); e != nil {
		return s.reject(w, r, c, e)
	}
	var rule *Rule
	if rule, c.faulty = s.ruleFor(c); rule != nil && rule.free() {
		return s.fail(w, r, c, rule)
	}
	c.answer.compose(&c.question, rule)
	if e := s.admit(w.Header(), c); e != nil {
		return s.reject(w, r, c, e)
	}
	if rule != nil && rule.Break == BreakHang {
		return s.fail(w, r, c, rule)
	}
	if !s.work(r, c, rule) {
		return statusLeft
	}
	if caught := s.caught(c); caught != nil {
		return s.fail(w, r, c, caught)
	}
	if rule != nil && (rule.Break == BreakReset || rule.Status >= http.StatusBadRequest) {
		return s.fail(w, r, c, rule)
	}
	return s.deliver(w, c, rule)
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
	if n := c.question.cacheable(); n > 0 && a.knows(c.question.prefix) {
		c.usage.cached = n
	}
	s.pay(c)
	return nil
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
	return s.loader.wait(ctx, rule.Load) && pause(ctx, cmp.Or(rule.Latency, c.latency))
}

// deliver writes an answer of status 200, or of the rule's.
func (s *Server) deliver(w http.ResponseWriter, c *call, rule *Rule) int {
	c.identify(w)
	w.Header()["Content-Type"] = typeJSON
	status := http.StatusOK
	c.out = c.answer.appendBody(c.out, c.question.quoted, c.usage, c.serial, time.Now())
	if rule != nil {
		status = cmp.Or(rule.Status, status)
		c.out = s.ruled(w.Header(), c, rule, c.out)
		if rule.Break == BreakHalf {
			sendHalf(w, status, c.out)
			return statusReset
		}
	}
	send(w, status, c.out)
	return status
}

// fail ends a call by a rule that gives no answer.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, c *call, rule *Rule) int {
	switch {
	case rule.Break == BreakHang:
		return s.hang(w, r)
	case rule.Break != "":
		cutConnection(w)
		return statusReset
	}
	if c.key != nil {
		s.mu.Lock()
		c.key.account.advance(s.now())
		c.key.account.describe(w.Header())
		s.mu.Unlock()
		if busy := rule.Status == http.StatusTooManyRequests || rule.Status == http.StatusServiceUnavailable; busy && s.config.Faults.RetryAfter > 0 {
			c.key.account.retryAfter(w.Header(), s.config.Faults.RetryAfter)
		}
	}
	return s.answer(w, r, c, rule)
}

// answer answers with a rule's error.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, c *call, rule *Rule) int {
	if !pause(r.Context(), rule.Latency) {
		return statusLeft
	}
	e := statusError(rule.Status)
	e.rule = rule
	return s.reject(w, r, c, e)
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

// reject writes an error.
func (s *Server) reject(w http.ResponseWriter, r *http.Request, c *call, e *apiError) int {
	if e.status != http.StatusInternalServerError && !pause(r.Context(), s.config.RejectDelay) {
		return statusLeft
	}
	c.identify(w)
	w.Header()["Content-Type"] = typeJSON
	c.out = e.body()
	if e.rule != nil {
		c.out = s.ruled(w.Header(), c, e.rule, c.out)
	}
	send(w, e.status, c.out)
	return e.status
}

// identify sets the request's id, which clients show in their errors.
func (c *call) identify(w http.ResponseWriter) {
	w.Header()["X-Request-Id"] = []string{"req_" + id(c.serial)}
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
