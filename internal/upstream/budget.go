package upstream

import "time"

// The retry budget's constants.
const (
	budgetSize   = 100.0
	budgetRefill = 0.2  // for each success
	budgetSteady = 20.0 // a second
	budgetLatest = 5 * time.Second
)

// budget keeps failed attempts from multiplying an outage: retries beyond a
// fifth of the successes and a steady trickle are put off. It delays and never
// forbids.
//
// Idea from Finagle's RetryBudget.
type budget struct {
	left float64
	at   instant
}

func (b *budget) refill(now instant) {
	b.left = min(b.left+budgetSteady*(now-b.at).Seconds(), budgetSize)
	b.at = now
}

// succeeded pays for a share of a retry.
func (b *budget) succeeded() { b.left = min(b.left+budgetRefill, budgetSize) }

// take charges one retry and returns how long it has to be put off.
func (b *budget) take(now instant) time.Duration {
	b.refill(now)
	b.left = max(b.left-1, -budgetSize)
	if b.left >= 0 {
		return 0
	}
	return min(time.Duration(-b.left/budgetSteady*float64(time.Second)), budgetLatest)
}
