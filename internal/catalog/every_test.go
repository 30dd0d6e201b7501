package catalog_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
)

func TestEvery_EndsWithItsContextOrTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		began, times := time.Now(), 0
		for range catalog.Every(ctx, time.Second) {
			if times++; time.Since(began) != time.Duration(times)*time.Second {
				t.Errorf("the moment %d came after %v", times, time.Since(began))
			}
		}
		if times != 3 || time.Since(began) != 3500*time.Millisecond {
			t.Errorf("%d moments, and an end after %v", times, time.Since(began))
		}
		for range catalog.Every(t.Context(), time.Second) {
			break
		}
	})
}
