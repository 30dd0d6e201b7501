package upstream

// The constants of telling lone 429s from a limit.
const (
	loneNear  = 40   // starts within which one cut follows another
	loneRow   = 3    // cuts that raise a suspicion
	loneShare = 0.25 // 429s among the calls of a row or trial, at most
	loneTrial = 40   // calls of a trial
	loneSlow  = 0.5  // of the goodput, in a trial
	loneFloor = 2.0  // starts a second of a trial at least, or it would not end
	loneLeast = 2    // 429s in a trial that are too many for a limit
	loneBatch = 100  // calls that are counted together while 429s are passed over
	loneOver  = 22   // 429s of a batch from which they are a limit after all
	loneMost  = 16 * loneRow
)

// lone tells 429s that come alone, at any speed, from those that a limit causes.
//
// A limit refuses most of what is over it and nothing below. So when cut after
// cut brings no end to the 429s while still most calls get through, a trial is
// made: some calls at half the speed that has been got through. If they are
// refused as well, speed is not what 429s come from, and slowing down for them
// only wastes time. They are then retried and change nothing else, until they
// become many.
type lone struct {
	phase lonePhase

	cuts   int // in a row
	needed int // cuts that raise a suspicion; more after each trial in vain
	last   int64

	from    int64   // starts by the begin of the row, trial or batch
	rejects int64   // of calls since
	goodput float64 // the highest in the row
	speed   float64 // of the trial
}

type lonePhase uint8

const (
	loneOff    lonePhase = iota
	loneTrying           // slow, to see whether 429s come all the same
	loneActive           // 429s are passed over
)

// passes reports whether a 429 is to change nothing but its own item's wait.
func (o *lone) passes() bool { return o.phase != loneOff }

// rejected notes a 429 of the call with the given number. It reports whether
// those that were passed over are a limit after all.
//
// Calls are counted by their numbers: 429s come back sooner than answers, so that
// of those that are back at any moment too many are 429s.
func (o *lone) rejected(number int64) (over bool) {
	switch o.phase {
	case loneTrying:
		if number > o.from+loneTrial {
			return false
		}
	case loneActive:
		if number > o.from+loneBatch {
			o.from, o.rejects = number-1, 0
		}
	}
	if number > o.from {
		o.rejects++
	}
	if o.phase != loneActive || o.rejects < loneOver {
		return false
	}
	o.restart()
	return true
}

// restart begins anew after a trial in vain; the next one takes more suspicion.
func (o *lone) restart() { *o = lone{needed: min(2*max(o.needed, loneRow), loneMost)} }

// cut notes a cut of the speed to a goodput, 0 where that was not measured, and
// the starts so far. It may begin a trial.
func (o *lone) cut(goodput float64, total int64) {
	if o.cuts == 0 || total-o.last > loneNear {
		o.cuts, o.from, o.rejects, o.goodput = 0, total, 0, 0
	}
	o.cuts++
	o.last, o.goodput = total, max(o.goodput, goodput)
	if o.cuts < max(o.needed, loneRow) || o.goodput == 0 || o.rejectShare(total) > loneShare {
		return
	}
	*o = lone{
		phase: loneTrying, needed: o.needed, from: total, speed: max(loneSlow*o.goodput, loneFloor),
	}
}

func (o *lone) rejectShare(total int64) float64 {
	return float64(o.rejects) / float64(max(total-o.from, 1))
}

// tried ends a trial once the last of its calls is back, as seen by a call with
// the given number. It reports whether 429s are lone ones.
func (o *lone) tried(number int64) (found bool) {
	if o.phase != loneTrying || number < o.from+loneTrial {
		return false
	}
	if o.rejects < loneLeast || float64(o.rejects) > loneShare*loneTrial {
		again := o.rejects == 1 // that says neither
		o.restart()
		if again {
			o.needed /= 2
		}
		return false
	}
	*o = lone{phase: loneActive, from: number, needed: o.needed}
	return true
}
