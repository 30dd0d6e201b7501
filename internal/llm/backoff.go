package llm

import (
	"math/rand/v2"
	"time"
)

// The waits. A failure's is exponential with full jitter, as "Exponential Backoff
// And Jitter" (AWS Architecture Blog, 2015) found best. A 429 without a hint
// starts lower and never at nothing: quotas refill all the time, and the gate
// paces the calls anyway.
const (
	failureBase  = 500 * time.Millisecond
	throttleBase = 200 * time.Millisecond
	longestWait  = 20 * time.Second
	// A guess of ours must not cost an item its last chance for quota.
	longestThrottle = 5 * time.Second
	// spread keeps items that were told the same moment from coming together.
	spread = 20 * time.Millisecond
)

// failureWait returns the wait after the n-th failure, n from 1.
func failureWait(n int, end *ending) time.Duration {
	wait := jitter(exponential(failureBase, longestWait, n))
	if asked := end.result.RetryAfter; asked > 0 {
		wait = max(wait, asked+jitter(spread))
	}
	return wait
}

// throttleWait returns the wait after the n-th 429, n from 1.
func throttleWait(n int, end *ending) time.Duration {
	switch {
	case end.result.RetryAfter > 0:
		return end.result.RetryAfter + jitter(spread)
	case end.reset > 0:
		return end.reset + jitter(spread)
	}
	half := exponential(throttleBase, longestThrottle, n) / 2
	return half + jitter(half)
}

// exponential doubles base n-1 times, up to longest.
func exponential(base, longest time.Duration, n int) time.Duration {
	for ; n > 1 && base < longest; n-- {
		base *= 2
	}
	return min(base, longest)
}

// jitter returns a time between 0 and d.
func jitter(d time.Duration) time.Duration { return rand.N(d + 1) }
