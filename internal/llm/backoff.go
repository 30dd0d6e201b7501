package llm

import (
	"math/rand/v2"
	"time"
)

// The wait after a failure is exponential with full jitter, as "Exponential
// Backoff And Jitter" (AWS Architecture Blog, 2015) found best. The waits for
// quota and for a server that is away are the gate's.
const (
	failureBase = 500 * time.Millisecond
	longestWait = 20 * time.Second
	// spread keeps items that were told the same moment from coming together.
	spread = 20 * time.Millisecond
)

// failureWait returns the wait after the n-th failure, n from 1.
func failureWait(n int, end *outcome) time.Duration {
	wait := jitter(exponential(failureBase, longestWait, n))
	if asked := end.result.RetryAfter; asked > 0 {
		wait = max(wait, asked+jitter(spread))
	}
	return wait
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
