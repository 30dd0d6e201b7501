package upstream

import "math"

// trial is some calls at a lower speed.
type trial struct {
	on           bool
	speed        float64
	from, seen   int64   // starts by its begin, the last call that is back
	rejects      int64   // of calls since
	share, stray float64 // of 429s: if they are stray, if they come from a limit
	run          int64   // calls that the alarm took
}

// try begins a trial, for 429s whose share is likely to be stray and was found out
// in a run of calls.
func (l *learned) try(r *refusal, goodput, share float64, run int64) {
	l.open(r)
	stray := max(l.stray, trialStray)
	l.trial = trial{
		on: true, speed: max(trialSpeed*goodput, growLeast), from: r.total,
		share: max(share, 2*stray), stray: stray, run: run,
	}
	l.rest = rest{}
}

// judge ends a trial once the calls up to the one with the number say enough.
func (l *learned) judge(now instant, number int64) {
	t := &l.trial
	if !t.on || number <= t.from {
		return
	}
	t.seen = max(t.seen, number)
	calls, k := t.seen-t.from, float64(t.rejects)
	// The log likelihood ratio of stray 429s and a limit's.
	ratio := k*math.Log(t.share/t.stray) - float64(calls)*(t.share-t.stray)
	switch {
	case k >= trialFew && k > denseShare*float64(calls):
		l.found(now, k/float64(calls), false)
	case ratio < -trialSure, calls >= trialMost && ratio <= 0:
		l.found(now, k/float64(calls), false)
	case calls >= trialMost, calls >= trialLeast && ratio > trialSure && k >= 2:
		l.found(now, k/float64(calls), true)
	}
}

// found ends a trial in which the share was refused: as stray 429s, or as those of
// a limit.
func (l *learned) found(now instant, share float64, stray bool) {
	run, tried := l.trial.run, l.trial.speed
	l.expect = l.total + strayKept
	l.trial = trial{}
	l.suspect = suspicion{counted: l.total, strayWas: l.stray}
	switch {
	case share > trialLimit: // still too fast
		l.top = max(tried*(1-share), growLeast)
		l.rate, l.steep, l.clock = cutRest*l.top, growSoon*l.top, 0
		l.cutAt, l.cutNumber, l.refused = now, l.total, 0
	case stray:
		if l.rate != 0 {
			share = min((share+l.stray)/2, trialKnown) // with a limit, others that share it may be the cause
		}
		l.stray = min(max(share, l.stray), strayMost)
	default:
		l.stray += (min(share, strayMost) - l.stray) / 2
		l.confirm = l.total + max(confirmLeast, confirmTimes*run)
	}
}
