package rpc_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/rpc"
	"github.com/credenza-dev/credenza/internal/upstream"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

func TestItemsArriveAsSent(t *testing.T) {
	sent := credenza.Item{
		ID: "1", ProductName: "Ekerö", Description: "d", Type: "t", Category: "c",
		Styles: []string{"s1", "s2"}, Tags: []string{"t1"}, PriceRange: "1-2 €",
		ProductURL: "https://p", ImageURL: "not a url", ImageData: []byte{0xff, 0},
		Attributes: map[string]string{"material": "oak"},
	}
	want := &catalog.Item{
		ID: "1", Name: "Ekerö", Description: "d", Type: "t", Category: "c",
		Styles: []string{"s1", "s2"}, Tags: []string{"t1"}, PriceRange: "1-2 €",
		ProductURL: "https://p", ImageURL: "not a url", ImageData: []byte{0xff, 0},
		Attributes: map[string]string{"material": "oak"},
	}
	var got []*catalog.Item
	s := start(t, setup{engine: fakeEngine{
		run: func(ctx context.Context, _ classify.Call, next classify.Source, _ classify.Sink) (catalog.Summary, error) {
			item, err := next(ctx)
			got = append(got, item)
			return catalog.Summary{}, err
		},
		classify: func(_ context.Context, _ classify.Call, item *catalog.Item) (catalog.Outcome, error) {
			got = append(got, item)
			return sofa(0, item), nil
		},
	}})
	c, ctx := s.client(t), context.Background()
	if err := <-begin(c.ClassifyStream(ctx, []credenza.Item{sent}, credenza.Options{})); err != nil {
		t.Fatal(err)
	}
	one := func(yield func(credenza.Item) bool) { yield(sent) }
	if err := <-begin(c.Feed(ctx, one, credenza.Options{})); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Classify(ctx, sent, credenza.Options{}); err != nil {
		t.Fatal(err)
	}
	equal(t, []*catalog.Item{want, want, want}, got)
}

func TestOptionsArriveAsSent(t *testing.T) {
	for _, tc := range []struct {
		name string
		sent credenza.Options
		want catalog.Options
	}{
		{name: "defaults"},
		{name: "text", sent: credenza.Options{Mode: credenza.Text}, want: catalog.Options{Mode: catalog.ModeText}},
		{name: "refresh", sent: credenza.Options{Cache: credenza.CacheRefresh}, want: catalog.Options{CachePolicy: catalog.CacheRefresh}},
		{
			name: "all",
			sent: credenza.Options{
				Mode: credenza.Image, BatchSize: 7, InOrder: true, Bulk: true, Cache: credenza.CacheBypass,
				FailWithoutPicture: true, Model: "small", ItemTimeout: 3 * time.Second,
			},
			want: catalog.Options{
				Mode: catalog.ModeImage, BatchSize: 7, Delivery: catalog.InOrder, Priority: catalog.Bulk,
				CachePolicy: catalog.CacheBypass, ImageFallback: catalog.FallbackError, Model: "small", ItemTimeout: 3 * time.Second,
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []classify.Call
			s := start(t, setup{config: rpc.Config{Models: []string{"small"}}, engine: fakeEngine{
				run: func(_ context.Context, call classify.Call, _ classify.Source, _ classify.Sink) (catalog.Summary, error) {
					got = append(got, call)
					return catalog.Summary{}, nil
				},
			}})
			c, ctx := s.client(t), context.Background()
			if err := <-begin(c.ClassifyStream(ctx, make([]credenza.Item, 3), tc.sent)); err != nil {
				t.Fatal(err)
			}
			if err := <-begin(c.Feed(ctx, nothing, tc.sent)); err != nil {
				t.Fatal(err)
			}
			equal(t, tc.want, got[0].Options)
			equal(t, tc.want, got[1].Options)
			equal(t, []int64{3, 0}, []int64{got[0].Total, got[1].Total})
		})
	}
}

func TestUnspecifiedMeansTheDefault(t *testing.T) {
	var got classify.Call
	s := start(t, setup{engine: fakeEngine{classify: func(_ context.Context, call classify.Call, item *catalog.Item) (catalog.Outcome, error) {
		got = call
		return sofa(0, item), nil
	}}})
	if _, err := s.rawItems(t).Classify(context.Background(), &credenzav1.ClassifyRequest{Item: &credenzav1.Item{}}); err != nil {
		t.Fatal(err)
	}
	equal(t, catalog.Options{}, got.Options)
}

