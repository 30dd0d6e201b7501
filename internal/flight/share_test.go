package flight_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/flight"
)

// until waits for d or ctx, and returns ctx's error.
func until(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestDeadlineIsTheLatestOfThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group[string, int]
		began := time.Now()
		deadlines := make(chan time.Duration, 10)
		work := func(ctx context.Context) (int, error) {
			for {
				if at, ok := ctx.Deadline(); ok {
					deadlines <- at.Sub(began)
				} else {
					deadlines <- 0
				}
				if err := until(ctx, time.Second); err != nil {
					return 0, err
				}
			}
		}
		var all sync.WaitGroup
		wait := func(ctx context.Context, limit time.Duration) {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(ctx, limit)
				defer cancel()
				if _, _, err := g.Share(ctx, "a", work); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("after %v: %v", limit, err)
				}
			})
			synctest.Wait()
		}
		wait(t.Context(), 3500*time.Millisecond)
		wait(t.Context(), 2500*time.Millisecond)
		boundless, leave := context.WithCancel(t.Context())
		time.Sleep(500 * time.Millisecond)
		all.Go(func() { _, _, _ = g.Share(boundless, "a", work) })
		time.Sleep(time.Second)
		leave()
		all.Wait()
		close(deadlines)
		var got []time.Duration
		for d := range deadlines {
			got = append(got, d)
		}
		const ms = time.Millisecond
		want := []time.Duration{3500 * ms, 0, 3500 * ms, 3500 * ms}
		if len(got) != len(want) {
			t.Fatal(got)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("deadline %d was %v, want %v", i, got[i], want[i])
			}
		}
	})
}

// What work derives from its context must see the same end as the work, and no
// goroutine may be left of it.
func TestEndOfTheLastOneIsTheWorksOwn(t *testing.T) {
	for name, want := range map[string]error{"deadline": context.DeadlineExceeded, "cancel": context.Canceled} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g flight.Group[string, int]
				ctx, cancel := context.WithCancel(t.Context())
				if name == "deadline" {
					ctx, cancel = context.WithTimeout(t.Context(), time.Second)
				} else {
					time.AfterFunc(time.Second, cancel)
				}
				defer cancel()
				held := errors.New("what held it up")
				_, shared, err := g.Share(ctx, "a", func(ctx context.Context) (int, error) {
					derived, cancel := context.WithCancel(ctx)
					defer cancel()
					<-derived.Done()
					for _, got := range []error{derived.Err(), context.Cause(derived), ctx.Err(), context.Cause(ctx)} {
						if !errors.Is(got, want) {
							t.Errorf("the end was %v", got)
						}
					}
					return 0, held
				})
				if !errors.Is(err, held) || shared {
					t.Error(err, shared)
				}
			})
		})
	}
}

func TestWhoLeavesEarlyIsToldWhatHeldTheWorkUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var outer, inner flight.Group[string, int]
		held := errors.New("the model is slow")
		work := func(ctx context.Context) (int, error) {
			v, _, err := inner.Share(ctx, "b", func(ctx context.Context) (int, error) {
				flight.Explain(ctx, func() error { return held })
				return 1, until(ctx, 3*time.Second)
			})
			return v, err
		}
		var all sync.WaitGroup
		for _, limit := range []time.Duration{time.Second, 2 * time.Second, time.Minute} {
			for _, key := range []string{"a", "another"} { // both wait for the same in the end
				all.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), limit)
					defer cancel()
					v, _, err := outer.Share(ctx, key, work)
					if limit < time.Minute && !errors.Is(err, held) || limit == time.Minute && (v != 1 || err != nil) {
						t.Errorf("%s after %v: %d, %v", key, limit, v, err)
					}
				})
			}
			synctest.Wait()
		}
		cancelled, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, leave)
		if _, _, err := outer.Share(cancelled, "a", work); !errors.Is(err, context.Canceled) {
			t.Errorf("who was cancelled got %v", err)
		}
		all.Wait()
	})
}

func TestOneOwnsTheResult(t *testing.T) {
	for name, leaves := range map[string]bool{"who began": false, "another, if that one left": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g flight.Group[string, int]
				leader, leave := context.WithCancel(t.Context())
				defer leave()
				owners := make(chan bool, 10)
				var all sync.WaitGroup
				for _, ctx := range []context.Context{leader, t.Context(), t.Context(), t.Context()} {
					all.Go(func() {
						_, shared, err := g.Share(ctx, "a", func(ctx context.Context) (int, error) { return 0, until(ctx, time.Minute) })
						if err == nil && !shared {
							owners <- ctx == leader
						}
					})
					synctest.Wait()
				}
				if leaves {
					leave()
				}
				all.Wait()
				if len(owners) != 1 || <-owners == leaves {
					t.Errorf("%d own it", len(owners))
				}
			})
		})
	}
}
