package llm_test

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/llm"
)

// TestThrottled_WithoutADeadline asks questions as a job does, some of which the server has
// no quota for.
func TestThrottled_WithoutADeadline(t *testing.T) {
	throttled := answer{status: 429, body: apiErr("rate_limit_exceeded", "Slow down")}
	for name, tt := range map[string]struct {
		throttled func(request, time.Duration) bool
		want      fault.Reason // of the last question
		most      time.Duration
	}{
		"one that is always throttled ends": {func(r request, _ time.Duration) bool { return bytes.Contains(r.raw, []byte("sofa 29")) }, fault.RateLimited, 10 * time.Minute},
		"a quota for all is waited for":     {func(_ request, at time.Duration) bool { return at > time.Millisecond && at < 5*time.Hour }, 0, 6 * time.Hour},
		"half of all calls": {func() func(request, time.Duration) bool {
			n := 0
			return func(request, time.Duration) bool { n++; return n%2 == 0 }
		}(), 0, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Time{}
			s := &server{answerTo: func(r request) answer {
				if start.IsZero() {
					start = time.Now()
				}
				if tt.throttled(r, time.Since(start)) {
					return throttled
				}
				return answer{after: 100 * time.Millisecond}
			}}
			inBubble(t, llm.Config{}, s, one, func(t *testing.T, b *bench) {
				began := time.Now()
				var all sync.WaitGroup
				for i := range 30 {
					all.Go(func() {
						_, err := b.Ask(t.Context(), catalog.Question{Item: &catalog.Item{Name: fmt.Sprintf("sofa %d", i)}})
						if i == 29 {
							checkEnd(t, err, tt.want, "")
						} else if err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
				if took := time.Since(began); took > tt.most {
					t.Errorf("took %v, want at most %v", took, tt.most)
				}
			})
		})
	}
}

// TestLoading_IsAskedSeldom has a model that is loaded for a minute by a server that answers
// for another one meanwhile, so that the gate knows of no outage.
func TestLoading_IsAskedSeldom(t *testing.T) {
	const loading = time.Minute
	var calls atomic.Int64
	var start time.Time
	s := &server{answerTo: func(r request) answer {
		if !bytes.Contains(r.raw, []byte(`"slow-model"`)) {
			return answer{after: 100 * time.Millisecond}
		}
		if calls.Add(1); time.Since(start) < loading {
			return answer{status: 503, body: apiErr("unavailable_error", "Loading model")}
		}
		return answer{}
	}}
	inBubble(t, llm.Config{}, s, one, func(t *testing.T, b *bench) {
		start = time.Now()
		var asking sync.WaitGroup
		asking.Go(func() {
			_, err := b.Ask(t.Context(), catalog.Question{Model: "slow-model", Item: &catalog.Item{Name: "sofa"}})
			checkEnd(t, err, 0, "")
		})
		for time.Since(start) < loading {
			answerOne(t, b)
		}
		asking.Wait()
		if took := time.Since(start); took > loading+3*time.Second {
			t.Errorf("the item took %v", took)
		}
		if n := calls.Load(); n > 100 {
			t.Errorf("%d calls in a minute", n)
		}
	})
}