var fullTrace = catalog.Trace{
	Attempts: 2, Cached: true, Deduplicated: true, Backend: "openai", Model: "m", QueueTime: time.Second,
	Latency: 2 * time.Second, Usage: catalog.Usage{Prompt: 3, CachedPrompt: 2, Completion: 1, CacheWrites: 11, Reasoning: 12}, Taxonomy: "t", PromptVersion: "p", DescriptionCut: true,
}

var wantTrace = credenza.Trace{
	Attempts: 2, Cached: true, Deduplicated: true, Backend: "openai", Model: "m", QueueTime: time.Second,
	Latency: 2 * time.Second, PromptTokens: 3, CachedPromptTokens: 2, CompletionTokens: 1, CacheWriteTokens: 11, ReasoningTokens: 12, TaxonomyVersion: "t", PromptVersion: "p", DescriptionCut: true,
}

func TestResultsArriveAsSent(t *testing.T) {
	outcomes := []catalog.Outcome{
		{
			Index: 4, ID: "id", Name: "name", Trace: fullTrace,
			Classification: catalog.Classification{
				Category: "BED", Confidence: 0.75, ConfidenceSource: catalog.FromLogprobs, PrimaryStyle: "MODERN",
				SecondaryStyle: "COASTAL", StyleTags: []string{"a", "b"}, PlacementTags: []string{"c"},
				Reasoning: "because", Evidence: catalog.EvidenceText, NeedsReview: true,
			},
			ImageErr: fault.New(fault.ImageTooLarge, "too large").WithSummary(fault.PictureTooLarge),
		},
		{Index: 5, Err: fault.New(fault.RateLimited, "wait").After(time.Minute)},
		{Index: 6, Name: strings.Repeat("ö", 600), Classification: catalog.Classification{Confidence: 0.5, ConfidenceSource: catalog.FromModel, Evidence: catalog.EvidencePicture}},
		{Index: 8, Classification: catalog.Classification{ConfidenceSource: catalog.NoConfidence, NeedsReview: true}},
		{Index: 7, Classification: catalog.Classification{ConfidenceSource: catalog.FromLexicon, Reasoning: "cut \xc3", StyleTags: []string{"a", "\xff"}}},
		{Index: 8, Err: fault.New(fault.Cancelled, "not an item's reason")},
	}
	want := []credenza.Result{
		{
			Index: 4, ItemID: "id", ProductName: "name", Trace: wantTrace,
			Classification: credenza.Classification{
				Category: "BED", Confidence: 0.75, ConfidenceSource: "LOGPROBS", PrimaryStyle: "MODERN",
				SecondaryStyle: "COASTAL", StyleTags: []string{"a", "b"}, PlacementTags: []string{"c"},
				Reasoning: "because", Evidence: "TEXT", NeedsReview: true,
			},
			ImageErr: &credenza.ItemError{Reason: "IMAGE_TOO_LARGE", Message: "too large", Summary: "too large"},
		},
		{Index: 5, Err: &credenza.ItemError{Reason: "RATE_LIMITED", Message: "wait", Retryable: true, RetryAfter: time.Minute}},
		{Index: 6, ProductName: strings.Repeat("ö", 512), Classification: credenza.Classification{Confidence: 0.5, ConfidenceSource: "MODEL", Evidence: "PICTURE"}},
		{Index: 8, Classification: credenza.Classification{ConfidenceSource: "NONE", NeedsReview: true}},
		{Index: 7, Classification: credenza.Classification{ConfidenceSource: "LEXICON", Reasoning: "cut ", StyleTags: []string{"a", ""}}},
		{Index: 8, Err: &credenza.ItemError{Reason: "INTERNAL", Message: "not an item's reason", Retryable: true}},
	}
	at := time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)
	progress := catalog.Progress{Done: 5, Failed: 2, Total: 9}
	summary := catalog.Summary{
		Total: 9, Succeeded: 7, Failed: 2, FailuresByReason: map[string]int64{"REFUSED": 2}, Cached: 3, Deduplicated: 4,
		UpstreamCalls: 5, Usage: catalog.Usage{Prompt: 6, CachedPrompt: 7, Completion: 8, CacheWrites: 10, Reasoning: 11}, Elapsed: time.Second, PeakConcurrency: 9,
	}
	s := start(t, setup{engine: fakeEngine{
		run: func(_ context.Context, _ classify.Call, _ classify.Source, send classify.Sink) (catalog.Summary, error) {
			return summary, send(catalog.Batch{ID: 3, Kind: catalog.KindImage, Outcomes: outcomes, At: at, Progress: progress})
		},
		classify: func(context.Context, classify.Call, *catalog.Item) (catalog.Outcome, error) { return outcomes[0], nil },
	}})
	wantBatch := credenza.Batch{
		ID: 3, ProcessingType: "image_multithreaded", Results: want, Time: at,
		Progress: credenza.Progress{Done: 5, Failed: 2, Total: 9},
	}
	wantSummary := credenza.Summary{
		Total: 9, Succeeded: 7, Failed: 2, FailuresByReason: map[string]int64{"REFUSED": 2}, Cached: 3, Deduplicated: 4,
		UpstreamCalls: 5, PromptTokens: 6, CachedPromptTokens: 7, CompletionTokens: 8, CacheWriteTokens: 10, ReasoningTokens: 11, Elapsed: time.Second, PeakConcurrency: 9,
	}
	c, ctx := s.client(t), context.Background()
	for name, stream := range map[string]*credenza.Stream{
		"stream": c.ClassifyStream(ctx, []credenza.Item{{}}, credenza.Options{}),
		"feed":   c.Feed(ctx, nothing, credenza.Options{}),
	} {
		t.Run(name, func(t *testing.T) {
			for batch, err := range stream.Batches() {
				if err != nil {
					t.Fatal(err)
				}
				equal(t, wantBatch, batch)
			}
			equal(t, wantSummary, stream.Summary())
		})
	}
	one, err := c.Classify(ctx, credenza.Item{}, credenza.Options{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, want[0], one)
}

