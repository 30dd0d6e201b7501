package flight_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/flight"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWorkIsSharedAndNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group[string, int]
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
			t.Error("later work was not done anew:", v, err)
		}
	})
}

func TestOneWhoLeavesTakesNothingAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group[string, int]
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

func TestWorkEndsWithItsLastWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group[string, int]
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

func TestNewcomerJoinsNoCancelledWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group[string, string]
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

func TestPanicIsAFault(t *testing.T) {
	var g flight.Group[string, int]
	_, err := g.Do(t.Context(), "a", func(context.Context) (int, error) { panic("oops") })
	if !fault.Is(err, fault.Internal) {
		t.Error(err)
	}
}

func TestCallerWhoIsGoneStartsNothing(t *testing.T) {
	var g flight.Group[string, int]
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

// TestDerivedContextsCostNoGoroutine: the context package starts one for each that
// follows a context it does not know.
func TestDerivedContextsCostNoGoroutine(t *testing.T) {
	var g flight.Group[string, int]
	n, err := g.Do(t.Context(), "a", func(ctx context.Context) (int, error) {
		before := runtime.NumGoroutine()
		for range 50 {
			_, cancel := context.WithCancel(ctx)
			defer cancel()
		}
		return runtime.NumGoroutine() - before, nil
	})
	if err != nil || n >= 50 {
		t.Errorf("%d goroutines, %v", n, err)
	}
}

func TestKeysStayTheCallers(t *testing.T) {
	var g flight.Group[string, int]
	keys := []string{"a", "b"}
	if _, _, err := g.Share(t.Context(), "c", func(context.Context) (int, error) { return 0, nil }, keys[:1]...); err != nil {
		t.Fatal(err)
	}
	if keys[1] != "b" {
		t.Errorf("the caller's keys became %q", keys)
	}
}
