package app_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// serveJobs starts the whole service on loopback, with data in a folder of its own.
func serveJobs(t *testing.T, sim llmsim.Config, flags ...string) *credenza.Client {
	t.Helper()
	_, url := testkit.ServeSimTCP(t, sim)
	flags = append([]string{"--openai-base-url=" + url, "--openai-api-key=sk-test", "--log-level=error"}, flags...)
	a, err := app.Start(t.Context(), settings(t, flags...), app.Options{LogTo: &buffer{}, Data: app.DataTemporary})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := a.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	client, err := credenza.Dial(a.GRPCAddr(), credenza.WithPlaintext())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// allSucceed watches a job to its end, and fails for each item without an answer.
func allSucceed(t *testing.T, client *credenza.Client, id string) credenza.Summary {
	t.Helper()
	watch := client.WatchJob(t.Context(), id, "")
	for result, err := range watch.Results() {
		if err != nil {
			t.Fatal(err)
		}
		if result.Err != nil {
			t.Errorf("item %d: %v", result.Index, result.Err)
		}
	}
	return watch.Summary()
}

// TestAJobsItemsWaitForQuotaAndOutages gives items three seconds each, while the quota
// needs longer for all of them, or the server is away for longer.
func TestAJobsItemsWaitForQuotaAndOutages(t *testing.T) {
	for name, sim := range map[string]llmsim.Config{
		"quota": {Quota: llmsim.Quota{Requests: llmsim.Limit{Amount: 40, Per: time.Second, Burst: 20}}},
		"outage": {Outages: []llmsim.Outage{
			{Start: 200 * time.Millisecond, For: 6 * time.Second, Kind: "503"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			sim.Latency = llmsim.Latency{Median: 50 * time.Millisecond, Sigma: 0.3}
			client := serveJobs(t, sim)
			items := goods(250, nil)
			job, err := client.CreateJob(t.Context(), slices.Values(items), credenza.JobSpec{
				Options: credenza.Options{ItemTimeout: 3 * time.Second},
			})
			if err != nil {
				t.Fatal(err)
			}
			if sum := allSucceed(t, client, job.ID); sum.Total != 250 || sum.Elapsed < 5*time.Second {
				t.Errorf("%+v", sum)
			}
		})
	}
}

// TestAJobsEqualItemsAreAskedAboutOnce has the cache and jobs work together.
func TestAJobsEqualItemsAreAskedAboutOnce(t *testing.T) {
	client := serveJobs(t, llmsim.Config{Latency: llmsim.Latency{Median: 20 * time.Millisecond, Sigma: 0.3}})
	items := goods(1000, func(i int, it *credenza.Item) { it.ProductName = strings.Repeat("oak ", 1+i%100) })
	for round, calls := range []int64{100, 0} {
		job, err := client.CreateJob(t.Context(), slices.Values(items), credenza.JobSpec{})
		if err != nil {
			t.Fatal(err)
		}
		watch := client.WatchJob(t.Context(), job.ID, "")
		for _, err := range watch.Batches() {
			if err != nil {
				t.Fatal(err)
			}
		}
		sum := watch.Summary()
		if sum.Succeeded != 1000 || sum.UpstreamCalls != calls || sum.Cached+sum.Deduplicated != 1000-calls {
			t.Errorf("round %d: %+v", round, sum)
		}
		if job, err = client.Job(t.Context(), job.ID); err != nil || job.PromptTokens != sum.PromptTokens || job.CompletionTokens != sum.CompletionTokens || (calls > 0) != (job.PromptTokens > 0) {
			t.Errorf("round %d: %+v, %v, want the tokens of %+v", round, job, err, sum)
		}
	}
}
