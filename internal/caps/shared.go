package caps

import (
	"encoding/json"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// counted is the number of caps that count what is used up: from itemsPerMinute on, in
// the order of catalog. The first of them is for a minute, the others are for a day.
const counted = 3

// cappedBy returns the cap of a count.
func cappedBy(i int) catalog.Cap { return catalog.CapItemsPerMinute + catalog.Cap(i) }

const (
	minute = 60
	day    = 24 * 60 * minute
	// holdTime is how long the slots of a silent replica are held, in seconds.
	holdTime = 15
)

// shared is what the store has of a caller.
type shared struct {
	Minute int64 `json:"minute"` // since 1970, that of Taken[0]
	Day    int64 `json:"day"`
	// Taken is what replicas have used or set aside.
	Taken    [counted]int64     `json:"taken"`
	Replicas map[string]replica `json:"replicas"`
}

// replica is one that serves the caller.
type replica struct {
	Slots int64 `json:"slots"` // for items in flight
	Until int64 `json:"until"` // seconds since 1970
}

func decodeShared(data []byte) (s shared) {
	if json.Unmarshal(data, &s) != nil {
		return shared{} // of a newer version; the caps of this minute and day begin again
	}
	return s
}

// rolled returns a copy in which earlier minutes and days are forgotten, and replicas
// that have died.
func (s shared) rolled(now time.Time) shared {
	replicas := make(map[string]replica, len(s.Replicas)+1)
	for id, r := range s.Replicas {
		if r.Until > now.Unix() {
			replicas[id] = r
		}
	}
	s.Replicas = replicas
	if m := now.Unix() / minute; m > s.Minute {
		s.Minute, s.Taken[0] = m, 0
	}
	if d := now.Unix() / day; d > s.Day {
		s.Day, s.Taken[1], s.Taken[2] = d, 0, 0
	}
	return s
}

// order is what a replica wants to have.
type order struct {
	need, want [counted]int64 // in addition; want is at least need, or below 0 to give back
	owed       [counted]int64 // was used beyond what was taken
	needSlots  int64          // in all
	wantSlots  int64
	leave      bool // the replica serves the caller no longer
}

func (o *order) isEmpty() bool { return o.needSlots == 0 && o.want == [counted]int64{} }

// grant is what it gets.
type grant struct {
	counts [counted]int64
	slots  int64
}

// take gives a replica what it wants as far as the caps allow, but nothing at all if it
// cannot have what it needs: then it returns the cap that is reached.
func (s *shared) take(id string, now time.Time, caps catalog.Caps, o *order) (g grant, reached catalog.Cap, ok bool) {
	others := int64(0)
	for other, r := range s.Replicas {
		if other != id {
			others += r.Slots
		}
	}
	if bound := caps[catalog.CapItemsInFlight]; bound > 0 {
		if g.slots = max(0, min(o.wantSlots, bound-others)); g.slots < o.needSlots {
			return grant{}, catalog.CapItemsInFlight, false
		}
	}
	delete(s.Replicas, id)
	if !o.leave {
		s.Replicas[id] = replica{g.slots, now.Unix() + holdTime}
	}
	for i := range counted {
		bound := caps[cappedBy(i)]
		if bound == 0 {
			continue
		}
		free := bound - s.Taken[i]
		if o.need[i] > max(free, 0) {
			return grant{}, cappedBy(i), false
		}
		share := free / int64(2*max(1, len(s.Replicas)))
		g.counts[i] = min(o.want[i], max(o.need[i], share)) + o.owed[i]
		s.Taken[i] = max(0, s.Taken[i]+g.counts[i])
	}
	return g, 0, true
}

// apart returns the part of one of n replicas that do not see each other.
func (s shared) apart(n int64) shared {
	s.Replicas = nil
	for i := range s.Taken {
		s.Taken[i] /= n
	}
	return s
}

func shareOf(caps catalog.Caps, n int64) catalog.Caps {
	for c, bound := range caps {
		if bound > 0 {
			caps[c] = max(1, bound/n)
		}
	}
	return caps
}
