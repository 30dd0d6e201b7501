package llmsim

import "time"

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
	case now-m.at >= m.untilLevel(full):
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

// allows reports whether n fit now. A meter that is off allows everything.
func (m *meter) allows(n int64) bool {
	return m.off() || n <= m.limit.Burst && m.level >= n*int64(m.limit.Per)
}

func (m *meter) take(n int64) {
	if !m.off() {
		m.level -= n * int64(m.limit.Per)
	}
}

// wait is how long until n fit, if nothing is taken before.
func (m *meter) wait(n int64) time.Duration {
	if m.limit.Window {
		return m.limit.Per - m.at%m.limit.Per
	}
	return m.untilLevel(n * int64(m.limit.Per))
}

// remaining is what is left, in whole requests or tokens.
func (m *meter) remaining() int64 { return m.level / int64(m.limit.Per) }

// reset is how long until everything is there again.
func (m *meter) reset() time.Duration { return m.wait(m.limit.Burst) }

// untilLevel is how long a bucket takes to rise to a level, rounded up.
func (m *meter) untilLevel(level int64) time.Duration {
	missing := max(level-m.level, 0)
	return time.Duration((missing + m.limit.Amount - 1) / m.limit.Amount)
}
