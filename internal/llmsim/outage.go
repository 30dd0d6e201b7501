package llmsim

import (
	"math"
	"time"
)

// Outage is a time in which no call is served.
type Outage struct {
	// Start is when it begins, from New. SetOutage sets it.
	Start time.Duration `yaml:"start"`
	// For is how long it lasts. SetOutage takes 0 as until EndOutage.
	For time.Duration `yaml:"for"`
	// Kind is how calls fail: "503", at once, "hang", without an answer also after the
	// outage, until the client leaves, or "reset", which cuts the connection at once.
	Kind string `yaml:"kind"`
	// InFlight: calls in flight at its start fail like those that arrive in it, at
	// the moment at which they would have been answered.
	InFlight bool `yaml:"in_flight"`
}

func (o Outage) rule() *Rule { return &behaviourOf(o.Kind)[0] }

func (o Outage) check(field string) error {
	if err := oneOf(field+".kind", o.Kind, "503", "hang", "reset"); err != nil {
		return err
	}
	return invalid(o.Start < 0 || o.For < 0, field, "start and for must not be negative")
}

// calendar knows the outages. Server.mu guards it.
type calendar struct {
	planned []Outage
	manual  Outage // the last one of SetOutage, kept for the calls that it caught
}

// at returns the rule of a call that arrives now; nil if there is no outage.
func (c *calendar) at(now time.Duration) *Rule {
	return c.first(func(o Outage) bool { return o.Start <= now && now-o.Start < o.For })
}

// catches returns the rule of a call that arrived earlier and would be answered
// now.
func (c *calendar) catches(arrived, now time.Duration) *Rule {
	return c.first(func(o Outage) bool { return o.InFlight && arrived < o.Start && o.Start <= now })
}

func (c *calendar) first(holds func(Outage) bool) *Rule {
	for _, o := range c.planned {
		if holds(o) {
			return o.rule()
		}
	}
	if c.manual.Kind != "" && holds(c.manual) {
		return c.manual.rule()
	}
	return nil
}

// SetOutage begins an outage now, in place of an earlier one of this method.
// o.Start is not used; with o.For 0 it lasts until EndOutage.
func (s *Server) SetOutage(o Outage) error {
	if err := o.check("outage"); err != nil {
		return err
	}
	if o.For == 0 {
		o.For = math.MaxInt64
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o.Start = s.now()
	s.calendar.manual = o
	return nil
}

// EndOutage ends the outage of SetOutage, if there is one. Planned ones go on.
func (s *Server) EndOutage() {
	s.mu.Lock()
	s.calendar.manual.For = 0
	s.mu.Unlock()
}

// caught returns the rule of an outage that began while a call was in flight; nil
// if there was none.
func (s *Server) caught(c *call) *Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calendar.catches(c.arrived, s.now())
}
