package llmsim

import (
	"math"
	"time"
)

// meter counts use against one Limit. It calculates in whole numbers, so that it
// admits at exactly the nanosecond at which it says it will.
type meter struct {
	limit Limit
	// level is what is left, in units of 1/Per: Amount of them come in each
	// nanosecond, and one request or token takes Per of them.
	level int64
	at    time.Duration
}

func newMeter(l Limit) meter {
	l = l.withDefaults()
	return meter{limit: l, level: l.Burst * int64(l.Per)}
}

func (m *meter) off() bool { return m.limit.Amount == 0 }

// advance brings the level up to now.
func (m *meter) advance(now time.Duration) {
	if m.off() || now <= m.at {
		return
	}
	full := m.limit.Burst * int64(m.limit.Per)
	switch {
	case m.limit.Window:
		if now/m.limit.Per != m.at/m.limit.Per {
			m.level = full
		}
	case now-m.at >= m.reset():
		m.level = full
	default:
		m.level += int64(now-m.at) * m.limit.Amount
	}
	m.at = now
}

// change replaces the limit at a time up to which the meter was advanced.
func (m *meter) change(l Limit, at time.Duration) {
	fresh := newMeter(l)
	fresh.at = at
	if !m.off() && !fresh.off() && !fresh.limit.Window {
		left := m.level / int64(m.limit.Per)
		fresh.level = min(left, fresh.limit.Burst) * int64(fresh.limit.Per)
	}
	*m = fresh
}

func (m *meter) take(n int64) {
	if !m.off() {
		m.level -= n * int64(m.limit.Per)
	}
}

// never is the wait for what is more than a meter ever holds.
const never = time.Duration(math.MaxInt64)

// wait is how long until n fit, if nothing is taken before; 0: they fit now.
func (m *meter) wait(n int64) time.Duration {
	switch missing := n*int64(m.limit.Per) - m.level; {
	case m.off():
		return 0
	case n > m.limit.Burst:
		return never
	case missing <= 0:
		return 0
	case m.limit.Window:
		return m.limit.Per - m.at%m.limit.Per
	default:
		return time.Duration((missing + m.limit.Amount - 1) / m.limit.Amount)
	}
}

// remaining is what is left, in whole requests or tokens.
func (m *meter) remaining() int64 { return m.level / int64(m.limit.Per) }

// reset is how long until everything is there again.
func (m *meter) reset() time.Duration { return m.wait(m.limit.Burst) }
