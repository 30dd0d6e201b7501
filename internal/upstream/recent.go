package upstream

import "time"

const (
	recentSlots = 20
	recentSlot  = 50 * time.Millisecond
	recentRise  = 1.25 // times the earlier half of them
)

// recent counts events over about the last second.
type recent struct {
	counts [recentSlots]int64
	slot   int64 // the current one's number since the beginning
	first  instant
	any    bool
}

func (r *recent) add(now instant) {
	if !r.any {
		r.any, r.first = true, now
	}
	r.turn(now)
	r.counts[r.slot%recentSlots]++
}

// turn empties the slots that time has passed by.
func (r *recent) turn(now instant) {
	slot := int64(now / recentSlot)
	if slot-r.slot >= recentSlots {
		r.counts = [recentSlots]int64{}
	} else {
		for s := r.slot + 1; s <= slot; s++ {
			r.counts[s%recentSlots] = 0
		}
	}
	r.slot = slot
}

// count returns how many there were.
func (r *recent) count(now instant) int64 {
	r.turn(now)
	var n int64
	for _, c := range r.counts {
		n += c
	}
	return n
}

// rate is events a second, over the time since the first if that is shorter.
func (r *recent) rate(now instant) float64 {
	over := min(max(now-r.first, recentSlot), recentSlots*recentSlot)
	return float64(r.count(now)) / over.Seconds()
}

// rising reports whether more came in the later half of the last second than in the
// earlier one: a quarter more at least.
func (r *recent) rising(now instant) bool {
	r.turn(now)
	var earlier, later int64
	for i := range int64(recentSlots) {
		n := r.counts[(r.slot+1+i)%recentSlots]
		if i < recentSlots/2 {
			earlier += n
		} else {
			later += n
		}
	}
	return float64(later) > recentRise*float64(earlier)
}