func TestEveryItemReasonIsInTheContract(t *testing.T) {
	var outcomes []catalog.Outcome
	for _, reason := range fault.ItemReasons() {
		outcomes = append(outcomes, catalog.Outcome{Err: fault.New(reason, "x")})
	}
	s := start(t, setup{engine: fakeEngine{
		run: func(_ context.Context, _ classify.Call, _ classify.Source, send classify.Sink) (catalog.Summary, error) {
			return catalog.Summary{}, send(catalog.Batch{Outcomes: outcomes})
		},
	}})
	i := 0
	for result, err := range s.client(t).ClassifyStream(context.Background(), []credenza.Item{{}}, credenza.Options{}).Results() {
		if err != nil {
			t.Fatal(err)
		}
		want := outcomes[i].Err
		if result.Err.Reason != credenza.Reason(want.Reason.String()) || result.Err.Retryable != want.Retryable() {
			t.Errorf("got %+v, want %v", result.Err, want.Reason)
		}
		i++
	}
	equal(t, len(outcomes), i)
}

func TestTaxonomy(t *testing.T) {
	s := start(t, setup{})
	got, err := s.client(t).Taxonomy(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, credenza.Taxonomy{
		Version:    "v-test",
		Categories: []credenza.Category{{Name: "SOFA", Description: "to sit on", Placements: []string{"living room"}}},
		Styles: []credenza.Style{{
			Name: "MODERN", Description: "plain", Keywords: []string{"clean"}, Palette: []string{"white"}, Tags: []string{"sleek"},
		}},
	}, got)
}

