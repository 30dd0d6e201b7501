package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// parentRole is the argument of a child of the test that starts a process and waits.
const parentRole = "chaos-parent"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == parentRole {
		startAndWait(os.Args[2])
	}
	m.Run()
}

// startAndWait starts a process that would take minutes, and waits to be killed.
func startAndWait(dir string) {
	w := &world{dir: dir, book: newBook()}
	p, err := w.newProcess("child", "sleep", []string{"300"})
	if err == nil {
		p.ready = func(context.Context) error { return nil }
		err = p.start(context.Background())
	}
	if err != nil {
		os.Exit(1)
	}
	_, _ = p.log.WriteString("started\n")
	select {}
}

// TestProcess_EndsWithTheProgram kills a program that has started a process. Both write to a
// pipe, whose end is read once both have ended.
func TestProcess_EndsWithTheProgram(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "child.log")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(os.Args[0], parentRole, dir)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pipe.Close() }()
	_, err = io.ReadFull(pipe, make([]byte, len("started\n")))
	if err := errors.Join(err, parent.Process.Kill()); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // it was killed
	if err := pipe.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(pipe); err != nil {
		t.Errorf("the process goes on: %v", err)
	}
}

func TestCalm_IsMeasuredAgainIfItWasSlow(t *testing.T) {
	for name, c := range map[string]struct {
		results []int64 // of one second after the other
		again   int
		want    float64
	}{
		"good":          {[]int64{80}, 5, 80},
		"slow at first": {[]int64{20, 79, 90}, 5, 90},
		"slow for good": {[]int64{20, 20, 20, 90}, 2, 20},
		"of a long run": {[]int64{20, 90}, 0, 20},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &report{world: &world{book: newBook()}, baseline: speed{results: 100, took: time.Second}}
				go func() {
					for _, n := range c.results {
						time.Sleep(time.Second / 2)
						r.book.answered.Add(n)
						time.Sleep(time.Second / 2)
					}
				}()
				got := r.calm(t.Context(), plan{calm: time.Second, again: c.again})
				if got.perSecond() != c.want {
					t.Errorf("%.0f results a second, want %.0f", got.perSecond(), c.want)
				}
				time.Sleep(10 * time.Second) // the results end
			})
		})
	}
}

func TestSpeed_SaysNothingOnAMachineThatGotBusy(t *testing.T) {
	for name, c := range map[string]struct {
		short bool
		calm  speed
		wrong int
	}{
		"as before":                    {true, speed{80, time.Second, time.Millisecond}, 0},
		"slow":                         {true, speed{79, time.Second, time.Millisecond}, 1},
		"slow, and the machine too":    {true, speed{20, time.Second, 2 * time.Millisecond}, 0},
		"the same in a long run":       {false, speed{20, time.Second, 2 * time.Millisecond}, 1},
		"slow on a machine that rests": {true, speed{20, time.Second, 0}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := &report{world: &world{book: newBook()}, short: c.short, baseline: speed{100, time.Second, time.Millisecond}, calms: c.calm}
			if r.checkSpeed(); r.book.violations() != c.wrong {
				t.Errorf("%d violations, want %d", r.book.violations(), c.wrong)
			}
		})
	}
}

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
