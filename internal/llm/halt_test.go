package llm_test

import (
	"context"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/llm"
)

// TestAsk_BeginsNoCallAfterTheHalt halts a question during a call, and during its wait for
// the next one.
func TestAsk_BeginsNoCallAfterTheHalt(t *testing.T) {
	for name, tt := range map[string]struct {
		script []answer
		fails  bool
	}{
		"during a call that succeeds": {[]answer{{after: 10 * time.Second}}, false},
		"during a call that fails":    {[]answer{{after: 10 * time.Second, status: 500}, {}}, true},
		"while it waits":              {[]answer{{status: 429, header: map[string][]string{"Retry-After": {"60"}}}, {}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{script: append([]answer{{}}, tt.script...)}
			inBubble(t, llm.Config{}, s, []string{testKey}, func(t *testing.T, b *bench) {
				if _, err := b.Ask(t.Context(), sofa()); err != nil { // from here on the model is known
					t.Fatal(err)
				}
				q := sofa()
				halt, stop := context.WithCancel(t.Context())
				q.Halt = halt
				time.AfterFunc(5*time.Second, stop)
				answer, err := b.Ask(t.Context(), q)
				if tt.fails != fault.Is(err, fault.Cancelled) || (answer.Classification.Category == "SOFA") == tt.fails {
					t.Errorf("%+v, %v", answer, err)
				}
				if n := len(s.requests()); n != 2 {
					t.Errorf("%d calls were made", n-1)
				}
			})
		})
	}
}
