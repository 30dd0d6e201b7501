package preview_test

import (
	"bytes"
	"testing"
	"testing/synctest"
)

func TestPreviews_KeepsTheLastUsedOnesWithinItsMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		s.picture.Data = append(bytes.Clone(s.picture.Data), make([]byte, 4<<20)...)
		p := previews(t, s)
		look := func(n int) {
			t.Helper()
			if _, err := p.Picture(t.Context(), numbered(n), 96); err != nil {
				t.Fatal(err)
			}
		}
		asked := func(numbers ...int) int64 {
			t.Helper()
			before := s.asked.Load()
			for _, n := range numbers {
				if _, err := p.Picture(t.Context(), numbered(n), 192); err != nil {
					t.Fatal(err)
				}
			}
			return s.asked.Load() - before
		}
		const room = 11 // of 4 MiB and what it was shrunk to, in 48 MiB
		for n := range room {
			look(n)
		}
		if got := asked(0, room-1); got != 0 {
			t.Errorf("%d pictures were asked for again, want none: there is room", got)
		}
		look(room)
		if got := asked(0, room-1, room); got != 0 {
			t.Errorf("%d pictures were asked for again, want none of those used last", got)
		}
		if got := asked(1); got != 1 {
			t.Errorf("the one used before all others was asked for %d times, want 1", got)
		}
	})
}
