package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTally_FindsWhatIsLostAndDoubled(t *testing.T) {
	for name, c := range map[string]struct {
		results       []int64
		lost, doubled int64
		wrong         string
	}{
		"each once":      {[]int64{2, 0, 1}, 0, 0, ""},
		"one is missing": {[]int64{0, 2}, 1, 0, "1 of 3 items have no result"},
		"one is doubled": {[]int64{0, 1, 1, 2}, 0, 1, "item 1 has 2 results"},
		"one is strange": {[]int64{0, 1, 2, 3}, 0, 0, "4 results for 3 items"},
	} {
		t.Run(name, func(t *testing.T) {
			b, sums := newBook(), newTally("a call")
			for _, index := range c.results {
				sums.add(b, index, "")
			}
			sums.complete(b, indexesOf(3))
			if b.lost.Load() != c.lost || b.doubled.Load() != c.doubled {
				t.Errorf("%d lost, %d doubled", b.lost.Load(), b.doubled.Load())
			}
			if text := strings.Join(b.wrong, "; "); !strings.Contains(text, c.wrong) || (text == "") != (c.wrong == "") {
				t.Errorf("reported %q, want %q", text, c.wrong)
			}
		})
	}
}

func TestBook_ReportsACallThatDoesNotEndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		b.begin("in time", time.Now().Add(time.Minute))()
		end := b.begin("too long", time.Now().Add(time.Minute))
		time.Sleep(time.Minute + callGrace)
		if late := b.overdue(); late != nil {
			t.Errorf("reported within the grace: %q", late)
		}
		time.Sleep(time.Second)
		if late := b.overdue(); len(late) != 1 || late[0] != "too long" {
			t.Errorf("reported %q", late)
		}
		if late := b.overdue(); late != nil {
			t.Errorf("reported again: %q", late)
		}
		end()
	})
}

func TestFigures_NameWhatIsOverThoseBefore(t *testing.T) {
	before := figures{goroutines: 70, files: 40, memory: 80 << 20}
	for name, c := range map[string]struct {
		after figures
		want  string
	}{
		"the same":          {before, ""},
		"within the room":   {figures{goroutines: 82, files: 52, memory: 148 << 20}, ""},
		"goroutines":        {figures{goroutines: 83}, "83 goroutines, 70 before"},
		"files and a call":  {figures{files: 53, calls: 1}, "53 files, 40 before, 1 calls in flight"},
		"memory":            {figures{memory: 149 << 20}, "149 MiB, 80 before"},
		"what jobs stored":  {figures{stored: 2 << 20}, "2.0 MiB stored although all jobs were deleted"},
		"a lease misused":   {figures{misused: 1}, "1 leases misused"},
		"items of a caller": {figures{admitted: 3}, "3 items admitted"},
	} {
		if got := c.after.excess(before); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
