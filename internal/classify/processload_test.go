package classify

import "testing"

func TestProcessLoad_CallersLeaveRoomForOthers(t *testing.T) {
	var c processLoad
	most := load{inFlight: 1000, held: 4000}
	enter := func(caller string, calls int) (n int) {
		for range calls {
			own := 0
			for c.enter(caller, own, 5, most) {
				own++
			}
			n += own
		}
		return n
	}
	greedy := enter("a", 10)
	if greedy < 500 || greedy > 550 { // half, and the least of each call
		t.Errorf("one caller has %d in flight of 1,000", greedy)
	}
	first := enter("b", 1)
	if want := (1000 - greedy) / 2; first < want-1 || first > want+1 {
		t.Errorf("the next one has %d, want half of what is left", first)
	}
	c.leave("a", greedy, 0)
	if n := enter("b", 1); first+n < 499 || first+n > 505 {
		t.Errorf("it has %d when the first is done, want half", first+n)
	}
	if n := enter("c", 1); n == 0 {
		t.Error("a third finds no room")
	}
	c.leave("a", 0, greedy)
	if c.callers["a"] != nil {
		t.Error("a caller that holds nothing is still counted")
	}
}
