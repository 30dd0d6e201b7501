package llmsim

import (
	"cmp"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Outage is a time in which no call is served.
type Outage struct {
	Start time.Duration // from New; SetOutage sets it
	For   time.Duration // how long it lasts; SetOutage takes 0 as until EndOutage
	// Kind is how calls fail: "503", at once, "hang", without an answer also after the
	// outage, until the client leaves, or "reset", which cuts the connection at once.
	Kind string
	// InFlight: calls in flight at its start fail like those that arrive in it, at
	// the moment at which they would have been answered.
	InFlight bool `yaml:"in_flight"`
}

func (o Outage) check(field string) error {
	return cmp.Or(oneOf(field+".kind", o.Kind, "503", "hang", "reset"),
		invalid(o.Start < 0 || o.For < 0, field, "start and for must not be negative"))
}

// outage returns the rule of an outage that holds; nil if there is none. The first
// of outages is the one of SetOutage, kept for the calls that it caught. The caller
// holds the lock.
func (s *Server) outage(holds func(Outage) bool) *Rule {
	for _, o := range s.outages {
		if o.Kind != "" && holds(o) {
			return &behaviourOf(o.Kind)[0]
		}
	}
	return nil
}

// SetOutage begins an outage now, in place of an earlier one of this method.
// o.Start is not used; with o.For 0 it lasts until EndOutage.
func (s *Server) SetOutage(o Outage) error {
	if err := o.check("outage"); err != nil {
		return err
	}
	o.For = cmp.Or(o.For, math.MaxInt64)
	s.mu.Lock()
	defer s.mu.Unlock()
	o.Start = s.now()
	s.outages[0] = o
	return nil
}

// beginOutage reads the query: kind, and if they are there for and in_flight.
func (s *Server) beginOutage(r *http.Request) error {
	query := r.URL.Query()
	length, err := time.ParseDuration(cmp.Or(query.Get("for"), "0s"))
	inFlight, err2 := strconv.ParseBool(cmp.Or(query.Get("in_flight"), "false"))
	if err := cmp.Or(err, err2); err != nil {
		return fault.Invalid("outage", "%v: use for=10s and in_flight=true", err)
	}
	return s.SetOutage(Outage{Kind: query.Get("kind"), For: length, InFlight: inFlight})
}

// EndOutage ends the outage of SetOutage, if there is one. Planned ones go on.
func (s *Server) EndOutage() {
	s.mu.Lock()
	s.outages[0].For = 0
	s.mu.Unlock()
}
