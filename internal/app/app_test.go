package app_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

func TestTenPercentFailingEachItemItsOwnResult(t *testing.T) {
	for _, inOrder := range []bool{false, true} {
		t.Run(fmt.Sprint("in order ", inOrder), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.DefaultLatency()})
				items := goods(2000, func(i int, it *credenza.Item) {
					if i%10 == 3 {
						it.Description = "sim:refuse"
					}
				})
				stream := w.client.ClassifyStream(t.Context(), items, credenza.Options{InOrder: inOrder})
				seen := make([]int, len(items))
				for r, err := range stream.Results() {
					if err != nil {
						t.Fatal(err)
					}
					seen[r.Index]++
					failed := r.Err != nil && r.Err.Reason == "REFUSED"
					if r.ItemID != items[r.Index].ID || failed != (r.Index%10 == 3) || (r.Err != nil) != failed {
						t.Fatalf("item %d: %+v", r.Index, r)
					}
				}
				for i, n := range seen {
					if n != 1 {
						t.Errorf("item %d has %d results", i, n)
					}
				}
				s := stream.Summary()
				if s.Total != 2000 || s.Succeeded != 1800 || s.FailuresByReason["REFUSED"] != 200 || s.UpstreamCalls != 2000 {
					t.Errorf("summary %+v", s)
				}
			})
		})
	}
}

func TestCallerLeavesNoCallFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.DefaultLatency()})
		n := 0
		for _, err := range w.client.ClassifyStream(t.Context(), goods(2000, nil), credenza.Options{}).Results() {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 100 {
				break
			}
		}
		time.Sleep(100 * time.Millisecond)
		calls := w.sim.Stats().Calls
		time.Sleep(time.Minute)
		if later := w.sim.Stats().Calls - calls; later != 0 || w.sim.Stats().InFlight != 0 {
			t.Errorf("%d calls came later than 100 ms after the caller left, %d are in flight", later, w.sim.Stats().InFlight)
		}
		if calls < 100 || calls > 400 {
			t.Errorf("%d calls were made for 100 results", calls)
		}
	})
}

func TestDrainLetsStreamsEndAndRefusesNewOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Seed: 1, Latency: llmsim.Latency{Median: time.Second}}, "--max-workers=10")
		down := make(chan error, 1)
		n, refused := 0, false
		for r, err := range w.client.ClassifyStream(t.Context(), goods(100, nil), credenza.Options{}).Results() {
			if err != nil || r.Err != nil {
				t.Fatal(err, r.Err)
			}
			if n++; n == 10 {
				ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
				defer cancel()
				go func() { down <- w.app.Close(ctx) }()
				synctest.Wait()
				_, err := w.client.Classify(t.Context(), credenza.Item{ProductName: "late"}, credenza.Options{})
				var e *credenza.Error
				refused = errors.As(err, &e) && e.Reason == "SHUTTING_DOWN"
			}
		}
		if n != 100 || !refused {
			t.Errorf("%d of 100 results; a new call was refused: %v", n, refused)
		}
		if err := <-down; err != nil {
			t.Error(err)
		}
	})
}

func TestLog_HasBatchesAndFailuresButNoSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Keys: []llmsim.Key{{Secret: "sk-other"}}}, "--log-level=debug")
		items := goods(12, func(i int, it *credenza.Item) {
			if i == 11 {
				it.ProductName = ""
			}
		})
		for _, inOrder := range []bool{true, false} {
			for _, err := range w.client.ClassifyStream(t.Context(), items, credenza.Options{InOrder: inOrder}).Results() {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, want := range []string{
			`"msg":"processing text batch"`, `"batch":1,"items":10,"concurrent":true`, `"batch":2,"items":2`,
			`"msg":"processed batch"`, `"took":`, `"msg":"processing items as completed"`,
			`"index":11,"reason":"INVALID_ITEM"`, `"index":3,"reason":"UPSTREAM_AUTH"`, `key ...cret`,
		} {
			if !strings.Contains(w.log.String(), want) {
				t.Errorf("the log lacks %s", want)
			}
		}
		if strings.Contains(w.log.String(), "0123456789") {
			t.Errorf("the log holds the key:\n%s", w.log)
		}
	})
}

