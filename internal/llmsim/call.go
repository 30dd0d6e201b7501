package llmsim

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// call is one request for a completion on its way through the stations.
type call struct {
	w    http.ResponseWriter
	r    *http.Request
	body []byte // without the data of large pictures
	out  []byte // empty; has room for the answer
	*shape
	// subject is a hash of the last user message: its texts, without their JSON
	// escapes, and the URLs of its pictures.
	subject       uint64
	text          string // the texts of that message
	pictureTokens int64  // the price of its pictures; 0: there are none
	answer        answer

	serial    uint64
	id        string
	secret    string
	first     time.Duration // when the server's first call arrived
	arrived   time.Duration
	busySince time.Duration // when a call last arrived while none was in flight
	others    int           // calls in flight when it arrived
	luck      float64       // in [0, 1); it decides on shares
	latency   time.Duration
	key       *key // nil if it is not known, and in an outage
	state     string
	usage     Tokens
	faulty    bool // a fault befell the call
}

const (
	maxBody = 64 << 20 // the largest request in bytes; a larger one is answered 413
	answers = 16 << 10 // room for an answer after the request, in bytes
)

// buffers have the requests and then the answers of calls.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	refused := load(buffer, r)
	if refused != nil {
		sendError(w, refused)
		return
	}
	c := &call{w: w, r: r, body: buffer.Bytes(), out: buffer.AvailableBuffer(), secret: bearer(r.Header.Get("Authorization"))}
	end := left
	refused = s.arrive(c)
	defer func() { s.leave(c, end) }()
	c.draw(s.config.Seed, s.config.Latency)
	if refused != nil {
		end = s.respond(c, refused, nil)
	} else {
		end = s.serve(c)
	}
}

// draw decides the call's id, luck and latency, by the seed and its number alone.
func (c *call) draw(seed uint64, l Latency) {
	c.id = fmt.Sprintf("%016x", c.serial*0x9e3779b97f4a7c15) // mixed, so that neighbours look different
	r := rand.New(rand.NewPCG(seed, c.serial))
	c.latency = time.Duration(min(float64(l.Median)*math.Exp(l.Sigma*r.NormFloat64()), float64(l.Cap)))
	c.luck = r.Float64()
}

// load reads the body.
func load(buffer *bytes.Buffer, r *http.Request) (refused *Rule) {
	buffer.Reset()
	buffer.Grow(int(min(max(r.ContentLength, 4096), maxBody)) + answers)
	n, err := buffer.ReadFrom(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return errBadJSON
	case n > maxBody:
		return errTooLarge
	}
	return nil
}

// serve takes a call through the stations after outage and key, and returns how it ended.
func (s *Server) serve(c *call) string {
	if refused := c.read(s); refused != nil {
		return s.respond(c, refused, nil)
	}
	rule := s.ruleFor(c)
	if rule.free() {
		if !pause(c.r.Context(), rule.Latency) {
			return left
		}
		return s.respond(c, rule, nil)
	}
	c.compose(rule)
	if refused := s.admit(c); refused != nil {
		if rule.Body == "" { // whose headers would be of that body
			refused.Header = rule.Header
		}
		return s.respond(c, refused, nil)
	}
	if rule.Break != "hang" { // which takes no slot
		if !s.work(c, rule) {
			return left
		}
		rule = s.finish(c, rule)
	}
	if rule.fails() {
		return s.respond(c, rule, nil)
	}
	return s.respond(c, rule, c.appendBody(c.out, rule))
}

// admit draws on the quota, and sets the headers that report it.
func (s *Server) admit(c *call) (refused *Rule) {
	c.usage = Tokens{Prompt: c.promptTokens(), Completion: max(tokensOf(len(c.answer.text)), 1)}
	a := c.key.account
	s.mu.Lock()
	defer s.mu.Unlock()
	if refused = a.Admit(c.arrived, c.model, c.usage.total(), c.w.Header()); refused != nil {
		return refused
	}
	if n := c.cacheable(); a.cached[c.prefix] {
		c.usage.Cached = n
	} else {
		c.usage.Written = n
	}
	s.pay(c)
	return nil
}

// work takes a slot, all of them for a call that is worked on alone, and the time of an
// answer, and reports whether the client is still there.
func (s *Server) work(c *call, rule *Rule) bool {
	ctx, slots := c.r.Context(), int64(1)
	if rule.Alone {
		slots = int64(s.config.Slots)
	}
	if s.slots.Acquire(ctx, slots) != nil {
		return false
	}
	defer s.slots.Release(slots)
	if rule.Load > 0 && !s.loaded.Load() {
		if !pause(ctx, c.busySince+rule.Load-s.now()) {
			return false
		}
		s.loaded.Store(true)
	}
	return pause(ctx, cmp.Or(rule.Latency, c.latency))
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
		keep(c.key.account.cached, maxShapes, c.prefix, true)
	}
	return rule
}

// respond ends a call as a rule has it, with a body or with an error, and returns how.
func (s *Server) respond(c *call, rule *Rule, body []byte) string {
	switch rule.Break {
	case "hang":
		<-c.r.Context().Done()
		return left
	case "reset":
		cutConnection(c.w)
		return reset
	}
	status := cmp.Or(rule.Status, http.StatusOK)
	s.writeHeader(c, rule, body)
	switch {
	case rule.Body != "":
		body = []byte(c.fill(rule.Body, rule, body))
	case body == nil:
		body = []byte(usualError(status))
	case c.stream:
		c.w.Header().Set("Content-Type", "text/event-stream")
		body = asEvents(body)
	}
	if rule.Gzip {
		c.w.Header().Set("Content-Encoding", "gzip")
		body = compressed(body)
	}
	if rule.Break == "half" {
		send(c.w, status, body[:len(body)/2], len(body)) // net/http cuts the connection
		return left
	}
	send(c.w, status, body, len(body))
	return strconv.Itoa(status)
}

// writeHeader sets the headers of an answer: what is left of the quota, which an answer to
// a question was told as it was admitted, and those of a rule.
func (s *Server) writeHeader(c *call, rule *Rule, body []byte) {
	h := c.w.Header()
	h["X-Request-Id"] = []string{"req_" + c.id} // clients show it in their errors
	if body == nil && c.state == active {
		s.mu.Lock()
		c.key.account.Describe(s.now(), h)
		s.mu.Unlock()
	}
	for name, value := range rule.Header {
		h.Set(name, c.fill(value, rule, body))
	}
}
