package llm_test

import (
	"testing"

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
