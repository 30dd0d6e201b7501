package llm_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/llm"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// TestErrorsInChoicesAreNoOutage asks a gateway whose provider fails three times for each
// item. The gateway itself answers all the time, so no item waits for it to come back.
func TestErrorsInChoicesAreNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim, local := testkit.ServeSim(t, llmsim.Config{Behaviours: []string{"openrouter-choice"}, Schema: newPrompt(t).Schema()})
		gate := newGate(t, local.URL, 32, testKey)
		c, err := llm.New(llm.Config{Model: "m", Transport: local.Client.Transport}, gate, newPrompt(t))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		const items = 300
		start := time.Now()
		if answers, failures := askBehaviour(t, c, items, false); len(answers) != items {
			t.Errorf("%d of %d items failed: %v", len(failures), items, failures[0])
		}
		if calls := sim.Stats().Calls; calls != 4*items {
			t.Errorf("%d calls, want %d", calls, 4*items)
		}
		if took := time.Since(start); took < time.Second {
			t.Errorf("four attempts took %v: there is no pause between them", took)
		}
		if g := gate.Status().Groups[0]; g.Outages > 0 {
			t.Errorf("%d outages, want none", g.Outages)
		}
	})
}
