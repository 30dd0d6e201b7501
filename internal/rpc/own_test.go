package rpc_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/pkg/credenza"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// shared answers a stream with one batch of results that came from the cache.
func shared(results int, reasoning string) fakeEngine {
	outcome := func(i int64, item *catalog.Item) catalog.Outcome {
		o := sofa(i, item)
		o.Classification.Reasoning = reasoning
		o.Trace = catalog.Trace{Cached: true, Deduplicated: true, Attempts: 3, Backend: "openai", Usage: catalog.Usage{Prompt: 5}}
		return o
	}
	return fakeEngine{
		run: func(_ context.Context, _ classify.Call, _ classify.Source, send classify.Sink) (catalog.Summary, error) {
			b := catalog.Batch{ID: 1, Progress: catalog.Progress{Done: int64(results), Total: int64(results)}}
			var s catalog.Summary
			for i := range results {
				o := outcome(int64(i), &catalog.Item{Name: fmt.Sprint(i)})
				s.Add(&o)
				b.Outcomes = append(b.Outcomes, o)
			}
			return s, send(b)
		},
		classify: func(_ context.Context, _ classify.Call, item *catalog.Item) (catalog.Outcome, error) {
			return outcome(0, item), nil
		},
	}
}

func TestSharedWork_IsShownToCallersThatMayKnow(t *testing.T) {
	for name, tt := range map[string]struct {
		token string // empty: there is no token file
		shows bool
	}{"no token file": {"", true}, "classify": {"shop-token", false}, "operate": {"both-token", true}} {
		t.Run(name, func(t *testing.T) {
			spent := catalog.Job{ID: "j", Usage: catalog.Usage{Prompt: 2, Completion: 1}}
			s := setup{engine: shared(1, ""), jobs: &fakeJobs{get: func(context.Context) (catalog.Job, error) { return spent, nil }}}
			var options []credenza.Option
			if tt.token != "" {
				s.tokens = testTokens(t)
				options = append(options, credenza.WithToken(tt.token))
			}
			c := start(t, s).client(t, options...)
			one, err := c.Classify(t.Context(), credenza.Item{ProductName: "a"}, credenza.Options{})
			if err != nil {
				t.Fatal(err)
			}
			call := c.ClassifyStream(t.Context(), []credenza.Item{{ProductName: "a"}}, credenza.Options{})
			for r, err := range call.Results() {
				if err != nil {
					t.Fatal(err)
				}
				for _, trace := range []credenza.Trace{one.Trace, r.Trace} {
					if seen := trace.Cached || trace.Deduplicated || trace.Attempts > 0 || trace.PromptTokens > 0; seen != tt.shows || trace.Backend != "openai" {
						t.Errorf("the trace is %+v", trace)
					}
				}
			}
			summary := call.Summary()
			if seen := summary.Cached+summary.Deduplicated+summary.UpstreamCalls+summary.PromptTokens > 0; seen != tt.shows || summary.Total != 1 {
				t.Errorf("the summary is %+v", summary)
			}
			job, err := c.Job(t.Context(), "j")
			if seen := job.PromptTokens+job.CompletionTokens > 0; err != nil || seen != tt.shows {
				t.Errorf("the job is %+v, %v", job, err)
			}
		})
	}
}

func TestBatch_HasNoMoreThan1MiB(t *testing.T) {
	const results = 1000
	engine := shared(results, strings.Repeat("x", 10_000))
	all := engine.run
	engine.run = func(ctx context.Context, call classify.Call, next classify.Source, send classify.Sink) (catalog.Summary, error) {
		return all(ctx, call, next, func(b catalog.Batch) error {
			for i := 0; i < results; i += 3 {
				b.Outcomes[i].Err = fault.New(fault.Refused, "no")
				b.Progress.Failed++
			}
			return send(b)
		})
	}
	c := start(t, setup{engine: engine}).rawItems(t)
	stream, err := c.ClassifyStream(t.Context(), &credenzav1.ClassifyStreamRequest{Items: items("a")})
	if err != nil {
		t.Fatal(err)
	}
	got, failed := 0, int64(0)
	for got < results {
		event, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		b := event.GetBatch()
		if n := proto.Size(event); n > 1<<20+100 {
			t.Errorf("a message has %d bytes", n)
		}
		for _, r := range b.GetResults() {
			if r.GetIndex() != int64(got) {
				t.Fatalf("result %d came in place of %d", r.GetIndex(), got)
			}
			got++
			if r.GetError() != nil {
				failed++
			}
		}
		if p := b.GetProgress(); p.GetDone() != int64(got) || p.GetFailed() != failed || b.GetBatchId() != 1 {
			t.Errorf("batch %d says that %v are done, of %d with %d that failed", b.GetBatchId(), p, got, failed)
		}
	}
}

func TestHTTP_RefusesWhatIsTheCallersFault(t *testing.T) {
	for name, tt := range map[string]struct {
		url, body string
		headers   []string
		status    int
		says      string
	}{
		"unknown type":            {atClassify, `{}`, []string{"Content-Type: text/plain"}, http.StatusUnsupportedMediaType, "send application/json"},
		"no type":                 {atClassify, `{}`, []string{"Content-Type: "}, http.StatusUnsupportedMediaType, "send application/json"},
		"bad time-out":            {atClassify, `{}`, []string{"Grpc-Timeout: soon"}, http.StatusBadRequest, `"code":"invalid_argument"`},
		"bad time-out of Connect": {atClassify, `{}`, []string{"Connect-Timeout-Ms: soon"}, http.StatusBadRequest, `"code":"invalid_argument"`},
		"good timeout":            {atClassify, `{"item":{"productName":"a"}}`, []string{"Grpc-Timeout: 5S"}, http.StatusOK, "SOFA"},
	} {
		t.Run(name, func(t *testing.T) {
			h := startHTTP(t, setup{})
			if status, text := h.post(t, tt.url, tt.body, tt.headers...); status != tt.status || !strings.Contains(text, tt.says) {
				t.Errorf("%d %s, want %d with %q", status, text, tt.status, tt.says)
			}
		})
	}
}

func TestTooLargeAMessage_HasItsReason(t *testing.T) {
	for _, tt := range []struct {
		url, media string
		bytes      int
	}{
		{atClassify, "application/json", 3000},
		{atClassify, "application/json", 20 << 20},
		{atClassify, "application/grpc-web+json", 3000},
		{atStream, "application/connect+json", 3000},
		{atStream, "application/connect+json", 20 << 20},
	} {
		t.Run(fmt.Sprint(tt.media, " ", tt.bytes), func(t *testing.T) {
			var s setup
			s.config.MaxRequestBytes = 1000
			h := startHTTP(t, s)
			body := `{"item":{"productName":"` + strings.Repeat("x", tt.bytes) + `"}}`
			if tt.media != "application/json" {
				body = envelope(body)
			}
			_, text := h.post(t, tt.url, body, "Content-Type: "+tt.media)
			if !strings.Contains(tt.media, "grpc") && !strings.Contains(text, "more than 1000 bytes") { // gRPC-Web says it in a header
				t.Errorf("got %.300q", text)
			}
			if n := h.logs.FilterMessage("finished call").FilterField(zap.String("reason", "MESSAGE_TOO_LARGE")).Len(); n != 1 {
				t.Errorf("the log has %d lines of it", n)
			}
		})
	}
}
