package singleflight_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/singleflight"
)

var errHeldUp = errors.New("what held the work up")

// wait waits for d or ctx, and returns errHeldUp for ctx.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return errHeldUp
	}
}

// minute is work that takes a minute and answers 7.
func minute(ctx context.Context) (int, error) { return 7, wait(ctx, time.Minute) }

func within(ctx context.Context, g *singleflight.Group[string, int], key string, limit time.Duration, work func(context.Context) (int, error)) (int, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return g.Share(ctx, singleflight.Request[string, int]{Key: key, Work: work})
}

func TestShare_DeadlineIsFixedAtTheStart(t *testing.T) {
	for name, tt := range map[string]struct {
		bound, first, want time.Duration
	}{
		"the bound, if the first caller is in a hurry": {time.Minute, time.Second, time.Minute},
		"the first caller's, if that is later":         {time.Minute, time.Hour, time.Hour},
		"none without a bound":                         {0, time.Second, 0},
		"none if the first caller has none":            {time.Minute, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := singleflight.Group[string, int]{Bound: tt.bound}
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if tt.first > 0 {
					ctx, cancel = context.WithTimeout(ctx, tt.first)
				}
				defer cancel()
				_, _ = g.Do(ctx, "a", func(ctx context.Context) (int, error) {
					end, ok := ctx.Deadline()
					if ok != (tt.want > 0) || ok && time.Until(end) != tt.want {
						t.Errorf("the deadline is in %v, %v", time.Until(end), ok)
					}
					return 0, nil
				})
			})
		})
	}
}

func TestShare_WorkEndsAtItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := singleflight.Group[string, int]{Bound: 10 * time.Second}
		began := time.Now()
		_, _, err := within(t.Context(), &g, "a", 10*time.Second, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, errHeldUp
		})
		if !errors.Is(err, errHeldUp) || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestShare_HurriedCallerEndsNothing(t *testing.T) {
	for name, limits := range map[string][2]time.Duration{
		"the first one":  {time.Second, 2 * time.Minute},
		"one that joins": {2 * time.Minute, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := singleflight.Group[string, int]{Bound: 2 * time.Minute}
				runs := 0
				var callers sync.WaitGroup
				for _, limit := range limits {
					callers.Go(func() {
						v, _, err := within(t.Context(), &g, "a", limit, func(ctx context.Context) (int, error) {
							runs++
							return minute(ctx)
						})
						if limit == time.Second && (!errors.Is(err, context.DeadlineExceeded) || v != 0) || limit > time.Second && (v != 7 || err != nil) {
							t.Errorf("with %v: %d, %v", limit, v, err)
						}
					})
					synctest.Wait()
				}
				callers.Wait()
				if runs != 1 {
					t.Errorf("the work ran %d times", runs)
				}
			})
		})
	}
}

// The last caller that leaves gets the work's own reason, through work that waits for
// other work too.
func TestShare_LastCallerGetsTheWorksReason(t *testing.T) {
	for name, want := range map[string]error{"deadline": context.DeadlineExceeded, "cancel": context.Canceled} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				outer, inner := singleflight.Group[string, int]{Bound: time.Hour}, singleflight.Group[string, int]{Bound: time.Hour}
				ctx, cancel := context.WithCancel(t.Context())
				if name == "deadline" {
					ctx, cancel = context.WithTimeout(t.Context(), time.Second)
				} else {
					time.AfterFunc(time.Second, cancel)
				}
				defer cancel()
				var early sync.WaitGroup
				hurried := func() {
					if _, _, err := within(t.Context(), &outer, "a", time.Millisecond, minute); !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("the caller that left before got %v", err)
					}
				}
				_, err := outer.Do(ctx, "a", func(ctx context.Context) (int, error) {
					return inner.Do(ctx, "b", func(ctx context.Context) (int, error) {
						early.Go(hurried)
						<-ctx.Done()
						if cause := context.Cause(ctx); !errors.Is(cause, want) {
							t.Errorf("the cause is %v", cause)
						}
						return 0, errHeldUp
					})
				})
				if !errors.Is(err, errHeldUp) {
					t.Error(err)
				}
				early.Wait()
			})
		})
	}
}

// Work that says no more than that it was cancelled must not tell so to a caller whose
// deadline came.
func TestShare_CancelledWorkAnswersWithTheCallersOwnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g singleflight.Group[string, int]
		if _, _, err := within(t.Context(), &g, "a", time.Second, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestShare_JoinsOnlyWorkWithHalfOfItsTime(t *testing.T) {
	for name, tt := range map[string]struct {
		age, limit time.Duration // of the work, of the caller; 0: no deadline
		joined     bool
	}{
		"as much time":    {0, 2 * time.Minute, true},
		"less time":       {0, time.Second, true},
		"half of it":      {time.Minute, 2 * time.Minute, true},
		"less than half":  {time.Minute + time.Second, 2 * time.Minute, false},
		"much more time":  {0, time.Hour, false},
		"time that lasts": {0, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := singleflight.Group[string, int]{Bound: 2 * time.Minute}
				work := func(context.Context) (int, error) {
					time.Sleep(90 * time.Second)
					return 0, nil
				}
				var first sync.WaitGroup
				first.Go(func() { _, _, _ = within(t.Context(), &g, "a", 2*time.Minute, work) })
				synctest.Wait()
				time.Sleep(tt.age)
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if tt.limit > 0 {
					ctx, cancel = context.WithTimeout(ctx, tt.limit)
				}
				defer cancel()
				joined := false
				_, _, _ = g.Share(ctx, singleflight.Request[string, int]{Key: "a", Work: work, Joined: func() { joined = true }})
				if joined != tt.joined {
					t.Errorf("joined: %v", joined)
				}
				first.Wait()
			})
		})
	}
}

func TestShare_OneCallerOwnsTheResult(t *testing.T) {
	for name, leaves := range map[string]bool{"that began": false, "another, if that one left": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g singleflight.Group[string, int]
				leader, leave := context.WithCancel(t.Context())
				defer leave()
				owners := make(chan bool, 10)
				var all sync.WaitGroup
				for _, ctx := range []context.Context{leader, t.Context(), t.Context(), t.Context()} {
					all.Go(func() {
						_, shared, err := g.Share(ctx, singleflight.Request[string, int]{Key: "a", Work: minute})
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
