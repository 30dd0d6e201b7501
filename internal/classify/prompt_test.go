package classify_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
)

// TestPrompt_HoldsNoMoreThanThePool has a sink that takes nothing for a while:
// no more may be asked than could be in flight.
func TestPrompt_HoldsNoMoreThanThePool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pool = 50
		b := setUp(t, pool)
		first := true
		summary, err := b.Run(t.Context(), classify.Call{Prompt: true}, from(items(500, 10*time.Millisecond, nil)), func(catalog.Batch) error {
			if first {
				first = false
				time.Sleep(time.Minute)
				if asked := b.model.count(); asked > pool {
					t.Errorf("%d questions were asked while nothing was stored", asked)
				}
			}
			return nil
		})
		if err != nil || summary.Succeeded != 500 {
			t.Errorf("%+v, %v", summary, err)
		}
	})
}
