package app_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// TestFewSlots classifies items on servers that answer few questions at once and keep the
// others waiting, as those do that run a model on their own machine: no item is lost to time
// while the server works.
func TestFewSlots(t *testing.T) {
	for name, sim := range map[string]llmsim.Config{
		"one slot of 2 s":                {Slots: 1, Latency: llmsim.Latency{Median: 2 * time.Second}},
		"one slot of 8 s":                {Slots: 1, Latency: llmsim.Latency{Median: 8 * time.Second}},
		"two slots of 4 s":               {Slots: 2, Latency: llmsim.Latency{Median: 4 * time.Second}},
		"two slots of 4 s, more or less": {Seed: 5, Slots: 2, Latency: llmsim.Latency{Median: 4 * time.Second, Sigma: 0.5}},
		"two slots of 12 s":              {Slots: 2, Latency: llmsim.Latency{Median: 12 * time.Second}},
		"two slots of 20 s":              {Slots: 2, Latency: llmsim.Latency{Median: 20 * time.Second}},
		"four slots of 15 s":             {Slots: 4, Latency: llmsim.Latency{Median: 15 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := build(t, sim)
				lost, started := map[string]int{}, time.Now()
				for r, err := range w.client.ClassifyStream(t.Context(), goods(100, nil), credenza.Options{}).Results() {
					if err != nil {
						t.Fatal(err)
					}
					if r.Err != nil {
						lost[string(r.Err.Reason)+": "+r.Err.Message]++
					}
				}
				t.Logf("%v, %d calls", time.Since(started), w.sim.Stats().Calls)
				for why, n := range lost {
					t.Errorf("%d lost: %s", n, why)
				}
			})
		})
	}
}
