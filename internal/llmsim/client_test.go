package llmsim_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/openai/openai-go"
	"github.com/openai/openai-go/option"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// client is the provider's own client on a simulator in memory.
type client struct {
	service openai.ChatCompletionService
	http    *http.Client
	root    string
}

func connect(t testing.TB, sim *llmsim.Server) client {
	t.Helper()
	local := testkit.Serve(sim)
	t.Cleanup(local.Close)
	return clientOf(local.Client, local.URL)
}

func clientOf(c *http.Client, url string) client {
	return client{
		http: c, root: strings.TrimSuffix(url, "/v1"),
		service: openai.NewChatCompletionService(option.WithHTTPClient(c), option.WithBaseURL(url),
			option.WithMaxRetries(0), option.WithAPIKey("sk-test-0001")),
	}
}

// params is a question with the furniture schema.
func params(text string) openai.ChatCompletionNewParams {
	p := plainParams(text)
	p.ResponseFormat = formatOf(classificationSchema, true)
	return p
}

func plainParams(text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    "gpt-4o-mini",
		Messages: []openai.ChatCompletionMessageParamUnion{openai.SystemMessage("Classify."), openai.UserMessage(text)},
	}
}

func formatOf(schema string, strict bool) openai.ChatCompletionNewParamsResponseFormatUnion {
	return openai.ChatCompletionNewParamsResponseFormatUnion{
		OfJSONSchema: &openai.ResponseFormatJSONSchemaParam{
			JSONSchema: openai.ResponseFormatJSONSchemaJSONSchemaParam{
				Name: "classification", Strict: openai.Bool(strict), Schema: json.RawMessage(schema),
			},
		},
	}
}

const classificationSchema = `{"type":"object","additionalProperties":false,
	"required":["category","confidence","style","tags","review"],"properties":{
	"category":{"type":"string","enum":["SOFA","CHAIR","NIGHTSTAND","OTHER"]},
	"confidence":{"type":"number","minimum":0,"maximum":1},
	"style":{"type":["string","null"],"enum":["SHABBY_CHIC","MODERN",null]},
	"tags":{"type":"array","minItems":3,"maxItems":5,"items":{"type":"string"}},
	"review":{"type":"boolean"}}}`

func (c client) ask(p openai.ChatCompletionNewParams, opts ...option.RequestOption) (*openai.ChatCompletion, error) {
	return c.service.New(context.Background(), p, opts...)
}

// answer asks and fails the test if there is no answer.
func (c client) answer(t testing.TB, p openai.ChatCompletionNewParams, opts ...option.RequestOption) *openai.ChatCompletion {
	t.Helper()
	got, err := c.ask(p, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// statusOf is the HTTP status behind an error, 200 for nil and 0 where there was
// no answer.
func statusOf(err error) int {
	if err == nil {
		return http.StatusOK
	}
	if e, ok := errors.AsType[*openai.Error](err); ok {
		return e.StatusCode
	}
	return 0
}

// messageOf is the message of the provider's error behind an error.
func messageOf(err error) string {
	if e, ok := errors.AsType[*openai.Error](err); ok {
		return e.Message
	}
	return ""
}

func content(c *openai.ChatCompletion) string { return c.Choices[0].Message.Content }
