package broker

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestRounds(t *testing.T) {
	const roundTime = time.Second
	newRounds := func(count *int, err error) *rounds {
		return &rounds{sync: func() error {
			time.Sleep(roundTime)
			*count++
			return err
		}}
	}
	t.Run("requests during a round share the next one", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			count := 0
			r := newRounds(&count, nil)
			defer r.close()
			began := time.Now()
			ended := make(chan time.Duration, 101)
			for i := range 101 {
				go func() {
					if err := r.wait(t.Context()); err != nil {
						t.Error(err)
					}
					ended <- time.Since(began)
				}()
				if i == 0 {
					synctest.Wait() // the first round has begun
				}
			}
			if first := <-ended; first != roundTime {
				t.Errorf("the first request waited for %v", first)
			}
			for range 100 {
				if later := <-ended; later != 2*roundTime {
					t.Errorf("a request during the first round waited for %v", later)
				}
			}
			if count != 2 {
				t.Errorf("%d rounds", count)
			}
		})
	})
	t.Run("a failed round fails its requests", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			broken, count := errors.New("broken"), 0
			r := newRounds(&count, broken)
			defer r.close()
			if err := r.wait(t.Context()); !errors.Is(err, broken) {
				t.Error(err)
			}
		})
	})
	t.Run("a request ends with its context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			count := 0
			r := newRounds(&count, nil)
			defer r.close()
			ctx, cancel := context.WithTimeout(t.Context(), roundTime/2)
			defer cancel()
			if err := r.wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	})
	t.Run("a round that is due ends in time and covers all until it begins", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			count := 0
			r := newRounds(&count, nil)
			defer r.close()
			for range 100 {
				r.within(3 * time.Second)
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if count != 1 {
				t.Errorf("%d rounds after 3 s", count)
			}
			time.Sleep(time.Hour)
			if count != 1 {
				t.Errorf("%d rounds, and nothing was written", count)
			}
		})
	})
	t.Run("nothing runs after close", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			count := 0
			r := newRounds(&count, nil)
			r.within(time.Second)
			r.close()
			r.within(time.Second)
			time.Sleep(time.Hour)
			if err := r.wait(t.Context()); !errors.Is(err, errClosed) || count != 0 {
				t.Errorf("%v, %d rounds", err, count)
			}
		})
	})
}