func TestOperations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Latency: llmsim.Latency{Median: time.Second}}, "--max-workers=2")
		before, err := w.client.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if before.Pool.Limit != 2 || !before.Pool.Fixed || before.Backend != "openai" || before.Keys[0].Suffix != "cret" {
			t.Errorf("status %+v", before)
		}
		began := time.Now()
		for r, err := range w.client.ClassifyStream(t.Context(), goods(40, nil), credenza.Options{}).Results() {
			if err != nil || r.Err != nil {
				t.Fatal(err, r.Err)
			}
			if time.Since(began) < 1500*time.Millisecond {
				if _, err := w.client.UpdateSettings(t.Context(), credenza.Settings{MaxWorkers: 20}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("40 items of 1 s took %v with 2 and then 20 workers", took)
		}
	})
}

func TestOfflineOverTheNetwork(t *testing.T) {
	client, done, err := app.InProcess(t.Context(), settings(t), &buffer{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	}()
	r, err := client.Classify(t.Context(), credenza.Item{ProductName: "Bed with storage", ImageURL: "http://shop.example/1.jpg"}, credenza.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Classification.Category != "BED" || r.Trace.Backend != "offline" || r.ImageErr == nil || r.Classification.Evidence != "TEXT" {
		t.Errorf("%+v", r)
	}
}

func TestHTTPAddress(t *testing.T) {
	a, err := app.Start(t.Context(), settings(t), app.Options{LogTo: &buffer{}, Data: app.DataNone})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get("http://" + a.HTTPAddr() + "/readyz")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Error(resp, err)
	}
	_ = resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := a.Wait(ctx); err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + a.HTTPAddr() + "/readyz"); err == nil {
		t.Error("the address still answers")
	}
}

func TestFullServerTurnsNewCallsAwayAndKeepsRunningOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{Latency: llmsim.Latency{Median: time.Second}}, "--max-workers=2", "--queue-limit=1")
		n := 0
		for r, err := range w.client.ClassifyStream(t.Context(), goods(20, nil), credenza.Options{BatchSize: 1}).Results() {
			if err != nil || r.Err != nil {
				t.Fatal(err, r.Err)
			}
			if n++; n != 4 {
				continue
			}
			synctest.Wait() // for the items that the results made room for
			_, err := w.client.Classify(t.Context(), credenza.Item{ProductName: "stool"}, credenza.Options{})
			var e *credenza.Error
			if !errors.As(err, &e) || e.Code != "RESOURCE_EXHAUSTED" || e.Reason != "SERVER_FULL" || e.RetryAfter == 0 {
				t.Errorf("a new call was answered %v", err)
			}
		}
		if n != 20 {
			t.Errorf("the running call has %d results", n)
		}
	})
}

func TestKeyGroups(t *testing.T) {
	t.Setenv("TEAM_KEY", "sk-0123456789team")
	synctest.Test(t, func(t *testing.T) {
		groups := `[{name: team, keys: [$TEAM_KEY, {secret: sk-0123456789gone, weight: 2}], base_url: "http://model.test/v1", models: {gpt-6-luna: house-model}, requests_per_minute: 600}]`
		w := build(t, llmsim.Config{Models: []string{"house-model"}, Keys: []llmsim.Key{{Secret: "sk-0123456789team"}}},
			"--openai-api-key=", "--openai-base-url=", "--key-groups="+groups)
		began := time.Now()
		for r, err := range w.client.ClassifyStream(t.Context(), goods(100, nil), credenza.Options{}).Results() {
			if err != nil || r.Err != nil || r.Trace.Model != "house-model" {
				t.Fatal(err, r.Err, r.Trace.Model)
			}
		}
		if took := time.Since(began); took < 8*time.Second {
			t.Errorf("100 items took %v at 600 a minute", took)
		}
		s, err := w.client.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if g := s.Groups; len(g) != 1 || g[0].Requests == nil || g[0].Requests.Limit != 600 {
			t.Errorf("groups %+v", g)
		}
		if len(s.Keys) != 2 || s.Keys[1].Retired == "" || s.Keys[0].Suffix != "team" || s.Keys[1].Failures == 0 {
			t.Errorf("keys %+v", s.Keys)
		}
	})
}

