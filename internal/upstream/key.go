package upstream

import "time"

// The key's constants.
const (
	retireFirst = time.Minute
	retireMost  = 30 * time.Minute
	trialEvery  = time.Second // a new key gets one call more for each second that the first hangs
)

// key is one API key: whether it serves, and what it is doing.
//
// A key that nothing is known of, or that has been retired, gets one call before
// the rest, so that a bad key wastes one call and not a pool full of them.
type key struct {
	secret Secret
	weight float64

	inFlight int
	proven   bool    // the server has accepted it
	triedAt  instant // when the first of the calls that prove it was sent

	retired   Verdict // Refused or Exhausted; 0: it serves
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
	k.inFlight++
	k.calls++
}

// retire takes the key out of service, for longer each time.
func (k *key) retire(now instant, v Verdict, why string) {
	if k.retired != 0 && now < k.dueAt {
		return // of the calls that were under way together, the first one counts
	}
	k.rest = min(max(2*k.rest, retireFirst), retireMost)
	k.retired, k.why, k.proven = v, why, false
	k.retiredAt, k.dueAt = now, now+k.rest
}

// accepted notes that the server took the key. It reports whether this brings a
// retired key back; an answer to a call from before it was retired does not.
func (k *key) accepted(started instant) (recovered bool) {
	switch {
	case k.retired == 0:
		k.proven, k.rest = true, 0
	case started >= k.dueAt:
		k.retired, k.why, k.proven, k.rest = 0, "", true, 0
		return true
	}
	return false
}
