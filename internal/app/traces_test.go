package app_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"

	"github.com/credenza-dev/credenza/internal/app"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// A caller's trace, and its headers with and without the mark that it is sampled.
const (
	callersTrace = "0af7651916cd43dd8448eb211c80319c"
	sampled      = "00-" + callersTrace + "-b7ad6b7169203331-01"
	notSampled   = "00-" + callersTrace + "-b7ad6b7169203331-00"
)

func within(ctx context.Context, traceparent string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "traceparent", traceparent)
}

// kept is an exporter that keeps its spans when the service ends.
type kept struct{ *tracetest.InMemoryExporter }

func (kept) Shutdown(context.Context) error { return nil }

func keep() kept { return kept{tracetest.NewInMemoryExporter()} }

// buildTraced starts a world whose spans are kept.
func buildTraced(t *testing.T, sim llmsim.Config, flags ...string) (*world, kept) {
	t.Helper()
	spans := keep()
	return buildWith(t, app.Options{Spans: spans}, sim, flags...), spans
}

// exported waits until a batch of spans is due, and returns all so far.
func (k kept) exported() tracetest.SpanStubs {
	time.Sleep(6 * time.Second)
	return k.GetSpans()
}

// attributes returns a span's attributes in words.
func attributes(s *tracetest.SpanStub) map[string]string {
	words := map[string]string{}
	for _, a := range s.Attributes {
		words[string(a.Key)] = a.Value.String()
	}
	return words
}

// tree writes each span under its parent, with its failure.
func tree(spans tracetest.SpanStubs) string {
	var b strings.Builder
	var write func(parent trace.SpanID, indent string)
	write = func(parent trace.SpanID, indent string) {
		for _, s := range slices.SortedFunc(slices.Values(spans), func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) }) {
			if s.Parent.SpanID() != parent {
				continue
			}
			failure := attributes(&s)["error.type"]
			fmt.Fprintln(&b, strings.TrimRight(indent+s.Name+" "+failure, " "))
			write(s.SpanContext.SpanID(), indent+"  ")
		}
	}
	caller, _ := trace.SpanIDFromHex("b7ad6b7169203331")
	write(caller, "")
	write(trace.SpanID{}, "root: ")
	return b.String()
}

// classifyIn classifies items in a stream, and fails the test if the call or an item fails.
func classifyIn(ctx context.Context, t *testing.T, c *credenza.Client, items ...credenza.Item) {
	t.Helper()
	for got, err := range c.ClassifyStream(ctx, items, credenza.Options{}).Results() {
		if err != nil || got.Err != nil {
			t.Fatal(err, got.Err)
		}
	}
}

func TestTraces_ShowTheWayOfAnItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, kept := buildTraced(t, llmsim.Config{Latency: llmsim.Latency{Median: 50 * time.Millisecond}})
		item := credenza.Item{ID: "secret-id", ProductName: "Secret chair sim:500x1", ImageData: []byte("no picture")}
		classifyIn(within(t.Context(), sampled), t, w.client, item)
		spans := kept.exported()
		const want = `credenza.v1.ClassificationService/ClassifyStream
  item
    picture IMAGE_UNSUPPORTED
    queue
    chat gpt-6-luna UPSTREAM_UNAVAILABLE
    queue
    chat gpt-6-luna
`
		if diff := cmp.Diff(want, tree(spans)); diff != "" {
			t.Errorf("spans (-want +got):\n%s", diff)
		}
		for _, s := range spans {
			if got := s.SpanContext.TraceID().String(); got != callersTrace {
				t.Errorf("%s is in the trace %s", s.Name, got)
			}
			if text := fmt.Sprint(s); strings.Contains(strings.ToLower(text), "secret") {
				t.Errorf("the product is in %s", text)
			}
		}
	})
}

