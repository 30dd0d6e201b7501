package llmsim

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// call is one request for a completion on its way through the stations. Calls
// are used again with their memory.
type call struct {
	body   []byte
	out    []byte
	reader reader
	answer answer

	serial  uint64
	arrived time.Duration
	key     *key
	usage   usage
	flawed  bool
	denied  bool
}

// maxKept is how much memory a call may keep for the next one.
const maxKept = 4 << 20

func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	c := s.calls.Get().(*call)
	defer func() {
		if cap(c.body)+cap(c.out) <= maxKept {
			s.calls.Put(c)
		}
	}()
	if e := c.load(r, s.config.MaxBody); e != nil {
		sendError(w, e)
		return
	}
	c.key, c.usage, c.flawed, c.denied = nil, usage{}, false, false
	c.serial, c.arrived = s.serial.Add(1), s.now()
	out := s.calendar.at(c.arrived)
	s.tally.arrive(c.arrived, out != fine)
	status := statusLeft
	defer func() {
		s.tally.leave(ending{c.arrived, s.now(), status, c.flawed, c.denied, c.key})
	}()
	if out != fine {
		status = s.fail(w, r, c, out)
		return
	}
	status = s.serve(w, r, c)
}

// load reads the body. Where its length is known, it is read in one go.
func (c *call) load(r *http.Request, limit int64) *apiError {
	if r.ContentLength > limit {
		return errTooLarge
	}
	c.body = c.body[:0]
	if need := int(max(r.ContentLength, 4096)); cap(c.body) < need+1 {
		c.body = make([]byte, 0, need+1)
	}
	for int64(len(c.body)) <= limit {
		if len(c.body) == cap(c.body) {
			c.body = append(c.body, 0)[:len(c.body)]
		}
		n, err := r.Body.Read(c.body[len(c.body):cap(c.body)])
		c.body = c.body[:len(c.body)+n]
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errBadJSON
		}
	}
	return errTooLarge
}

// serve takes a call through the stations after the outages, and returns how it
// ended: a status, statusReset or statusLeft.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, c *call) int {
	luck := newDice(s.config.Seed, c.serial)
	latency, place := s.config.Latency.draw(&luck), luck.float()
	schema, e := s.understand(r, c)
	if e != nil {
		return s.reject(w, r, c, e)
	}
	q := &c.reader.question
	m := pick(s.chances, place)
	if m == cut && q.maxTokens >= roomy {
		m = fine
	}
	if attempt := s.tally.ask(q.subject); q.mark.mishap != fine {
		m = fine
		if q.mark.befalls(attempt) {
			m = q.mark.mishap
		}
	}
	if m != fine && !m.costly() {
		return s.fail(w, r, c, m)
	}
	c.answer.compose(q, schema, s.config.Answer.Mode, m)
	if e := s.admit(w, c); e != nil {
		return s.reject(w, r, c, e)
	}
	if m == hang {
		return s.fail(w, r, c, m)
	}
	if !s.work(r, latency) {
		return statusLeft
	}
	if caught := s.calendar.catches(c.arrived, s.now()); caught != fine {
		m = caught
	}
	if m == reset || m == hang || m >= firstStatus {
		return s.fail(w, r, c, m)
	}
	return s.deliver(w, c, m)
}

// understand checks the key and the request, and returns the answer's schema.
func (s *Server) understand(r *http.Request, c *call) (*node, *apiError) {
	secret := bearer(r.Header.Get("Authorization"))
	k, state := s.keys.find(secret, c.arrived)
	c.key = k
	if k == nil || state != KeyActive {
		c.denied = true
		return nil, keyError(state, tail(secret))
	}
	if e := c.reader.read(c.body, s.config.Answer.ImageTokens); e != nil {
		return nil, e
	}
	q := &c.reader.question
	if s.config.Answer.Logprobs == LogprobsIgnore {
		q.logprobs = false
	}
	if e := s.check(q); e != nil {
		return nil, e
	}
	if s.config.Answer.Mode == AnswerProse {
		return nil, nil
	}
	return s.schemas.get(q)
}

// admit draws on the quota, and sets the headers that tell of it.
func (s *Server) admit(w http.ResponseWriter, c *call) *apiError {
	q, g := &c.reader.question, c.key.group
	u := usage{prompt: q.promptTokens(), completion: c.answer.completionTokens()}
	ruling := g.admit(c.arrived, int64(u.total()))
	g.describe(w.Header(), &ruling)
	if !ruling.admitted {
		if !ruling.tooLarge {
			g.quota.RetryAfter.set(w.Header(), ruling.wait)
		}
		return limitError(q.model, &ruling)
	}
	if n := q.cacheable(); n > 0 && g.knows(q.prefix) {
		u.cached = n
	}
	c.usage = u
	s.tally.pay(q.subject, u, c.key)
	return nil
}

// work takes a slot and the time of an answer, and reports whether the client is
// still there.
func (s *Server) work(r *http.Request, latency time.Duration) bool {
	ctx := r.Context()
	if s.slots != nil {
		if s.slots.Acquire(ctx, 1) != nil {
			return false
		}
		defer s.slots.Release(1)
	}
	return pause(ctx, latency)
}

// deliver writes an answer of status 200.
func (s *Server) deliver(w http.ResponseWriter, c *call, m mishap) int {
	c.flawed = m != fine
	c.identify(w)
	switch m {
	case page:
		send(w, http.StatusOK, typeHTML, []byte(pageText))
		return http.StatusOK
	case garbage:
		send(w, http.StatusOK, typeJSON, []byte(garbageText))
		return http.StatusOK
	default: // an answer, of whatever worth
	}
	c.out = c.answer.appendCompletion(c.out[:0], &c.reader.question, c.usage, c.serial, time.Now())
	send(w, http.StatusOK, typeJSON, c.out)
	return http.StatusOK
}

// fail ends a call with a mishap that is no answer.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, c *call, m mishap) int {
	switch m {
	case hang:
		return s.hang(w, r)
	case reset:
		cutConnection(w)
		return statusReset
	default: // a status
	}
	if wait := s.config.Faults.RetryAfter; wait > 0 && (m == 429 || m == 503) && c.key != nil {
		c.key.group.quota.RetryAfter.set(w.Header(), wait)
	}
	if c.key != nil {
		ruling := c.key.group.look(s.now())
		c.key.group.describe(w.Header(), &ruling)
	}
	return s.reject(w, r, c, mishapError(m))
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
	c.out = e.body(c.out[:0])
	send(w, e.status, typeJSON, c.out)
	return e.status
}

// identify sets the request's id, which clients show in their errors.
func (c *call) identify(w http.ResponseWriter) {
	id := make([]byte, 0, 20)
	w.Header()["X-Request-Id"] = []string{string(appendHex(append(id, "req_"...), c.serial))}
}
