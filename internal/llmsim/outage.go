package llmsim

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

// Outage is a time in which no call is served.
type Outage struct {
	// Start is when it begins, from New. SetOutage sets it.
	Start time.Duration `yaml:"start"`
	// For is how long it lasts. SetOutage takes 0 as until EndOutage.
	For  time.Duration `yaml:"for"`
	Kind OutageKind    `yaml:"kind"`
	// InFlight: calls under way at its start fail like those that arrive in it, at
	// the moment at which they would have been answered.
	InFlight bool `yaml:"in_flight"`
}

// OutageKind is how calls fail in an outage.
type OutageKind string

// The kinds.
const (
	// OutageUnavailable: 503 at once.
	OutageUnavailable OutageKind = "503"
	// OutageHang: no answer, also after the outage, until the client leaves.
	OutageHang OutageKind = "hang"
	// OutageReset: the connection is cut at once.
	OutageReset OutageKind = "reset"
)

func (k OutageKind) mishap() mishap {
	switch k {
	case OutageHang:
		return hang
	case OutageReset:
		return reset
	default:
		return 503
	}
}

// ends is when it is over; far away for one without an end.
func (o Outage) ends() time.Duration {
	if o.For == 0 {
		return 1<<63 - 1
	}
	return o.Start + o.For
}

func (o Outage) check(field string) error {
	switch o.Kind {
	case OutageUnavailable, OutageHang, OutageReset:
	default:
		return fault.Invalid(field+".kind", "%q is none of 503, hang, reset", o.Kind)
	}
	if o.Start < 0 || o.For < 0 {
		return fault.Invalid(field, "start and for must not be negative")
	}
	return nil
}

// calendar knows the outages.
type calendar struct {
	mu      sync.RWMutex
	planned []Outage
	manual  *Outage // the last one of SetOutage, kept for the calls that it caught
	ended   bool    // the manual one is over
}

func newCalendar(planned []Outage) (*calendar, error) {
	for i, o := range planned {
		field := fmt.Sprintf("outages[%d]", i)
		if err := o.check(field); err != nil {
			return nil, err
		}
		if o.For == 0 {
			return nil, fault.Invalid(field+".for", "is missing: say how long it lasts, such as 10s")
		}
	}
	return &calendar{planned: slices.Clone(planned)}, nil
}

// at returns the mishap of a call that arrives now.
func (c *calendar) at(now time.Duration) mishap {
	c.mu.RLock()
	defer c.mu.RUnlock()
	holds := func(o Outage) bool { return o.Start <= now && now < o.ends() }
	for _, o := range c.planned {
		if holds(o) {
			return o.Kind.mishap()
		}
	}
	if c.manual != nil && !c.ended && holds(*c.manual) {
		return c.manual.Kind.mishap()
	}
	return fine
}

// catches returns the mishap of a call that arrived earlier and would be
// answered now.
func (c *calendar) catches(arrived, now time.Duration) mishap {
	c.mu.RLock()
	defer c.mu.RUnlock()
	holds := func(o Outage) bool { return o.InFlight && arrived < o.Start && o.Start <= now }
	for _, o := range c.planned {
		if holds(o) {
			return o.Kind.mishap()
		}
	}
	if c.manual != nil && holds(*c.manual) {
		return c.manual.Kind.mishap()
	}
	return fine
}

func (c *calendar) set(o Outage) {
	c.mu.Lock()
	c.manual, c.ended = &o, false
	c.mu.Unlock()
}

func (c *calendar) end() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
}
