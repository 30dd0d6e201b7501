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

const invalidKey = `{"error":{"message":"Incorrect API key provided.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`

// strayRefusals answer a key that works with a 401 or the like.
var strayRefusals = map[string]struct {
	items int
	rule  llmsim.Rule
}{
	"without words":                    {2000, llmsim.Rule{Nth: 700, Status: 401, Body: `{"error":{"message":"No auth credentials found","code":401}}`}},
	"in words that leave no doubt":     {500, llmsim.Rule{Nth: 200, Status: 401, Body: invalidKey}},
	"as a 400 that leaves no doubt":    {500, llmsim.Rule{Nth: 200, Status: 400, Body: `[{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}}]`}},
	"forbidden":                        {500, llmsim.Rule{Nth: 200, Status: 403, Body: `{"error":{"message":"Forbidden","code":403}}`}},
	"one call in 200, over and over":   {1000, llmsim.Rule{Every: 200, Nth: 100, Status: 401}},
	"of the first calls of the server": {100, llmsim.Rule{Nth: 2, Status: 401}},
}

func TestStrayRefusal_LosesNoItem(t *testing.T) {
	for name, tc := range strayRefusals {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.DefaultLatency(), Rules: []llmsim.Rule{tc.rule}})
				for r, err := range w.client.ClassifyStream(t.Context(), goods(tc.items, nil), credenza.Options{}).Results() {
					if err != nil {
						t.Fatal(err)
					}
					if r.Err != nil {
						t.Errorf("item %d: %v", r.Index, r.Err)
					}
				}
				if n := w.sim.Stats().Calls; n > int64(tc.items+tc.items/200+1) {
					t.Errorf("%d calls", n)
				}
			})
		})
	}
}

func TestStrayRefusal_LosesNoItemOfAJob(t *testing.T) {
	client := serveJobs(t, llmsim.Config{
		Latency: llmsim.Latency{Median: 20 * time.Millisecond, Sigma: 0.3},
		Rules:   []llmsim.Rule{{Nth: 700, Status: 401, Body: invalidKey}},
	})
	job, err := client.CreateJob(t.Context(), slices.Values(goods(2000, nil)), credenza.JobSpec{})
	if err != nil {
		t.Fatal(err)
	}
	if sum := allSucceed(t, client, job.ID); sum.Succeeded != 2000 {
		t.Errorf("%+v", sum)
	}
}

func TestRevokedKey_CostsThreeCallsAtMost(t *testing.T) {
	for name, tc := range map[string]struct {
		rule  llmsim.Rule
		calls int64
	}{
		"without words":                {llmsim.Rule{Status: 401}, 3},
		"in words that leave no doubt": {llmsim.Rule{Status: 401, Body: invalidKey}, 1},
		"forbidden":                    {llmsim.Rule{Status: 403, Body: `{"error":{"message":"Country, region, or territory not supported"}}`}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := build(t, llmsim.Config{Rules: []llmsim.Rule{tc.rule}})
				for r, err := range w.client.ClassifyStream(t.Context(), goods(500, nil), credenza.Options{}).Results() {
					if err != nil {
						t.Fatal(err)
					}
					if r.Err == nil || r.Err.Reason != "UPSTREAM_AUTH" || !r.Err.Retryable {
						t.Fatalf("item %d: %+v", r.Index, r.Err)
					}
					if tc.rule.Status == 403 && !strings.Contains(r.Err.Message, "region, or territory not supported") {
						t.Errorf("the server's words are missing: %s", r.Err.Message)
					}
				}
				if n := w.sim.Stats().Calls; n > tc.calls {
					t.Errorf("%d calls, want %d at most", n, tc.calls)
				}
			})
		})
	}
}

// TestRefusedItem_FailsAlone has one item that the server refuses each time.
func TestRefusedItem_FailsAlone(t *testing.T) {
	for name, tc := range map[string]struct {
		rule   llmsim.Rule
		reason credenza.Reason
	}{
		"403":           {llmsim.Rule{Text: "POISON", Status: 403, Body: `{"error":{"message":"Not with this text"}}`}, "UPSTREAM_REJECTED"},
		"401":           {llmsim.Rule{Text: "POISON", Status: 401, Body: `{"error":{"message":"Not with this text"}}`}, "UPSTREAM_AUTH"},
		"403 of a page": {llmsim.Rule{Text: "POISON", Status: 403, Body: "<!DOCTYPE html><title>Blocked</title>", Header: map[string]string{"Content-Type": "text/html"}}, "UPSTREAM_REJECTED"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.DefaultLatency(), Rules: []llmsim.Rule{tc.rule}})
				items := goods(500, func(i int, it *credenza.Item) {
					if i == 100 {
						it.Description = "POISON"
					}
				})
				for r, err := range w.client.ClassifyStream(t.Context(), items, credenza.Options{}).Results() {
					switch {
					case err != nil:
						t.Fatal(err)
					case r.Index != 100 && r.Err != nil:
						t.Errorf("item %d: %v", r.Index, r.Err)
					case r.Index == 100 && (r.Err == nil || r.Err.Reason != tc.reason || !strings.Contains(r.Err.Message, name[:3])):
						t.Errorf("the refused item: %+v", r.Err)
					}
				}
			})
		})
	}
}

// TestJobRetry_WorksOnceTheKeyIsMended has a key that is not known at first.
func TestJobRetry_WorksOnceTheKeyIsMended(t *testing.T) {
	client := serveJobs(t, llmsim.Config{
		Latency: llmsim.Latency{Median: 10 * time.Millisecond},
		Rules:   []llmsim.Rule{{First: 1, Status: 401, Body: invalidKey}},
	})
	job, err := client.CreateJob(t.Context(), slices.Values(goods(50, nil)), credenza.JobSpec{})
	if err != nil {
		t.Fatal(err)
	}
	watch := client.WatchJob(t.Context(), job.ID, "")
	for result, err := range watch.Results() {
		if err != nil {
			t.Fatal(err)
		}
		if result.Err == nil || result.Err.Reason != "UPSTREAM_AUTH" || !result.Err.Retryable {
			t.Fatalf("item %d: %+v", result.Index, result.Err)
		}
	}
	again, err := client.Retry(t.Context(), job.ID, credenza.RetryOptions{})
	if err != nil || again.Progress.Total != 50 {
		t.Fatalf("%+v, %v", again, err)
	}
}
