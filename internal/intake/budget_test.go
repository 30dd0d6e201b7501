package intake_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"github.com/credenza-dev/credenza/internal/intake"
)

// fill charges a call until it may have no more, and returns what that is.
func fill(t *testing.T, in *intake.Inbound) (held int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for in.Wait(ctx) == nil {
		in.Charge(1 << 10)
		held += 1 << 10
	}
	return held
}

func TestBudget_Shares(t *testing.T) {
	for callers, part := range map[int]int64{1: 2, 2: 3, 5: 6, 20: 21} {
		t.Run(fmt.Sprint(callers, " callers"), func(t *testing.T) {
			const limit = 64 << 20
			budget := intake.New(limit)
			var calls []*intake.Inbound
			for i := range callers {
				calls = append(calls, budget.Open(fmt.Sprint("caller", i), nil))
				defer calls[i].Close()
			}
			for range 1000 { // in turns, as they come
				for _, in := range calls {
					if in.Wait(ended(t)) == nil {
						in.Charge(limit / 256)
					}
				}
			}
			if free, want := limit-budget.Held(), limit/part; free > want || free < want-int64(callers)*limit/256 {
				t.Errorf("%d KiB are free, want %d", free>>10, want>>10)
			}
			next := budget.Open("next", nil)
			defer next.Close()
			if held := fill(t, next); held < limit/part/3 {
				t.Errorf("the next caller finds room for %d KiB", held>>10)
			}
		})
	}
}

// ended is a context with which nothing waits.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestBudget_CallsOfOneCallerHaveOneShare(t *testing.T) {
	budget := intake.New(32 << 20)
	first, second := budget.Open("a", nil), budget.Open("a", nil)
	defer second.Close()
	if held := fill(t, first); held < 16<<20 || held > 16<<20+1<<10 {
		t.Errorf("one caller may hold %d bytes of 32 MiB", held)
	}
	second.Charge(intake.SmallBytes)
	if err := second.Wait(ended(t)); err != nil {
		t.Errorf("a small call in addition: %v", err)
	}
	second.Charge(1 << 20)
	if err := second.Wait(ended(t)); err == nil {
		t.Error("a large one is not held up")
	}
	first.Close()
	if err := second.Wait(ended(t)); err != nil {
		t.Errorf("after the first: %v", err)
	}
}

func TestBudget_WaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := intake.New(1 << 20)
		in := budget.Open("a", nil)
		defer in.Close()
		in.Charge(1 << 20)
		began := time.Now()
		if err := in.Wait(t.Context()); !errors.Is(err, intake.ErrFull) || time.Since(began) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		time.AfterFunc(time.Second, func() { in.Release(900 << 10) })
		began = time.Now()
		if err := in.Wait(t.Context()); err != nil || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestBudget_StrangersOfOneNameHaveLittle(t *testing.T) {
	budget := intake.New(0)
	for range 10 {
		in := budget.OpenStranger("1.2.3.4:5", nil)
		defer in.Close()
		_ = fill(t, in)
	}
	if held := budget.Held(); held > intake.SmallBytes+10<<10 {
		t.Errorf("a stranger holds %d bytes", held)
	}
}

func TestBudget_Reserve(t *testing.T) {
	budget := intake.New(1 << 20)
	first, second := budget.Reserve(nil), budget.Reserve(nil)
	if ok, more := first.Add(600<<10), second.Add(600<<10); !ok || more {
		t.Errorf("the first had room: %v, the second: %v", ok, more)
	}
	first.Release()
	first.Release()
	if held := budget.Held(); held != 0 {
		t.Errorf("%d bytes are held after all", held)
	}
}

func TestReservation_WaitsForRoomFiveSecondsInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := intake.New(1 << 20)
		first, second := budget.Reserve(nil), budget.Reserve(nil)
		first.Add(1 << 20)
		time.AfterFunc(2*time.Second, first.Release)
		began := time.Now()
		if err := second.WaitAdd(1 << 20); err != nil || time.Since(began) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if err := second.WaitAdd(1); !errors.Is(err, intake.ErrFull) || time.Since(began) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		second.Release()
		if held := budget.Held(); held != 0 {
			t.Errorf("%d bytes are held after all", held)
		}
	})
}

