package llm_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/llm"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// race has a client learn how long answers take, and then asks once more with
// two scripted calls, of which the second starts after about 100 ms.
func race(t *testing.T, first, second answer, f func(t *testing.T, b *bench, ask func())) {
	t.Helper()
	const before = 30
	script := make([]answer, before, before+2)
	for i := range script {
		script[i].after = 100 * time.Millisecond
	}
	s := &server{script: append(script, first, second)}
	inBubble(t, llm.Config{Hedge: true}, s, []string{testKey}, func(t *testing.T, b *bench) {
		for range before {
			if _, err := b.Ask(t.Context(), sofa()); err != nil {
				t.Fatal(err)
			}
		}
		f(t, b, func() {
			t.Helper()
			got, err := b.Ask(t.Context(), sofa())
			if err != nil || got.Classification.Category != "SOFA" || got.Trace.Attempts != 2 {
				t.Errorf("%+v, %v: want a sofa by two calls", got, err)
			}
		})
		if s := b.gate.Status().Counters; s.Hedges != 1 || s.Misused != 0 {
			t.Errorf("%d hedges, %d leases settled twice", s.Hedges, s.Misused)
		}
	})
}

func TestHedgeTakesTheSoundAnswer(t *testing.T) {
	late, page := answer{after: time.Second}, "<html>busy</html>"
	tests := map[string]struct {
		first, second answer
		lost          upstream.Outcome
	}{
		"garbage from the second":  {late, answer{body: page}, upstream.Broken},
		"garbage from the first":   {answer{body: page, after: 200 * time.Millisecond}, late, upstream.Broken},
		"an error with status 200": {late, answer{body: apiErr("500", "busy")}, upstream.Broken},
		"throttled":                {late, answer{status: 429, body: "{}"}, upstream.Throttled},
		"sound with status 201":    {answer{hang: true}, answer{status: 201}, upstream.Abandoned},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			race(t, tt.first, tt.second, func(t *testing.T, b *bench, ask func()) {
				began := time.Now()
				ask()
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("took %v", took)
				}
				settled := b.gate.Status().Counters.Settled
				if settled[tt.lost] != 1 || settled[upstream.Succeeded] != 31 {
					t.Errorf("settled %v, want 31 successes and 1 %v", settled, tt.lost)
				}
			})
		})
	}
}

// TestHedge_BillsBothCalls has a loser that is cut off, which the provider bills like the
// winner, and losers that ended.
func TestHedge_BillsBothCalls(t *testing.T) {
	for name, tt := range map[string]struct {
		first answer
		lost  upstream.Outcome
		calls int64 // that the usage is of
	}{
		"cut off":                   {answer{hang: true}, upstream.Abandoned, 2},
		"throttled, it is too late": {answer{status: 429, body: "{}", after: 300 * time.Millisecond}, upstream.Throttled, 1},
	} {
		t.Run(name, func(t *testing.T) {
			second := answer{after: 200 * time.Millisecond}
			race(t, tt.first, second, func(t *testing.T, b *bench, _ func()) {
				got, err := b.Ask(t.Context(), sofa())
				if err != nil || got.Trace.Usage.Prompt != tt.calls*1200 || got.Trace.Usage.Completion != tt.calls*80 {
					t.Errorf("usage %+v, %v: want that of %d calls", got.Trace.Usage, err, tt.calls)
				}
				if n := b.gate.Status().Counters.Settled[tt.lost]; n != 1 {
					t.Errorf("%d calls settled as %v", n, tt.lost)
				}
			})
		})
	}
}

func TestLosingCallKeepsItsLeaseUntilItHasEnded(t *testing.T) {
	race(t, answer{hang: true}, answer{}, func(t *testing.T, b *bench, ask func()) {
		var cut, held atomic.Int64
		b.cancelled = func() {
			time.Sleep(time.Second) // the call takes its time to end
			cut.Add(1)
			held.Store(int64(b.gate.Status().InFlight))
		}
		ask()
		if cut.Load() != 1 || held.Load() != 2 {
			t.Errorf("%d calls were cut off, with %d leases held, want 1 with 2", cut.Load(), held.Load())
		}
	})
}
