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
	strayWas     float64 // the stray share before it
}

// try begins a trial, for 429s whose share is likely to be stray and was found out
// in a run of calls.
func (l *learned) try(r *refusal, goodput, share float64, run int64) {
	was := l.suspect.strayWas
	l.open(r)
	stray, speed := max(l.stray, trialStray), trialSpeed
	if l.rate == 0 && share > trialMany {
		speed = trialSlow
	}
	l.trial = trial{
		on: true, speed: max(speed*goodput, growLeast), from: r.total,
		share: max(share, 2*stray), stray: stray, run: run, strayWas: was,
	}
	l.rest = rest{}
}

// judge ends a trial once the calls up to the one with the number say enough.
func (l *learned) judge(number int64) {
	t := &l.trial
	if !t.on || number <= t.from {
		return
	}
	t.seen = max(t.seen, number)
	calls, k := t.seen-t.from, float64(t.rejects)
	// The log likelihood ratio of stray 429s and a limit's.
	ratio := k*math.Log(t.share/t.stray) - float64(calls)*(t.share-t.stray)
	switch {
	case k > trialFew+trialOver*float64(calls):
		l.found(k/float64(calls), false)
	case ratio < -trialSure, calls >= trialMost && ratio <= 0:
		l.found(k/float64(calls), false)
	case calls >= trialMost, calls >= trialLeast && ratio > trialSure && k >= 2 && k <= trialMuch*float64(calls):
		l.found(k/float64(calls), true)
	}
}

// found ends a trial in which the share was refused: as stray 429s, or as those of
// a limit.
func (l *learned) found(share float64, stray bool) {
	run, tried, was := l.trial.run, l.trial.speed, l.trial.strayWas
	l.expect = l.total + strayKept
	l.trial = trial{}
	l.suspect = suspicion{counted: l.total, strayWas: l.stray}
	switch {
	case stray:
		if l.rate != 0 {
			most := trialKnown
			if l.total < l.certain {
				most = trialCertain
			}
			share = min((share+l.stray)/2, most) // with a limit, others that share it may be the cause
		}
		l.stray = min(max(share, l.stray), strayMost)
	default:
		l.stray = min(l.stray, was)
		l.stray += (min(share, strayMost) - l.stray) / 2
		l.confirm = l.total + max(confirmLeast, confirmTimes*run)
		if l.rate == 0 { // the former speed is taken up step by step: were it a limit, it would refuse far more
			l.top = tried
			l.search()
		}
	}
}
