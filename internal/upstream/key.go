package upstream

import "time"

// The key's constants.
const (
	retireFirst = time.Minute
	retireMost  = 30 * time.Minute
	trialEvery  = time.Second // a new key gets one call more for each second that the first hangs

	// refusalsMost is how many refusals in a row retire a key.
	refusalsMost = 3
	// suspectFirst and suspectThen are the pauses before a suspected key is tried again.
	suspectFirst = 500 * time.Millisecond
	suspectThen  = 2 * time.Second
	// suspectOther is how much later the item that was refused may try than another one.
	suspectOther = 250 * time.Millisecond
)

// key is one API key: whether it serves, and what it is doing.
//
// A key that nothing is known of, or that has been retired, gets one call before
// the rest, so that a bad key wastes one call and not a pool full of them.
//
// A refusal alone does not retire a key: the server may have failed, or refuse the
// question and not the key. The key is suspected then: calls try it one at a time, with
// pauses, until one is accepted or refusalsMost were refused. A key that the server has
// never accepted is retired at once by words that leave no doubt.
type key struct {
	secret Secret
	weight float64

	inFlight int
	proven   bool    // needs no call that goes first
	triedAt  instant // when the first of the calls that prove it was sent

	answered   bool    // the server has accepted it
	newestGood instant // start of the newest call that it was accepted with

	refusals     int     // in a row, each of a call that started after the one before was known; 0: not suspected
	refusedAt    instant // when the last of them came
	refusedStart instant // start of the newest call that was refused
	tryAt        instant // when a suspected key is tried next

	retired   Outcome // Refused or Exhausted; 0: it serves
	why       string
	retiredAt instant
	dueAt     instant // when a retired key is tried again
	rest      time.Duration

	calls, failures int64
}

// usable reports whether a call may start on the key now, and if not, from when
// on it may be worth asking again.
func (k *key) usable(now instant) (ok bool, at instant) {
	switch {
	case k.retired != 0:
		return k.inFlight == 0 && now >= k.dueAt, max(k.dueAt, now)
	case k.refusals > 0:
		return now >= k.tryAt, max(k.tryAt, now)
	case k.proven || k.inFlight == 0:
		return true, now
	}
	at = k.triedAt + time.Duration(k.inFlight)*trialEvery
	return now >= at, at
}

func (k *key) started(now instant) {
	if k.inFlight == 0 {
		k.triedAt = now
	}
	if k.refusals > 0 {
		k.tryAt = now + timeoutLong // or when this call ends
	}
	k.inFlight++
	k.calls++
}

// settled notes a call's end on the key.
func (k *key) settled(now, started instant, v Outcome) {
	k.inFlight--
	if v != Succeeded && v != Abandoned {
		k.failures++
	}
	if k.refusals > 0 && started > k.refusedAt {
		k.tryAt = now // what the end says of the key follows
	}
}

// refused takes in a refusal, and returns how long its item is to wait, so that another
// one tries the key first: a refusal may be about the question. One that is known to be so
// says nothing of the key.
func (k *key) refused(now, started instant, r *Result, itemOnly bool) time.Duration {
	if itemOnly {
		return max(k.tryAt-now, suspectFirst)
	}
	k.refusedStart = max(k.refusedStart, started)
	switch {
	case k.retired != 0, r.Certain && !k.answered:
		k.retire(now, Refused, r.Detail)
		return 0
	case k.answered && started < k.newestGood: // a later call was accepted
		return max(k.tryAt-now, suspectFirst) + suspectOther
	case k.refusals > 0 && started <= k.refusedAt: // it says nothing that is not known
		return max(k.tryAt-now, 0) + suspectOther
	}
	k.refusals++
	k.refusedAt, k.why = now, r.Detail
	switch k.refusals {
	case 1:
		k.tryAt = now + suspectFirst
	case refusalsMost:
		k.retire(now, Refused, r.Detail)
		return 0
	default:
		k.tryAt = now + suspectThen
	}
	return k.tryAt - now + suspectOther
}

// acceptedSince reports whether the server accepted the key in a call that started after
// a time.
func (k *key) acceptedSince(at instant) bool { return k.answered && k.newestGood > at }

// retire takes the key out of service, for longer each time.
func (k *key) retire(now instant, v Outcome, why string) {
	if k.retired != 0 && now < k.dueAt {
		return // of the calls that were in flight together, the first one counts
	}
	k.refusals = 0
	k.rest = min(max(2*k.rest, retireFirst), retireMost)
	k.retired, k.why, k.proven = v, why, false
	k.retiredAt, k.dueAt = now, now+k.rest
}

// accepted notes that the server took the key. It reports whether this brings a
// retired key back; an answer to a call from before it was retired does not.
func (k *key) accepted(started instant) (recovered bool) {
	k.answered, k.newestGood = true, max(k.newestGood, started)
	switch {
	case k.retired == 0:
		k.proven, k.rest = true, 0
		if k.refusals > 0 && started >= k.refusedStart {
			k.refusals, k.why = 0, ""
		}
	case started >= k.dueAt:
		k.retired, k.why, k.proven, k.rest = 0, "", true, 0
		return true
	}
	return false
}
