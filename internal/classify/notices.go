package classify

import (
	"cmp"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// Outage returns the outage that holds up questions to a model, empty for the
// configured one; nil if there is none. The channel is closed when that may have
// changed, and is the same for all models.
func (e *Engine) Outage(model string) (*catalog.Outage, <-chan struct{}) {
	if e.parts.Outage == nil {
		return nil, nil
	}
	return e.parts.Outage(cmp.Or(model, e.parts.Trace.Model))
}

// Notices reports each outage once when it begins and once when it is over. It is
// not safe for concurrent use.
type Notices struct {
	current  func() (*catalog.Outage, <-chan struct{})
	report   func(catalog.Notice) error
	reported *catalog.Outage
	changed  <-chan struct{}
}

// NewNotices returns notices that call report for the outages that current returns.
// If report is nil, nothing is reported.
func NewNotices(current func() (*catalog.Outage, <-chan struct{}), report func(catalog.Notice) error) *Notices {
	return &Notices{current: current, report: report}
}

// Changed returns a channel that is closed when Update should be called again.
func (n *Notices) Changed() <-chan struct{} { return n.changed }

// Update reports an outage that has begun or ended since the last call, and returns
// the error of the report.
func (n *Notices) Update() error {
	if n.report == nil {
		return nil
	}
	var now *catalog.Outage
	now, n.changed = n.current()
	switch before := n.reported; {
	case now != nil && before == nil:
		n.reported = now
		return n.report(catalog.Notice{Outage: *now})
	case now == nil && before != nil:
		n.reported = nil
		return n.report(catalog.Notice{Outage: *before, Over: true})
	default:
		return nil
	}
}
