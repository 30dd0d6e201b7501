package upstream

import "math"

const (
	trialSpeed = 0.4  // of what gets through: below any limit that the 429s may have come from
	trialStray = 0.01 // taken to be stray at least, so that a trial ends
	trialSure  = 3.0  // log likelihood ratio at which it ends
	trialLeast = 40   // calls before 429s are found to be stray: the first few mislead
	trialMost  = 250  // calls after which the likelier of the two is taken
	trialFew   = 3    // this many 429s and
	trialOver  = 0.15 // this share of calls are a limit's at once
	confirmFor = 400  // calls after a trial without 429s, in which an alarm is a limit's
)

// trial is some calls at a lower speed, while no limit is known.
type trial struct {
	on           bool
	speed        float64
	from, seen   int64   // starts by its start, the last call that is back
	rejects      int64   // of calls since
	share, stray float64 // of 429s: if they are stray, if they come from a limit
	strayWas     float64 // the stray share before the alarm
}

// try starts a trial, for 429s whose share is likely to be stray.
func (l *learned) try(r *refusal, goodput, share float64) {
	was := l.suspect.strayWas
	l.open(r)
	stray := max(l.stray.share, trialStray)
	l.trial = trial{
		on: true, speed: max(trialSpeed*goodput, growLeast), from: r.total,
		share: max(share, 2*stray), stray: stray, strayWas: was,
	}
}

// judge ends a trial once the calls up to the one with the number say enough.
func (l *learned) judge(now instant, number int64) {
	t := &l.trial
	if !t.on || number <= t.from {
		return
	}
	t.seen = max(t.seen, number)
	calls, k := float64(t.seen-t.from), float64(t.rejects)
	// The log likelihood ratio of stray 429s and a limit's.
	ratio := k*math.Log(t.share/t.stray) - calls*(t.share-t.stray)
	late, over := calls >= trialMost, k > strayMost*calls
	switch {
	case k > trialFew+trialOver*calls, late && over:
		l.foundLimit(now, k/calls)
	case ratio < -trialSure, late && ratio <= 0:
		l.foundNothing(k / calls)
	case late, calls >= trialLeast && ratio > trialSure && k >= 2 && !over:
		l.endTrial()
		l.stray.share = max(l.stray.share, k/calls)
	}
}

func (l *learned) endTrial() {
	l.trial = trial{}
	l.suspect = suspicion{counted: l.total, strayWas: l.stray.share}
}

// foundLimit ends a trial that was too fast still.
func (l *learned) foundLimit(now instant, share float64) {
	l.stray.share = min(l.stray.share, l.trial.strayWas)
	l.curve.begin(l.trial.speed*(1-share), cutRest, growSoon)
	l.endTrial()
	l.cutAt, l.cutNumber, l.refused = now, l.total, 0
}

// foundNothing ends a trial in which the 429s ended: by chance, or because the former
// speed was above a limit. It is taken up again, which tells.
func (l *learned) foundNothing(share float64) {
	was := min(l.stray.share, l.trial.strayWas)
	l.stray.share = (was + share) / 2
	l.confirm, l.tried = l.total+confirmFor, l.trial.speed
	l.endTrial()
}
