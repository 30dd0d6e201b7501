package llm_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/llm"
	"github.com/credenza-dev/credenza/internal/llmsim"
)

// TestFaultyServer asks a simulated server that has every kind of mishap: each
// item must be answered, or have its one error.
func TestFaultyServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim, err := llmsim.New(llmsim.Config{
			Seed: 7, Latency: llmsim.DefaultLatency(),
			Faults: llmsim.Faults{
				Throttle: 0.10, Error: 0.05, Reset: 0.03, Garbage: 0.015, HTML: 0.015, Cut: 0.02, Hang: 0.005,
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		local := sim.Local()
		c, err := llm.New(llm.Config{Model: "m", Transport: local.Client.Transport}, newGate(t, local.URL, 32, testKey), newPrompt(t))
		if err != nil {
			t.Fatal(err)
		}
		const items = 1000
		if failed := askAll(t, c, items); failed > 0 {
			t.Errorf("%d of %d items failed", failed, items)
		}
		c.Close()
		local.Close()
	})
}

// askAll asks for n items at once and returns how many failed.
func askAll(t *testing.T, c *llm.Client, n int) (failed int) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := time.Now()
	for i := range n {
		wg.Go(func() {
			answer, err := c.Ask(t.Context(), catalog.Question{Item: &catalog.Item{Name: fmt.Sprintf("sofa %d", i)}})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed++
				checkEnd(t, err, fault.MalformedAnswer, "")
			} else if answer.Verdict.Category == "" || answer.Trace.Attempts < 1 {
				t.Errorf("item %d: %+v", i, answer)
			}
		})
	}
	wg.Wait()
	t.Logf("%d items, %d failed, in %v", n, failed, time.Since(start))
	return failed
}
