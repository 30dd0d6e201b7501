package llm_test

import (
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/llm"
)

// TestAsk_HoldsTheLastAnswersPlace has questions with answers that cannot be used before
// the last: their places are for the next attempt.
func TestAsk_HoldsTheLastAnswersPlace(t *testing.T) {
	for name, tt := range map[string]struct {
		script []answer
		holds  int
		fails  bool
	}{
		"an answer":                   {[]answer{{}}, 1, false},
		"garbage, then an answer":     {[]answer{{content: "?"}, {}}, 1, false},
		"a failure, then an answer":   {[]answer{{status: 500}, {}}, 1, false},
		"garbage alone, paid as well": {[]answer{{content: "?"}, {content: "?"}}, 1, true},
		"a refusal of the server":     {[]answer{{status: 400}}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, llm.Config{}, &server{script: tt.script}, []string{testKey}, func(t *testing.T, b *bench) {
				if err := b.gate.SetCeiling(1); err != nil {
					t.Fatal(err)
				}
				q := sofa()
				var releases []func()
				q.Hold = func(release func()) { releases = append(releases, release) }
				if _, err := b.Ask(t.Context(), q); tt.fails != (err != nil) {
					t.Errorf("%v", err)
				}
				if used := b.gate.Status().InFlight; len(releases) != tt.holds || used != tt.holds {
					t.Errorf("%d holds, %d places, want %d", len(releases), used, tt.holds)
				}
				for _, release := range releases {
					release()
				}
			})
		})
	}
}

// TestAsk_HoldsOnePlaceOfTwoCalls has a straggler and its twin, of which either answers first.
func TestAsk_HoldsOnePlaceOfTwoCalls(t *testing.T) {
	for name, calls := range map[string][2]answer{
		"the twin answers":      {{hang: true}, {}},
		"the straggler answers": {{after: time.Second}, {hang: true}},
		"the twin fails":        {{after: time.Second}, {status: 500}},
		"the straggler fails":   {{status: 500, after: 200 * time.Millisecond}, {after: time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			race(t, calls[0], calls[1], func(t *testing.T, b *bench, _ func()) {
				q := sofa()
				var releases []func()
				q.Hold = func(release func()) { releases = append(releases, release) }
				if _, err := b.Ask(t.Context(), q); err != nil {
					t.Fatal(err)
				}
				if used := b.gate.Status().InFlight; len(releases) != 1 || used != 1 {
					t.Fatalf("%d holds, %d places, want 1", len(releases), used)
				}
				releases[0]()
				if used := b.gate.Status().InFlight; used != 0 {
					t.Errorf("%d places are lost", used)
				}
			})
		})
	}
}
