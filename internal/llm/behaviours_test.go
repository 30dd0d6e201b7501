package llm_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
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

// ending is how a behaviour of a real server ends for those that ask it for 30 items at
// once.
type ending struct {
	base     string // the path of the base URL; "": /v1
	settings llm.Settings
	reason   fault.Reason // of those that fail; 0: all are answered
	failed   int          // how many fail at most, without a reason for any; 0: with a reason, all
	says     string       // in each failure
	calls    int          // at most, in addition to one for each item
	seconds  int          // at most
	source   catalog.ConfidenceSource
	pictures bool // the items have some, which the model refuses
}

// TestEveryBehaviourOfRealServersEndsAsItShould asks each of them for 30 items at once,
// through the real gate.
func TestEveryBehaviourOfRealServersEndsAsItShould(t *testing.T) {
	for name, want := range behaviourEndings {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playBehaviour(t, name, want) })
		})
	}
}

func playBehaviour(t *testing.T, name string, want ending) {
	const items = 30
	sim, local := testkit.ServeSim(t, llmsim.Config{
		Seed: 1, Behaviours: []string{name}, Schema: newPrompt(t).Schema(),
	})
	base := local.URL
	if want.base != "" {
		base = strings.TrimSuffix(base, "/v1") + want.base
	}
	config := llm.Config{Model: "m", Settings: want.settings, Transport: local.Client.Transport}
	c, err := llm.New(config, newGate(t, base, 32, testKey), newPrompt(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	start := time.Now()
	answers, failures := askBehaviour(t, c, items, want.pictures)
	if took := time.Since(start); took > time.Duration(want.seconds)*time.Second {
		t.Errorf("took %v, want at most %d s", took, want.seconds)
	}
	least := 0
	if want.reason != 0 && want.failed == 0 {
		least, want.failed = items, items
	}
	if len(failures) < least || len(failures) > want.failed {
		t.Errorf("%d of %d items failed, want %d to %d", len(failures), items, least, want.failed)
	}
	for _, err := range failures {
		if want.reason == 0 && want.failed > 0 {
			break
		}
		if checkEnd(t, err, want.reason, want.says); t.Failed() {
			break
		}
	}
	if calls := int(sim.Stats().Calls); calls > items+want.calls {
		t.Errorf("%d calls, want at most %d", calls, items+want.calls)
	}
	checkConfidences(t, answers, want.source)
}

// TestEveryBehaviourHasAnEnding names those that other tests play, each with its reason.
func TestEveryBehaviourHasAnEnding(t *testing.T) {
	elsewhere := []string{
		"reset", "hang", "half", "garbage", "html", "cut", "throttle", "error", "unavailable", "forbidden", // TestEveryEnd
	}
	for _, name := range llmsim.Behaviours() {
		if _, ok := behaviourEndings[name]; ok == slices.Contains(elsewhere, name) {
			t.Errorf("%s: it has a row here: %v", name, ok)
		}
	}
}

// askBehaviour asks for items at once, one of which looks like an attack.
func askBehaviour(t *testing.T, c *llm.Client, items int, pictures bool) (answers []catalog.Answer, failures []error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range items {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			q := catalog.Question{Item: &catalog.Item{Name: fmt.Sprintf("sofa %d", i)}}
			if i == items-1 {
				q.Item.Description = "oak'; DROP TABLE products; --"
			}
			if pictures {
				q.Picture = &catalog.Picture{Data: []byte{0xff, 0xd8, 0xff, 0xe0}, MediaType: "image/jpeg"}
			}
			answer, err := c.Ask(ctx, q)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failures = append(failures, err)
			} else {
				answers = append(answers, answer)
			}
		})
	}
	wg.Wait()
	return answers, failures
}

// checkConfidences checks that each answer's confidence is from the source, 0: from any
// that is known.
func checkConfidences(t *testing.T, answers []catalog.Answer, want catalog.ConfidenceSource) {
	t.Helper()
	for _, a := range answers {
		v := &a.Classification
		known := []catalog.ConfidenceSource{catalog.FromLogprobs, catalog.FromModel}
		if want != 0 {
			known = []catalog.ConfidenceSource{want}
		}
		if !slices.Contains(known, v.ConfidenceSource) || v.Confidence < 0 || v.Confidence > 1 {
			t.Errorf("confidence %v from %d, want one from %v", v.Confidence, v.ConfidenceSource, known)
			return
		}
	}
}