// TestTraces_NameACallToTheModelByTheConventions compares all attributes of the spans of
// a first call that fails and of a second one.
func TestTraces_NameACallToTheModelByTheConventions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, kept := buildTraced(t, llmsim.Config{})
		classifyIn(within(t.Context(), sampled), t, w.client, credenza.Item{ProductName: "Oak chair sim:500x1"})
		var calls []map[string]string
		for _, s := range kept.exported() {
			if !strings.HasPrefix(s.Name, "chat ") {
				continue
			}
			if s.SpanKind != trace.SpanKindClient {
				t.Errorf("the kind is %v", s.SpanKind)
			}
			a := attributes(&s)
			for _, varies := range []string{"gen_ai.response.id", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.cache_creation.input_tokens"} {
				if a[varies] != "" {
					a[varies] = "..."
				}
			}
			calls = append(calls, a)
		}
		common := map[string]string{
			"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-6-luna", "gen_ai.request.max_tokens": "600",
			"server.address": "llmsim", "server.port": "80", "credenza.quota_group": "group 1",
		}
		failed, answered := maps.Clone(common), maps.Clone(common)
		maps.Copy(failed, map[string]string{"error.type": "UPSTREAM_UNAVAILABLE", "http.response.status_code": "500"})
		maps.Copy(answered, map[string]string{
			"http.response.status_code": "200", "http.request.resend_count": "1", "gen_ai.response.model": "gpt-6-luna", "gen_ai.response.id": "...",
			"gen_ai.response.finish_reasons": `["stop"]`, "gen_ai.usage.input_tokens": "...", "gen_ai.usage.output_tokens": "...", "gen_ai.usage.cache_creation.input_tokens": "...",
		})
		if diff := cmp.Diff([]map[string]string{failed, answered}, calls); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}

func TestTraces_HaveTextsOnlyIfAskedFor(t *testing.T) {
	for value, want := range map[string]bool{"": false, "false": false, "NO_CONTENT": false, "EVENT_ONLY": false, "true": true, "SPAN_ONLY": true} {
		t.Run(value, func(t *testing.T) {
			t.Setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", value)
			synctest.Test(t, func(t *testing.T) {
				w, kept := buildTraced(t, llmsim.Config{})
				classifyIn(within(t.Context(), sampled), t, w.client, credenza.Item{ProductName: "Purple chair"})
				for _, s := range kept.exported() {
					a := attributes(&s)
					asked, answered := strings.Contains(a["gen_ai.input.messages"], "Purple chair"), strings.Contains(a["gen_ai.output.messages"], "category")
					if chat := strings.HasPrefix(s.Name, "chat "); asked != (want && chat) || answered != asked {
						t.Errorf("%s has %v", s.Name, a)
					}
				}
			})
		})
	}
}

// TestTraces_SayWhatWasShared has items that are answered from memory and by the work of
// others.
func TestTraces_SayWhatWasShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, kept := buildTraced(t, llmsim.Config{Latency: llmsim.Latency{Median: 50 * time.Millisecond}})
		same := credenza.Item{ProductName: "Oak chair"}
		classifyIn(within(t.Context(), sampled), t, w.client, same, same)
		classifyIn(within(t.Context(), sampled), t, w.client, same)
		var got []string
		for _, s := range kept.exported() {
			if a := attributes(&s); s.Name == "item" {
				got = append(got, fmt.Sprintf("%s of %s: hit %s, shared %s, attempts %s",
					a["credenza.item.index"], a["credenza.item.kind"], a["credenza.cache.hit"], a["credenza.deduplicated"], a["credenza.item.attempts"]))
			}
		}
		slices.Sort(got)
		own, shared := "attempts 1", "shared true, attempts 0"
		if len(got) != 3 || !strings.Contains(strings.Join(got, "\n"), shared) || !strings.Contains(strings.Join(got, "\n"), own) ||
			!slices.Contains(got, "0 of text: hit true, shared false, attempts 0") {
			t.Errorf("items %q", got)
		}
	})
}

// TestTraces_FollowTheCallersDecision has calls that their callers do not sample.
func TestTraces_FollowTheCallersDecision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, kept := buildTraced(t, llmsim.Config{})
		ctx := within(t.Context(), notSampled)
		classifyIn(ctx, t, w.client, goods(3, nil)...)
		_, err := w.client.Classify(ctx, credenza.Item{}, credenza.Options{Model: "none"})
		checkTraceID(t, err, callersTrace)
		if spans := kept.exported(); len(spans) > 0 {
			t.Errorf("spans:\n%s", tree(spans))
		}
		if n := strings.Count(w.log.String(), `"trace_id":"`+callersTrace+`"`); n < 4 {
			t.Errorf("%d lines have the trace: %s", n, w.log)
		}
	})
}

