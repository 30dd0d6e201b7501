package tracing

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// The attributes of a call to the model, as the conventions for GenAI and for HTTP name them.
const (
	genOperation  = attribute.Key("gen_ai.operation.name")
	genProvider   = attribute.Key("gen_ai.provider.name")
	genRequest    = attribute.Key("gen_ai.request.model")
	genMaxTokens  = attribute.Key("gen_ai.request.max_tokens")
	genResponse   = attribute.Key("gen_ai.response.model")
	genResponseID = attribute.Key("gen_ai.response.id")
	genFinish     = attribute.Key("gen_ai.response.finish_reasons")
	genInput      = attribute.Key("gen_ai.usage.input_tokens")
	genOutput     = attribute.Key("gen_ai.usage.output_tokens")
	genCacheRead  = attribute.Key("gen_ai.usage.cache_read.input_tokens")
	genCacheWrite = attribute.Key("gen_ai.usage.cache_creation.input_tokens")
	genReasoning  = attribute.Key("gen_ai.usage.reasoning.output_tokens")
	genAsked      = attribute.Key("gen_ai.input.messages")
	genAnswered   = attribute.Key("gen_ai.output.messages")

	serverAddress = attribute.Key("server.address")
	serverPort    = attribute.Key("server.port")
	httpStatus    = attribute.Key("http.response.status_code")
	httpResent    = attribute.Key("http.request.resend_count")

	quotaGroup = attribute.Key("credenza.quota_group")
)

// providers are the conventions' names of the providers that have another one here.
var providers = map[string]string{
	"":        "openai", // whose API it is, if no more is known
	"azure":   "azure.ai.openai",
	"gemini":  "gcp.gemini",
	"mistral": "mistral_ai",
}

// Queued records a wait for a turn at the model, which has ended now.
func (t *Tracer) Queued(ctx context.Context, since time.Time, err error) {
	if t.Records(ctx) {
		t.part(ctx, "queue", since, time.Now(), reasonOf(fault.From(err)))
	}
}

// Called records a call to the model.
func (t *Tracer) Called(ctx context.Context, c *catalog.ModelCall) {
	provider, other := providers[c.Provider]
	if !other {
		provider = c.Provider
	}
	about := make([]attribute.KeyValue, 0, 20)
	about = append(about,
		genOperation.String("chat"), genProvider.String(provider), genRequest.String(c.Model),
		serverAddress.String(c.Host), quotaGroup.String(c.Group))
	for _, n := range []struct {
		key   attribute.Key
		value int64
	}{
		{serverPort, int64(c.Port)},
		{httpStatus, int64(c.Status)},
		{httpResent, int64(c.Attempt - 1)},
		{genMaxTokens, int64(c.MaxTokens)},
		{genInput, c.Usage.Prompt},
		{genOutput, c.Usage.Completion},
		{genCacheRead, c.Usage.CachedPrompt},
		{genCacheWrite, c.Usage.CacheWrites},
		{genReasoning, c.Usage.Reasoning},
	} {
		if n.value > 0 {
			about = append(about, n.key.Int64(n.value))
		}
	}
	for key, text := range map[attribute.Key]string{genResponse: c.ResponseModel, genResponseID: c.ResponseID} {
		if text != "" {
			about = append(about, key.String(text))
		}
	}
	if c.Finish != "" {
		about = append(about, genFinish.StringSlice([]string{c.Finish}))
	}
	if t.content {
		about = append(about, contentOf(c)...)
	}
	t.part(ctx, "chat "+c.Model, c.Began, c.Ended, reasonOf(c.Err), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(about...))
}

// capturesContent reports whether questions and answers are to be recorded.
func capturesContent() bool {
	wanted := strings.ToLower(os.Getenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"))
	return slices.Contains([]string{"true", "span_only", "span_and_event"}, wanted)
}

// message is one of a conversation, as the conventions have it.
type message struct {
	Role   string `json:"role"`
	Parts  []part `json:"parts"`
	Finish string `json:"finish_reason,omitempty"`
}

type part struct {
	Type    string `json:"type"`
	Content string `json:"content"`
}

// contentOf returns the question and the answer. The instructions, which are those of all
// questions, and pictures are left out.
func contentOf(c *catalog.ModelCall) []attribute.KeyValue {
	about := []attribute.KeyValue{genAsked.String(encoded(message{Role: "user", Parts: []part{{"text", c.Question}}}))}
	if c.Answer != "" {
		about = append(about, genAnswered.String(encoded(message{Role: "assistant", Parts: []part{{"text", c.Answer}}, Finish: c.Finish})))
	}
	return about
}

func encoded(m message) string {
	b, _ := json.Marshal([]message{m}) // texts alone, which never fails
	return string(b)
}
