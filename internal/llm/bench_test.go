package llm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openai/openai-go"
	"github.com/openai/openai-go/option"
	"github.com/tidwall/gjson"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/llm"
)

// The benchmarks compare Ask with what one would write without it: openai-go
// with typed parameters and replies, in a loop. "call" has a transport that
// answers at once, so that the figure is the client's work alone; "loopback" is
// a whole exchange, the trivial server's share included.

// benchReplies are answers of the usual size: without log-probabilities, with those of
// the tokens alone, and with five alternatives of each.
func benchReplies() map[string]string {
	content := strings.Replace(good, "A sofa.", strings.Repeat("The name says sofa, and wool is soft. ", 6), 1)
	sorted := gjson.Parse(completion(content, "", 0.9))
	choice := sorted.Get("choices.0")
	logprobs := fmt.Sprintf(`{"id":"chatcmpl-1","choices":[{"index":0,"message":%s,"logprobs":%s,"finish_reason":"stop"}],"usage":%s}`,
		choice.Get("message").Raw, choice.Get("logprobs").Raw, sorted.Get("usage").Raw)
	five := strings.Repeat(`{"token":"abc","logprob":-3.25,"bytes":[97,98,99]},`, 5)
	return map[string]string{
		"plain": completion(content, "", 0), "logprobs": logprobs,
		"top": strings.ReplaceAll(logprobs, `"top_logprobs":[]`, `"top_logprobs":[`+strings.TrimSuffix(five, ",")+`]`),
	}
}

// BenchmarkReadReply reads a reply up to the confidence.
func BenchmarkReadReply(b *testing.B) {
	for name, reply := range benchReplies() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(reply)))
			b.ReportAllocs()
			for b.Loop() {
				llm.ReadReply(reply)
			}
		})
	}
}

// instant answers every request with the same bytes, having read the request.
type instant string

func (i instant) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	_ = r.Body.Close()
	return &http.Response{
		StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header:        http.Header{"Content-Type": {"application/json"}},
		ContentLength: int64(len(i)), Body: io.NopCloser(strings.NewReader(string(i))),
	}, nil
}

func benchQuestions() map[string]catalog.Question {
	picture := sofa()
	picture.Picture = &catalog.Picture{Data: bytes.Repeat([]byte{0xff, 0xd8, 3, 7}, 25<<10), MediaType: "image/jpeg"}
	return map[string]catalog.Question{"text": sofa(), "picture": picture}
}

func BenchmarkAsk(b *testing.B) {
	each(b, func(b *testing.B, q catalog.Question, base string, transport http.RoundTripper) {
		c, err := llm.New(llm.Config{Model: "m", Transport: transport}, newGate(b, base, 64, testKey), newPrompt(b))
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		for b.Loop() {
			if _, err := c.Ask(context.Background(), q); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkBareOpenAI(b *testing.B) {
	each(b, func(b *testing.B, q catalog.Question, base string, transport http.RoundTripper) {
		if transport == nil {
			own := http.DefaultTransport.(*http.Transport).Clone()
			defer own.CloseIdleConnections()
			transport = own
		}
		api := openai.NewClient(option.WithAPIKey(testKey), option.WithBaseURL(base), option.WithMaxRetries(0),
			option.WithHTTPClient(&http.Client{Transport: transport}))
		p := newPrompt(b)
		var schema map[string]any
		if err := json.Unmarshal([]byte(p.Schema()), &schema); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			user := string(p.AppendUser(nil, q.Item, q.Picture != nil))
			res, err := api.Chat.Completions.New(context.Background(), typedParams(p.System(), user, schema, q.Picture))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := p.Parse(res.Choices[0].Message.Content); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func typedParams(system, user string, schema any, picture *catalog.Picture) openai.ChatCompletionNewParams {
	message := openai.UserMessage(user)
	if picture != nil {
		message = openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
			openai.TextContentPart(user),
			openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: dataURL(picture), Detail: "auto"}),
		})
	}
	return openai.ChatCompletionNewParams{
		Model:               "m",
		Messages:            []openai.ChatCompletionMessageParamUnion{openai.SystemMessage(system), message},
		Temperature:         openai.Float(0),
		MaxCompletionTokens: openai.Int(600),
		Logprobs:            openai.Bool(true),
		ResponseFormat: openai.ChatCompletionNewParamsResponseFormatUnion{
			OfJSONSchema: &openai.ResponseFormatJSONSchemaParam{
				JSONSchema: openai.ResponseFormatJSONSchemaJSONSchemaParam{Name: "classification", Strict: openai.Bool(true), Schema: schema},
			},
		},
	}
}

// each runs f for every kind of question, reply and transport. A nil transport
// is the client's own.
func each(b *testing.B, f func(b *testing.B, q catalog.Question, base string, transport http.RoundTripper)) {
	for kind, q := range benchQuestions() {
		for name, reply := range benchReplies() {
			b.Run(kind+"/"+name+"/call", func(b *testing.B) {
				b.ReportAllocs()
				f(b, q, baseURL, instant(reply))
			})
			b.Run(kind+"/"+name+"/loopback", func(b *testing.B) {
				web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					w.Header().Set("Content-Type", "application/json")
					_, _ = io.WriteString(w, reply)
				}))
				defer web.Close()
				b.ReportAllocs()
				f(b, q, web.URL+"/v1", nil)
			})
		}
	}
}
