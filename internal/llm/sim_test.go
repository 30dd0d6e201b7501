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
	"github.com/credenza-dev/credenza/internal/testkit"
)

// TestFaultyServer asks a simulated server that has every kind of mishap: each
// item must be answered, or have its one error.
func TestFaultyServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, local := testkit.ServeSim(t, llmsim.Config{
			Seed: 7, Latency: llmsim.DefaultLatency(),
			Faults: map[string]float64{
				"throttle": 0.10, "error": 0.05, "reset": 0.03, "garbage": 0.015, "html": 0.015, "cut": 0.02, "hang": 0.005,
			},
		})
		c, err := llm.New(llm.Config{Model: "m", Transport: local.Client.Transport}, newGate(t, local.URL, 32, testKey), newPrompt(t))
		if err != nil {
			t.Fatal(err)
		}
		const items = 1000
		if failed := askAll(t, c, items); failed > 0 {
			t.Errorf("%d of %d items failed", failed, items)
		}
		c.Close()
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
			} else if answer.Classification.Category == "" || answer.Trace.Attempts < 1 {
				t.Errorf("item %d: %+v", i, answer)
			}
		})
	}
	wg.Wait()
	t.Logf("%d items, %d failed, in %v", n, failed, time.Since(start))
	return failed
}
