package app_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// alternativesOf returns the alternatives of each result by its item, and how many results were
// cached. It fails for a result whose alternatives do not agree with its answer.
func alternativesOf(t *testing.T, results func(func(credenza.Result, error) bool)) (all map[string][]credenza.Alternative, cached int) {
	t.Helper()
	all = map[string][]credenza.Alternative{}
	for r, err := range results {
		if err != nil || r.Err != nil {
			t.Fatal(err, r.Err)
		}
		c, sum := r.Classification, 0.0
		for i, a := range c.Alternatives {
			if sum += a.Probability; i > 0 && a.Probability > c.Alternatives[i-1].Probability || i >= 9 {
				t.Errorf("%v are in no order", c.Alternatives)
			}
		}
		if sum > 1 || !slices.Contains(c.Alternatives, credenza.Alternative{Category: c.Category, Probability: c.Confidence}) {
			t.Errorf("%s with %v has the alternatives %v", c.Category, c.Confidence, c.Alternatives)
		}
		all[r.ItemID] = c.Alternatives
		if r.Trace.Cached {
			cached++
		}
	}
	return all, cached
}

func TestAlternatives_AreKeptOverARestart(t *testing.T) {
	_, url := testkit.ServeSimTCP(t, llmsim.Config{Seed: 1})
	for source, flags := range map[string][]string{
		"LOGPROBS": {"--openai-base-url=" + url},
		"LEXICON":  {"--backend=offline"},
	} {
		t.Run(source, func(t *testing.T) {
			flags = append(flags, "--data-dir="+t.TempDir())
			items := goods(40, func(_ int, it *credenza.Item) { it.ProductName += " bench or coffee table" })
			client, end := replica(t, &buffer{}, flags...)
			first, _ := alternativesOf(t, client.ClassifyStream(t.Context(), items, credenza.Options{}).Results())
			if !slices.ContainsFunc(items, func(it credenza.Item) bool { return len(first[it.ID]) > 1 }) {
				t.Errorf("no item has alternatives: %v", first)
			}
			job, err := client.CreateJob(t.Context(), slices.Values(items), credenza.JobSpec{})
			if err != nil {
				t.Fatal(err)
			}
			allSucceed(t, client, job.ID)
			end()
			client, end = replica(t, &buffer{}, flags...)
			defer end()
			stored, _ := alternativesOf(t, client.WatchJob(t.Context(), job.ID, "").Results())
			again, cached := alternativesOf(t, client.ClassifyStream(t.Context(), items, credenza.Options{}).Results())
			if diff := cmp.Diff(first, stored); diff != "" {
				t.Errorf("the job's are others: %s", diff)
			}
			if diff := cmp.Diff(first, again); diff != "" || source == "LOGPROBS" && cached != len(items) {
				t.Errorf("%d cached answers, and they are others: %s", cached, diff)
			}
		})
	}
}
