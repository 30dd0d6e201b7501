package llm_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/llm"
)

// TestOpening_KeepsTheOrder has questions come one after the other while the first is in
// flight. One of those that wait gives up.
func TestOpening_KeepsTheOrder(t *testing.T) {
	s := &server{script: []answer{{after: 900 * time.Millisecond}, {after: time.Second}}}
	inBubble(t, llm.Config{}, s, one, func(t *testing.T, b *bench) {
		const questions = 200
		var all sync.WaitGroup
		var want []string
		for i := range questions {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			q := sofa()
			q.Caller.ID = fmt.Sprint(i)
			all.Go(func() { _, _ = b.Ask(ctx, q) })
			synctest.Wait()
			if i == 50 {
				cancel()
				continue
			}
			want = append(want, q.Caller.ID)
		}
		all.Wait()
		var got []string
		for _, need := range b.gate.needs {
			got = append(got, need.Caller.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("they asked in the order %v", got)
		}
		if n := len(s.requests()); n != questions-1 {
			t.Errorf("%d calls were made", n)
		}
	})
}

// TestOpening_LetsOneMoreInEachSecond has a first question that is not answered.
func TestOpening_LetsOneMoreInEachSecond(t *testing.T) {
	s := &server{script: []answer{{after: 10 * time.Second}}}
	inBubble(t, llm.Config{}, s, one, func(t *testing.T, b *bench) {
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { _, _ = b.Ask(t.Context(), sofa()) })
		}
		for second := range 5 {
			synctest.Wait()
			if n := len(s.requests()); n != second+1 {
				t.Errorf("after %d s, %d calls were made", second, n)
			}
			time.Sleep(time.Second)
		}
		all.Wait()
	})
}
