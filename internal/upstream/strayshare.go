package upstream

import (
	"math"
	"slices"
)

const (
	strayFirst     = 0.002     // taken to be stray before anything is known
	strayLeastFree = 0.01      // rarer 429s raise no alarm while no limit is known,
	strayLeast     = 0.0008    // and these while one is
	strayMost      = 0.13      // a larger share is a limit: replicas that ignore it flood the server
	strayShared    = 0.025     // the most while a limit is known, as other users of it may be the cause,
	straySteady    = 6         // unless in each of so many windows
	strayEach      = 0.02      // at least this share was refused: then the most is their mean
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
// a high share. Between the clusters there are windows without any; stray 429s come in
// every window.
type strayShare struct {
	share   float64
	last    int64 // number of the last call below the known limit
	calls   int   // of the window
	rejects int
	seen    [straySteady]float64 // the shares of the last windows, the newest first
}

// away takes in the start of a call below the known limit.
func (s *strayShare) away(number int64) {
	s.last = number
	if s.calls++; s.calls < strayWindow {
		return
	}
	copy(s.seen[1:], s.seen[:])
	s.seen[0] = float64(s.rejects) / strayWindow
	from, seen, most := max(s.share, strayLeast), s.seen[0], strayShared
	if slices.Min(s.seen[:]) >= strayEach {
		mean := 0.0
		for _, share := range s.seen {
			mean += share / straySteady
		}
		seen, most = max(seen, mean), max(most, mean)
	}
	s.share = min(max(seen, strayDown*from), strayUp*from, max(most, strayDown*from))
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