func TestKeyGroup_WithoutABaseURLTakesTheCommonOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{}, "--openai-api-key=", "--openai-base-url=http://model.test/v1", "--key-groups=[{name: team, keys: [sk-0123456789team]}]")
		if _, err := w.client.Classify(t.Context(), credenza.Item{ProductName: "stool"}, credenza.Options{ItemTimeout: 10 * time.Second}); err != nil {
			t.Error(err)
		}
	})
}

func TestKeyGroupProblems(t *testing.T) {
	for text, want := range map[string]string{
		"[{name: a}]":                                                          "no keys",
		"[{name: a, keys: [$NO_SUCH_KEY_HERE]}]":                               "NO_SUCH_KEY_HERE",
		"[{name: a, keys: [k]}, {name: a, keys: [l]}]":                         "twice",
		"[{name: a, key: sk-0123456789secret}]":                                "line 1",
		"[{name: a, keys: [k], base_url: 'ftp://x'}]":                          "base URL",
		"[{name: a, keys: [k], tokens_per_minute: -1}]":                        "negative",
		"[{name: a, keys: [{secret: k, weight: -1}]}]":                         "weight",
		"[{keys: [k], base_url: 'http://u:sk-0123456789@x/v1'}]":               "user or password",
		"[{keys: [sk-0123456789abcd]}, {keys: [l, sk-0123456789abcd]}]":        `key-groups: the key ...abcd is there twice`,
		"[{keys: [k], models: {other: x}}, {keys: [l], models: {another: x}}]": `openai-model: no key group serves "gpt-6-luna"`,
	} {
		c, err := parse("--key-groups=" + text)
		if err == nil {
			var a *app.App
			if a, err = app.Start(t.Context(), c, app.Options{LogTo: &buffer{}, Data: app.DataNone}); err == nil {
				_ = a.Close(t.Context())
			}
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "0123456789") {
			t.Errorf("%s: %v, want something about %q", text, err, want)
		}
	}
}

func TestEveryModelNeedsAGroup(t *testing.T) {
	groups := "[{keys: [k], models: {gpt-6-luna: x}}, {keys: [k], models: {b: x}, base_url: 'http://other.test/v1'}]"
	for models, want := range map[string]string{"b": "", "b,c": `models: no key group serves "c"`} {
		a, err := app.Start(t.Context(), settings(t, "--models="+models, "--key-groups="+groups), app.Options{LogTo: &buffer{}, Data: app.DataNone})
		if err == nil {
			err = errors.Join(a.Close(t.Context()), errors.New(""))
		}
		if !strings.HasPrefix(err.Error(), want) || (want == "") != (err.Error() == "") {
			t.Errorf("%s: got %q, want %q", models, err, want)
		}
	}
}

func TestHedgingOvertakesStragglers(t *testing.T) {
	play := func(t *testing.T, flags ...string) (took time.Duration, calls int64) {
		synctest.Test(t, func(t *testing.T) {
			w := build(t, llmsim.Config{Seed: 5, Latency: llmsim.Latency{Median: 200 * time.Millisecond, Sigma: 0.2}},
				append(flags, "--max-workers=16")...)
			items := goods(600, func(i int, it *credenza.Item) {
				if i == 590 {
					it.Description = "sim:hangx1"
				}
			})
			began := time.Now()
			for r, err := range w.client.ClassifyStream(t.Context(), items, credenza.Options{}).Results() {
				if err != nil || r.Err != nil {
					t.Fatal(err, r.Err)
				}
			}
			took, calls = time.Since(began), w.sim.Stats().Calls
			for _, line := range []string{fmt.Sprintf("credenza_hedges_total %d\n", calls-600), "credenza_leases_misused_total 0\n"} {
				if len(flags) > 0 && !strings.Contains(w.metrics(t), line) {
					t.Errorf("the metrics lack %s", line)
				}
			}
		})
		return took, calls
	}
	plain, _ := play(t)
	hedged, calls := play(t, "--hedge-share=0.05")
	if hedged > plain-4*time.Second || calls > 635 {
		t.Errorf("%v with hedging (%d calls), %v without", hedged, calls, plain)
	}
}
