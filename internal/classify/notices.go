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

// Notices says once of each outage that it has begun, and once that it is over. It
// is not safe for concurrent use.
type Notices struct {
	look    func() (*catalog.Outage, <-chan struct{})
	say     func(catalog.Notice) error
	said    *catalog.Outage
	changed <-chan struct{}
}

// NewNotices returns notices of what look returns, handed to say. If say is nil
// there are none.
func NewNotices(look func() (*catalog.Outage, <-chan struct{}), say func(catalog.Notice) error) *Notices {
	return &Notices{look: look, say: say}
}

// Changed returns a channel that is closed when Update is to be called again.
func (n *Notices) Changed() <-chan struct{} { return n.changed }

// Update says what has not been said yet, and returns say's error.
func (n *Notices) Update() error {
	if n.say == nil {
		return nil
	}
	var now *catalog.Outage
	now, n.changed = n.look()
	switch before := n.said; {
	case now != nil && before == nil:
		n.said = now
		return n.say(catalog.Notice{Outage: *now})
	case now == nil && before != nil:
		n.said = nil
		return n.say(catalog.Notice{Outage: *before, Over: true})
	default:
		return nil
	}
}