func checkTraceID(t *testing.T, err error, want string) {
	t.Helper()
	e, ok := errors.AsType[*credenza.Error](err)
	if !ok || e.TraceID != want {
		t.Errorf("%v has the trace %+v, want %q", err, e, want)
	}
}

// TestTraces_AreInEachLineOfACall has a call of which items fail.
func TestTraces_AreInEachLineOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := buildTraced(t, llmsim.Config{})
		for _, err := range w.client.ClassifyStream(within(t.Context(), sampled), goods(3, func(_ int, it *credenza.Item) { it.ProductName = "sim:400" }),
			credenza.Options{InOrder: true}).Results() {
			if err != nil {
				t.Fatal(err)
			}
		}
		for line := range strings.Lines(w.log.String()) {
			if strings.Contains(line, `"caller"`) && !strings.Contains(line, callersTrace) {
				t.Errorf("no trace in %s", line)
			}
		}
	})
}

// TestTraces_AreOffUnlessAskedFor has calls that their callers trace and the service does not.
func TestTraces_AreOffUnlessAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := build(t, llmsim.Config{})
		ctx := within(t.Context(), sampled)
		classifyIn(ctx, t, w.client, goods(3, nil)...)
		_, err := w.client.Classify(ctx, credenza.Item{}, credenza.Options{Model: "none"})
		checkTraceID(t, err, "")
		if strings.Contains(w.log.String(), "trace_id") || strings.Contains(w.metrics(t), "trace_spans") {
			t.Errorf("something is traced: %s", w.log)
		}
	})
}

func TestTraces_CoverTheHTTPAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, kept := buildTraced(t, llmsim.Config{})
		client := &http.Client{Transport: &http.Transport{DialContext: w.web.DialContext, DisableKeepAlives: true}}
		post := func(path, body string) {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://memory"+path, strings.NewReader(body))
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("traceparent", sampled)
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
		post("/classify-category", `{"toggle": 1, "data": [{"title": "Oak bench"}]}`)
		post("/classify-category", `{"toggle": 7}`)
		post("/credenza.v1.ClassificationService/GetTaxonomy", `{}`)
		post("/grpc.health.v1.Health/Check", `{}`)
		got := tree(kept.exported())
		for _, want := range []string{
			"POST /classify-category\n  item\n    queue\n", "POST /classify-category INVALID_REQUEST\n", "credenza.v1.ClassificationService/GetTaxonomy\n",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is not in\n%s", want, got)
			}
		}
		if strings.Contains(got, "ealth") {
			t.Errorf("a probe is traced:\n%s", got)
		}
		for line := range strings.Lines(w.log.String()) {
			if strings.Contains(line, `"http.path"`) && !strings.Contains(line, callersTrace) {
				t.Errorf("no trace in %s", line)
			}
		}
	})
}

// TestTraces_GoToACollector exports over OTLP, and shows that in metrics.
func TestTraces_GoToACollector(t *testing.T) {
	collector := testkit.ServeCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc")
	t.Setenv("OTEL_SERVICE_NAME", "sorter")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
	a := startOn(t, "--backend=offline")
	classifyIn(within(t.Context(), sampled), t, dialTo(t, a), goods(3, nil)...)
	testkit.Await(t, "the spans are exported", func() bool { return len(collector.Spans()) == 4 })
	process := collector.Spans()[0].Process
	if process["service.name"] != "sorter" || process["deployment.environment.name"] != "test" || process["service.instance.id"] == "" || process["service.version"] != app.Version {
		t.Errorf("the process is %v", process)
	}
	if got := collector.Header().Get("Authorization"); got != "Bearer abc" {
		t.Errorf("authorization %q", got)
	}
	testkit.Await(t, "the spans are counted", func() bool { return value(t, scrape(t, a), `credenza_trace_spans_total{end="exported"}`) == 4 })
}
