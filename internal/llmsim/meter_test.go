package llmsim

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A meter that says how long to wait must admit then, and not a nanosecond
// earlier, and never hold more than its burst.
func TestMeterKeepsItsWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := Limit{
			Amount: rapid.Int64Range(1, 5000).Draw(t, "amount"),
			Per:    time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "per")),
			Window: rapid.Bool().Draw(t, "window"),
		}
		if !limit.Window {
			limit.Burst = rapid.Int64Range(1, 5000).Draw(t, "burst")
		}
		m := newMeter(limit)
		now := time.Duration(0)
		for range 50 {
			now += time.Duration(rapid.Int64Range(0, int64(2*limit.Per)).Draw(t, "passes"))
			m.advance(now)
			if m.remaining() > m.limit.Burst {
				t.Fatalf("%d of %d remain", m.remaining(), m.limit.Burst)
			}
			n := rapid.Int64Range(1, m.limit.Burst).Draw(t, "n")
			if m.wait(n) > 0 {
				wait := m.wait(n)
				m.advance(now + wait - 1)
				if m.wait(n) == 0 {
					t.Fatalf("%d fit before the wait of %v was over", n, wait)
				}
				now += wait
				m.advance(now)
				if m.wait(n) > 0 {
					t.Fatalf("%d do not fit after a wait of %v", n, wait)
				}
			}
			m.take(n)
		}
		now += m.reset()
		if m.advance(now); m.remaining() != m.limit.Burst {
			t.Fatalf("%d of %d remain after the reset", m.remaining(), m.limit.Burst)
		}
	})
}
