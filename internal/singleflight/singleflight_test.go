package singleflight_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/singleflight"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDo_SharesWorkAndKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g singleflight.Group[string, int]
		runs := 0
		work := func(context.Context) (int, error) {
			runs++
			time.Sleep(time.Second)
			return runs, nil
		}
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if v, err := g.Do(t.Context(), "a", work); v != 1 || err != nil {
					t.Error(v, err)
				}
			})
		}
		wg.Wait()
		if v, err := g.Do(t.Context(), "a", work); v != 2 || err != nil {
			t.Error("later work was not done again:", v, err)
		}
	})
}

func TestDo_CallerThatLeavesTakesNothingAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g singleflight.Group[string, int]
		work := func(ctx context.Context) (int, error) {
			select {
			case <-time.After(time.Minute):
				return 7, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		first, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := g.Do(first, "a", work); !errors.Is(err, context.DeadlineExceeded) {
				t.Error("the first got", err)
			}
		})
		synctest.Wait()
		if v, err := g.Do(t.Context(), "a", work); v != 7 || err != nil {
			t.Error("the second got", v, err)
		}
		wg.Wait()
	})
}

func TestDo_WorkEndsWithItsLastCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g singleflight.Group[string, int]
		ended := false
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		_, err := g.Do(ctx, "a", func(ctx context.Context) (int, error) {
			<-ctx.Done()
			time.Sleep(time.Second) // it tidies up
			ended = true
			return 5, ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) || !ended {
			t.Errorf("it returned %v, with the work ended: %v", err, ended)
		}
	})
}

func TestDo_NewcomerJoinsNoCancelledWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g singleflight.Group[string, string]
		ctx, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, _ = g.Do(ctx, "a", func(ctx context.Context) (string, error) {
				<-ctx.Done()
				time.Sleep(time.Hour)
				return "cancelled", ctx.Err()
			})
		})
		synctest.Wait()
		leave()
		synctest.Wait()
		got, err := g.Do(t.Context(), "a", func(context.Context) (string, error) { return "new", nil })
		if got != "new" || err != nil {
			t.Error(got, err)
		}
		wg.Wait()
	})
}

func TestDo_PanicIsAFault(t *testing.T) {
	var g singleflight.Group[string, int]
	_, err := g.Do(t.Context(), "a", func(context.Context) (int, error) { panic("oops") })
	if !fault.Is(err, fault.Internal) {
		t.Error(err)
	}
}

func TestDo_CallerThatIsGoneStartsNothing(t *testing.T) {
	var g singleflight.Group[string, int]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := g.Do(ctx, "a", func(context.Context) (int, error) {
		t.Error("it was started")
		return 0, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestShare_KeysStayTheCallers(t *testing.T) {
	var g singleflight.Group[string, int]
	keys := []string{"a", "b"}
	want := singleflight.Request[string, int]{
		Key: "c", Work: func(context.Context) (int, error) { return 0, nil }, Instead: keys[:1],
	}
	if _, _, err := g.Share(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if keys[1] != "b" {
		t.Errorf("the caller's keys became %q", keys)
	}
}
