package app_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// reasoningUsage is the usage of a model that reasons and of a provider that caches.
var reasoningUsage = llmsim.Rule{Usage: `{"prompt_tokens":2000,"completion_tokens":90,` +
	`"prompt_tokens_details":{"cached_tokens":1500,"cache_write_tokens":128},"completion_tokens_details":{"reasoning_tokens":40}}`}

// TestTokens_AreCountedByTheirKind checks traces, the summary and the metrics.
func TestTokens_AreCountedByTheirKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Rules: llmsim.Behaviour{reasoningUsage}, Latency: llmsim.Latency{Median: 100 * time.Millisecond}})
		stream := w.client.ClassifyStream(t.Context(), goods(50, nil), credenza.Options{})
		for r, err := range stream.Results() {
			if err != nil || r.Err != nil {
				t.Fatal(err, r.Err)
			}
			if got := r.Trace; got.CachedPromptTokens != 1500 || got.CacheWriteTokens != 128 || got.ReasoningTokens != 40 {
				t.Fatalf("item %d: trace %+v", r.Index, got)
			}
		}
		checkTokens(t, stream.Summary(), 50)
		metrics := w.metrics(t)
		for _, line := range []string{
			`credenza_tokens_total{kind="prompt"} 100000`, `credenza_tokens_total{kind="cached_prompt"} 75000`,
			`credenza_tokens_total{kind="cache_write"} 6400`, `credenza_tokens_total{kind="completion"} 4500`,
			`credenza_tokens_total{kind="reasoning"} 2000`,
		} {
			if !strings.Contains(metrics, line) {
				t.Errorf("the metrics lack %s", line)
			}
		}
	})
}

// TestTokens_OfAJobAreInItsResultsAndSummary reads both back from the store.
func TestTokens_OfAJobAreInItsResultsAndSummary(t *testing.T) {
	client := serveJobs(t, llmsim.Config{Rules: llmsim.Behaviour{reasoningUsage}})
	job, err := client.CreateJob(t.Context(), slices.Values(goods(250, nil)), credenza.JobSpec{})
	if err != nil {
		t.Fatal(err)
	}
	watch := client.WatchJob(t.Context(), job.ID, "")
	for r, err := range watch.Results() {
		if err != nil || r.Err != nil {
			t.Fatal(err, r.Err)
		}
		if r.Trace.CacheWriteTokens != 128 || r.Trace.ReasoningTokens != 40 {
			t.Fatalf("item %d: trace %+v", r.Index, r.Trace)
		}
	}
	checkTokens(t, watch.Summary(), 250)
}

func checkTokens(t *testing.T, sum credenza.Summary, items int64) {
	t.Helper()
	if sum.Succeeded != items || sum.PromptTokens != items*2000 || sum.CachedPromptTokens != items*1500 || sum.CacheWriteTokens != items*128 ||
		sum.CompletionTokens != items*90 || sum.ReasoningTokens != items*40 {
		t.Errorf("summary %+v", sum)
	}
}
