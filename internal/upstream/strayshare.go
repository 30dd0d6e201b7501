package upstream

import "math"

const (
	strayFirst     = 0.002     // taken to be stray before anything is known
	strayLeastFree = 0.01      // rarer 429s raise no alarm while no limit is known,
	strayLeast     = 0.0008    // and these while one is
	strayMost      = 0.13      // a larger share is a limit: replicas that ignore it flood the server
	strayShared    = 0.025     // the most while a limit is known: other users of it may be the cause
	strayFollow    = 1.0 / 400 // of each call while no limit is known
	strayWindow    = 100       // calls below a known limit, after which the share
	strayUp        = 2.0       // rises at most this many times,
	strayDown      = 0.6       // or falls to this part at the least
)

// strayShare estimates the share of calls that is answered 429 whatever the speed.
//
// While no limit is known it is the mean. While one is known, only calls below it
// count, and each window of them moves the estimate by a bounded factor: replicas that
// share the limit refuse each other's calls in clusters, which a mean would take for
// a high share.
type strayShare struct {
	share   float64
	last    int64 // number of the last call below the known limit
	calls   int   // of the window
	rejects int
}

// away takes in the start of a call below the known limit.
func (s *strayShare) away(number int64) {
	s.last = number
	if s.calls++; s.calls < strayWindow {
		return
	}
	from := max(s.share, strayLeast)
	seen := float64(s.rejects) / strayWindow
	s.share = min(max(seen, strayDown*from), strayUp*from, max(strayShared, strayDown*from))
	s.calls, s.rejects = 0, 0
}

// refused takes in the 429 of the call with the number, the first of so many calls.
func (s *strayShare) refused(number, calls int64, limitKnown bool) {
	switch {
	case !limitKnown:
		s.share = min(s.share*math.Pow(1-strayFollow, float64(calls))+strayFollow, strayMost)
	case number <= s.last:
		s.rejects++
	}
}
