package llm_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/llm"
)

// spans keeps the calls that are recorded.
type spans struct{ calls []*catalog.ModelCall }

func (*spans) Records(context.Context) bool                        { return true }
func (*spans) Queued(context.Context, time.Time, error)            {}
func (s *spans) Called(_ context.Context, call *catalog.ModelCall) { s.calls = append(s.calls, call) }

// TestSpans_BoundWhatAnAnswerSaysOfItself has a server whose answer names itself at length.
func TestSpans_BoundWhatAnAnswerSaysOfItself(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	body := strings.Replace(completion(good, "", 0.9), "{", `{"id":"`+long+`","model":"`+long+`",`, 1)
	seen := &spans{}
	inBubble(t, llm.Config{Spans: seen}, &server{script: []answer{{body: body}}}, one, func(t *testing.T, b *bench) {
		if _, err := b.Ask(t.Context(), sofa()); err != nil {
			t.Fatal(err)
		}
		if len(seen.calls) != 1 {
			t.Fatalf("%d calls", len(seen.calls))
		}
		c := seen.calls[0]
		if len(c.ResponseID) != 256 || len(c.ResponseModel) != 256 || !strings.Contains(c.Answer, "SOFA") {
			t.Errorf("id of %d bytes, model of %d, answer %q", len(c.ResponseID), len(c.ResponseModel), c.Answer)
		}
	})
}
