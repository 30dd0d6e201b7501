package llmsim

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// Server is a simulated model server. It is an http.Handler and safe for
// concurrent use. It starts no goroutine and holds nothing that has to be
// closed; a call in it ends with its request's context at the latest.
type Server struct {
	config   Config
	start    time.Time
	chances  []chance
	keys     *keyring
	calendar *calendar
	schemas  schemas
	tally    *tally
	slots    *semaphore.Weighted // nil: any number; first in, first out
	serial   atomic.Uint64
	calls    sync.Pool
}

// New returns a server whose clock starts now. The error is a *fault.Fault that
// names the field of config that is wrong.
func New(config Config) (*Server, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	keys, err := newKeyring(config)
	if err != nil {
		return nil, err
	}
	calendar, err := newCalendar(config.Outages)
	if err != nil {
		return nil, err
	}
	s := &Server{
		config: config, start: time.Now(), chances: config.Faults.chances(),
		keys: keys, calendar: calendar, tally: newTally(config.MaxMessages),
		schemas: schemas{byHash: make(map[uint64]*node)},
	}
	s.calls.New = func() any { return new(call) }
	if config.Slots > 0 {
		s.slots = semaphore.NewWeighted(int64(config.Slots))
	}
	return s, nil
}

// now is the time since New.
func (s *Server) now() time.Duration { return time.Since(s.start) }

// Stats returns what the server has seen.
func (s *Server) Stats() Stats {
	now := s.now()
	return s.tally.report(now, s.keys.all(), func(k *key) KeyState { return s.keys.stateOf(k, now) })
}

// ResetStats starts a new period, without the messages of the last one. Calls in
// flight are booked in the period in which they end.
func (s *Server) ResetStats() { s.tally.reset(s.now(), s.keys.all()) }

// Calls is how many calls have arrived in this period.
func (s *Server) Calls() int64 {
	s.tally.mu.Lock()
	defer s.tally.mu.Unlock()
	return s.tally.totals.Calls
}

// InFlight is how many calls are under way.
func (s *Server) InFlight() int64 {
	s.tally.mu.Lock()
	defer s.tally.mu.Unlock()
	return s.tally.totals.InFlight
}

// SetOutage begins an outage now, in place of an earlier one of this method.
// o.Start is not used; with o.For 0 it lasts until EndOutage.
func (s *Server) SetOutage(o Outage) error {
	o.Start = s.now()
	if err := o.check("outage"); err != nil {
		return err
	}
	s.calendar.set(o)
	return nil
}

// EndOutage ends the outage of SetOutage, if there is one. Planned ones go on.
func (s *Server) EndOutage() { s.calendar.end() }

// SetKey sets the state of a known key from now on, in place of all its planned
// changes.
func (s *Server) SetKey(secret string, state KeyState) error { return s.keys.set(secret, state) }

// ServeHTTP serves the API under any base path, and the server's own endpoints.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	switch {
	case strings.HasSuffix(path, "/chat/completions"):
		s.only(w, r, http.MethodPost, s.chat)
	case strings.HasSuffix(path, "/models"):
		s.only(w, r, http.MethodGet, s.listModels)
	case path == "/healthz":
		s.only(w, r, http.MethodGet, s.health)
	case path == "/stats":
		s.only(w, r, http.MethodGet, s.showStats)
	case path == "/stats/reset":
		s.only(w, r, http.MethodPost, s.resetStats)
	case path == "/admin/outage":
		s.outage(w, r)
	default:
		sendError(w, errNotFound)
	}
}

func (s *Server) only(w http.ResponseWriter, r *http.Request, method string, serve http.HandlerFunc) {
	if r.Method != method {
		w.Header().Set("Allow", method)
		sendError(w, errMethod)
		return
	}
	serve(w, r)
}

// check refuses what this server is set not to take.
func (s *Server) check(q *question) *apiError {
	switch {
	case len(s.config.Models) > 0 && !slices.Contains(s.config.Models, string(q.model)):
		return &apiError{
			http.StatusNotFound, "invalid_request_error", "model_not_found", "",
			"The model `" + string(q.model) + "` does not exist or you do not have access to it.",
		}
	case q.logprobs && s.config.Answer.Logprobs == LogprobsReject:
		return badRequest("You are not allowed to request logprobs from this model.", "logprobs", "unsupported_parameter")
	case len(q.schema) > 0 && s.config.Answer.Mode == AnswerReject:
		return badRequest("Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
			"response_format", "unsupported_parameter")
	}
	return nil
}
