package app_test

import (
	"testing"
	"testing/synctest"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// TestModelWithoutPictures has a server that refuses pictures: that is found out once, and
// items are answered from their text, or fail if that is what was asked for.
func TestModelWithoutPictures(t *testing.T) {
	photo := photograph(t, 64, 64)
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Behaviours: []string{"llamacpp-picture"}})
		items := goods(20, func(_ int, it *credenza.Item) { it.ImageData = photo })
		for r, err := range w.client.ClassifyStream(t.Context(), items, credenza.Options{}).Results() {
			if err != nil || r.Err != nil || r.ImageErr == nil || r.ImageErr.Reason != "IMAGE_UNSUPPORTED" || r.Classification.Evidence != "TEXT" {
				t.Fatalf("%v, %+v", err, r)
			}
		}
		if calls := w.sim.Calls(); calls > 20+7 {
			t.Errorf("%d calls for 20 items", calls)
		}
		strict := credenza.Options{FailWithoutPicture: true, Cache: credenza.CacheBypass}
		for r, err := range w.client.ClassifyStream(t.Context(), items, strict).Results() {
			if err != nil || r.Err == nil || r.Err.Reason != "IMAGE_UNSUPPORTED" {
				t.Fatalf("%v, %+v", err, r)
			}
		}
	})
}