func TestOperations(t *testing.T) {
	begun := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	operations := fakeOperations{
		settings: rpc.Settings{MaxWorkers: 8, LogLevel: zapcore.InfoLevel},
		status: rpc.Status{
			Version: "v1", Start: begun, Backend: "openai", Model: "m",
			Gate: upstream.Status{
				Limit: 1, InFlight: 2, Ceiling: 3, Fixed: 3, QueuedInteractive: 4, QueuedBulk: 5,
				Groups: []upstream.GroupStatus{{
					Name: "g", Keys: []upstream.KeyStatus{{Suffix: "wxyz", InFlight: 1, Calls: math.MaxInt64, Failures: 3}},
				}},
			},
			Profiles: []catalog.Profile{{
				Groups: []string{"g"}, Model: "m-1", Settled: true,
				Parts: []catalog.ProfilePart{{Name: "format", Value: "text", Source: catalog.FromExperience}, {Name: "stream", Value: "false"}},
			}},
			Upstream: upstream.LatencyStatus{Count: 6, Mean: 7, P50: 8, P95: 9, P99: 10},
			Cache:    &rpc.CacheStatus{Entries: 1, Bytes: 2, Hits: 3, Misses: 4},
			Settings: rpc.Settings{MaxWorkers: 8, LogLevel: zapcore.WarnLevel},
		},
	}
	s := start(t, setup{operations: operations})
	c, ctx := s.client(t), context.Background()
	got, err := c.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, credenza.Status{
		Version: "v1", StartTime: begun, Backend: "openai", Model: "m", Ready: true,
		Pool:     credenza.Pool{Limit: 1, InUse: 2, Ceiling: 3, Fixed: true},
		Queue:    credenza.Queue{Interactive: 4, Bulk: 5},
		Upstream: credenza.Latency{Samples: 6, Mean: 7, P50: 8, P95: 9, P99: 10},
		Keys:     []credenza.Key{{Suffix: "wxyz", Group: "g", InFlight: 1, Calls: math.MaxInt64, Failures: 3}},
		Groups:   []credenza.Group{{Name: "g"}},
		Profiles: []credenza.Profile{{
			Groups: []string{"g"}, Model: "m-1", Settled: true,
			Parts: []credenza.ProfilePart{{Name: "format", Value: "text", Source: "LEARNED"}, {Name: "stream", Value: "false", Source: "DEFAULT"}},
		}},
		Cache:    &credenza.Cache{Entries: 1, Bytes: 2, Hits: 3, Misses: 4},
		Settings: credenza.Settings{MaxWorkers: 8, LogLevel: "WARN"},
	}, got)

	for _, tc := range []struct {
		change, want credenza.Settings
	}{
		{credenza.Settings{}, credenza.Settings{MaxWorkers: 8, LogLevel: "INFO"}},
		{credenza.Settings{MaxWorkers: 16}, credenza.Settings{MaxWorkers: 16, LogLevel: "INFO"}},
		{credenza.Settings{LogLevel: "debug"}, credenza.Settings{MaxWorkers: 16, LogLevel: "DEBUG"}},
		{credenza.Settings{LogLevel: "WARN"}, credenza.Settings{MaxWorkers: 16, LogLevel: "WARN"}},
		{credenza.Settings{MaxWorkers: 4096, LogLevel: "error"}, credenza.Settings{MaxWorkers: 4096, LogLevel: "ERROR"}},
	} {
		got, err := c.UpdateSettings(ctx, tc.change)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, tc.want, got)
	}
}

func TestOneLogLineAndOneCountForEachCall(t *testing.T) {
	s := start(t, setup{})
	c, ctx := s.client(t), context.Background()
	serving(t, s.raw(t), "")
	if err := <-begin(c.ClassifyStream(ctx, make([]credenza.Item, 50), credenza.Options{})); err != nil {
		t.Fatal(err)
	}
	if err := <-begin(c.ClassifyStream(ctx, nil, credenza.Options{})); err == nil {
		t.Fatal("an empty call was taken")
	}
	lines := s.logs.All()
	if len(lines) != 2 {
		t.Fatalf("%d lines: %v", len(lines), lines)
	}
	for i, code := range []string{"OK", "InvalidArgument"} {
		fields := lines[i].ContextMap()
		if fields["grpc.method"] != "ClassifyStream" || fields["grpc.code"] != code || fields["caller"] == "" {
			t.Errorf("got %v", fields)
		}
		if ms, ok := fields["grpc.time_ms"].(float64); !ok || ms < 0 {
			t.Errorf("the time is %v", fields["grpc.time_ms"])
		}
	}
	if lines[0].ContextMap()["caller"] == lines[1].ContextMap()["caller"] {
		t.Error("two callers have one name")
	}
	equal(t, map[string]float64{"OK": 1, "InvalidArgument": 1}, s.handled(t, "ClassifyStream"))
	equal(t, map[string]float64{"OK": 1}, s.handled(t, "Check"))
}

// handled is how many calls of a method ended, by code.
func (r *running) handled(t *testing.T, method string) map[string]float64 {
	t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, family := range families {
		if family.GetName() != "grpc_server_handled_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if n := m.GetCounter().GetValue(); labels["grpc_method"] == method && n > 0 {
				counts[labels["grpc_code"]] = n
			}
		}
	}
	return counts
}