func TestPace(t *testing.T) {
	for _, tc := range []struct {
		name  string
		rate  int // bytes a second after the burst
		burst int
		ends  time.Duration // 0: it never does
	}{
		{"silence", 0, 0, 30 * time.Second},
		{"silence after much", 0, 62 << 20, 30 * time.Second},
		{"half of the rate", intake.LeastRate / 2, 0, time.Minute},
		{"the rate", intake.LeastRate, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pace, began := intake.NewPace(), time.Now()
				pace.Add(tc.burst)
				for time.Now().Before(pace.Due()) && time.Since(began) < time.Hour {
					time.Sleep(time.Second)
					pace.Add(tc.rate)
				}
				if took := time.Since(began); tc.ends != 0 && (took < tc.ends-2*time.Second || took > tc.ends+2*time.Second) || tc.ends == 0 && took < time.Hour {
					t.Errorf("it ended after %v, want %v", took, tc.ends)
				}
			})
		})
	}
}

func TestInbound_PausesAreNotCounted(t *testing.T) {
	for _, tc := range []struct {
		name   string
		before time.Duration // that the message was silent for before the pause
		after  time.Duration // in which it is late after it
	}{
		{"from its begin", 0, 30 * time.Second},
		{"when it was nearly late", 29 * time.Second, time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				late := make(chan error, 1)
				in := intake.New(0).Open("a", func(cause error) { late <- cause })
				defer in.Close()
				in.Arrived([]byte{0, 0, 0, 1, 0}, 5)
				time.Sleep(tc.before)
				in.Pause()
				time.Sleep(time.Hour)
				if len(late) > 0 {
					t.Fatal("it was late while the server did not read")
				}
				in.Resume()
				began := time.Now()
				if cause, took := <-late, time.Since(began); !errors.Is(cause, intake.ErrSlow) || took != tc.after {
					t.Errorf("%v after %v, want %v", cause, took, tc.after)
				}
			})
		})
	}
}

func TestConn_WaitingForRoomIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget := intake.New(1 << 20)
		ours, theirs := net.Pipe()
		conn := budget.Conn(ours)
		done := make(chan struct{})
		defer func() { _, _ = conn.Close(), theirs.Close(); <-done }()
		var full, slow *intake.Inbound
		opened, ended := make(chan struct{}), make(chan error, 1)
		go func() {
			defer close(done)
			framer := http2.NewFramer(io.Discard, conn)
			_, _ = io.CopyN(io.Discard, conn, int64(len(http2.ClientPreface)))
			for n := 0; ; {
				frame, err := framer.ReadFrame()
				if err != nil {
					return
				}
				if frame.Header().Type != http2.FrameHeaders {
					continue
				}
				if n++; n == 1 {
					slow = conn.Open("a", true, func(cause error) { ended <- cause })
				} else {
					full = conn.Open("b", true, func(error) {})
					close(opened)
				}
			}
		}()
		framer := http2.NewFramer(theirs, nil)
		_, err := io.WriteString(theirs, http2.ClientPreface)
		for stream := range uint32(2) {
			err = errors.Join(err, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*stream + 1, EndHeaders: true, BlockFragment: []byte{0x82}}))
		}
		err = errors.Join(err, framer.WriteData(1, false, []byte{0, 0, 0, 1, 0}))
		<-opened
		time.Sleep(28 * time.Second)
		full.Charge(1 << 20)
		time.AfterFunc(4*time.Second, func() { full.Release(1 << 20) })
		err = errors.Join(err, framer.WriteData(3, false, []byte{0, 0, 0, 1, 0})) // takes 4 s
		time.Sleep(time.Second)
		if err != nil || len(ended) > 0 {
			t.Error("a message is late that could not come", err)
		}
		slow.Close()
		full.Close()
	})
}

func TestBudget_StrangersTogetherHaveAPartOfTheirOwn(t *testing.T) {
	const limit = 8 << 20
	budget := intake.New(limit)
	for i := range 1000 {
		in := budget.OpenStranger(fmt.Sprint("stranger", i), nil)
		defer in.Close()
		if held := fill(t, in); i > 500 && held > 8<<10 {
			t.Fatalf("stranger %d may hold %d bytes", i, held)
		}
	}
	if held := budget.Held(); held > limit {
		t.Errorf("strangers hold %d KiB together", held>>10)
	}
	in := budget.Open("a", nil)
	if held := fill(t, in); held < limit/2 {
		t.Errorf("an authorised caller may hold %d KiB", held>>10)
	}
	in.Close()
	reservation := budget.Reserve(nil)
	if !reservation.Add(limit) {
		t.Error("nothing can be unpacked")
	}
	reservation.Release()
}
