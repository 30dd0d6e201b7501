package upstream

// suspicion is a cumulative sum (CUSUM) of what calls say for a limit and against
// chance. Answers lower it, 429s raise it, and it is never below 0.
type suspicion struct {
	sum      float64
	from     int64   // the first 429 that it holds
	rejects  int64   // 429s that it holds
	counted  int64   // calls up to here
	gapFrom  int64   // the calls from here to there came with the last 429,
	unused   float64 // and would have lowered the sum by this more
	strayWas float64 // the stray share before, which a limit's 429s have not spoilt
}

// add takes in the 429 of the call with the number, which raises the sum as far as
// the calls since the last one do not lower it. It returns how many those are.
func (s *suspicion) add(number int64, raise, lower float64) (calls int64) {
	if number <= s.counted {
		// Calls that start together are refused in any order: this one is among those
		// that have just lowered the sum, or have not since it was 0 already.
		if number > s.gapFrom {
			used := min(s.unused, raise)
			s.unused -= used
			raise -= used
		}
	} else {
		calls = number - s.counted
		s.gapFrom, s.counted = s.counted, number
		s.sum -= float64(calls) * lower
		s.unused = max(-s.sum, 0)
	}
	if s.sum <= 0 {
		s.sum, s.from, s.rejects = 0, number, 0
	}
	s.sum += raise
	s.rejects++
	return calls
}
