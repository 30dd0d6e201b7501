package llmsim_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go"
	"github.com/openai/openai-go/option"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

func TestAnswersFollowTheSchema(t *testing.T) {
	c := connect(t, testkit.NewSim(t, llmsim.Config{}))
	categories, doubted := make(map[string]bool), 0
	for i := range 200 {
		text := content(c.answer(t, params(fmt.Sprint("item ", i))))
		var got struct {
			Category   string
			Confidence *float64
			Style      *string
			Tags       []string
			Review     *bool
		}
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&got); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		categories[got.Category] = true
		if got.Style == nil {
			doubted++
		}
		if got.Confidence == nil || *got.Confidence < 0 || *got.Confidence > 1 || got.Review == nil {
			t.Fatalf("confidence or review in %s", text)
		}
		if n := len(got.Tags); n < 3 || n > 5 || n != len(slices.Compact(slices.Sorted(slices.Values(got.Tags)))) {
			t.Fatalf("tags in %s", text)
		}
		order := regexp.MustCompile(`"(category|confidence|style|tags|review)":`).FindAllString(text, -1)
		if want := `["category": "confidence": "style": "tags": "review":]`; fmt.Sprint(order) != want {
			t.Fatalf("members in the order %v", order)
		}
	}
	for _, name := range []string{"SOFA", "CHAIR", "NIGHTSTAND", "OTHER"} {
		if !categories[name] || len(categories) != 4 {
			t.Errorf("categories %v, want all of the schema's", categories)
		}
	}
	if doubted < 30 || doubted > 110 {
		t.Errorf("%d of 200 styles are null, want a third", doubted)
	}
}

func TestSchemasThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		schema, want string
		strict       bool
	}{
		"no object":    {`[1]`, "must be a JSON object", false},
		"no members":   {`{"type":"object"}`, "'properties'", false},
		"unknown type": {`{"properties":{"a":{"type":"colour"}}}`, "property 'a'", false},
		"nested":       {`{"properties":{"a":{"type":"object"}}}`, "not simulated", false},
		"strict, open": {`{"type":"object","properties":{}}`, "additionalProperties", true},
		"strict, optional": {
			`{"type":"object","additionalProperties":false,"required":[],"properties":{"a":{"type":"string"}}}`,
			"missing 'a'", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, testkit.NewSim(t, llmsim.Config{}))
			p := plainParams("x")
			p.ResponseFormat = formatOf(test.schema, test.strict)
			_, err := c.ask(p)
			if statusOf(err) != http.StatusBadRequest || !strings.Contains(messageOf(err), test.want) {
				t.Fatalf("got %v %s, want a 400 with %q", err, messageOf(err), test.want)
			}
		})
	}
}

func TestAStrictSchema_IsNotTheSameAsALooseOne(t *testing.T) {
	c := connect(t, testkit.NewSim(t, llmsim.Config{}))
	loose := plainParams("x")
	loose.ResponseFormat = formatOf(`{"type":"object","properties":{"a":{"type":"string"}}}`, false)
	c.answer(t, loose)
	loose.ResponseFormat.OfJSONSchema.JSONSchema.Strict = openai.Bool(true)
	if _, err := c.ask(loose); statusOf(err) != http.StatusBadRequest {
		t.Errorf("the same schema was accepted as strict: %v", err)
	}
}

func TestEqualQuestionsGetEqualAnswers(t *testing.T) {
	first := connect(t, testkit.NewSim(t, llmsim.Config{Seed: 1}))
	second := connect(t, testkit.NewSim(t, llmsim.Config{Seed: 2}))
	seen := make(map[string]bool)
	for i := range 20 {
		p := params(fmt.Sprintf("item %d <b> \u00e9 \U0001F6CB", i))
		a, b := content(first.answer(t, p)), content(second.answer(t, p))
		if a != b {
			t.Fatalf("the same question was answered %s and %s", a, b)
		}
		seen[a] = true
	}
	if len(seen) < 18 {
		t.Errorf("20 questions got only %d different answers", len(seen))
	}
	const item = "chair <b> \U0001F6CB"
	plain := string(benchBody(item))
	with := func(old, changed string) string { return strings.Replace(plain, old, changed, 1) }
	want := post(t, first, plain)
	for name, body := range map[string]string{
		"escapes":     string(benchBody(`chair \u003cb\u003e \ud83d\udecb`)),
		"role last":   with(`{"role":"user","content":"`+item+`"}`, `{"content":"`+item+`","role":"user"}`),
		"white space": with(`{"role":"user","content":`, `{ "role" : "user", "content" : `),
		"a dialogue":  with(`{"role":"user",`, `{"role":"user","content":"a table"},{"role":"assistant","content":"TABLE"},{"role":"user",`),
		"a name":      with(`{"role":"user",`, `{"name":"x","role":"user",`),
		"parts":       with(`"`+item+`"}`, `[{"type":"text","text":"chair "},{"type":"text","text":"`+item[6:]+`"}]}`),
	} {
		if body == plain {
			t.Fatalf("%s: the request is the plain one", name)
		}
		if got := post(t, first, body); got != want {
			t.Errorf("%s: the answer changes from %s to %s", name, want, got)
		}
	}
}

// post sends a body as it is and returns the answer's content.
func post(t *testing.T, c client, body string) string {
	t.Helper()
	response, err := c.http.Post(c.root+"/any/base/v9/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var got openai.ChatCompletion
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response.Status, err)
	}
	return content(&got)
}

func TestLogprobs(t *testing.T) {
	c := connect(t, testkit.NewSim(t, llmsim.Config{}))
	alternatives := make(map[string]bool)
	for i := range 30 {
		p := params(fmt.Sprint("item ", i))
		p.Logprobs, p.TopLogprobs = openai.Bool(true), openai.Int(3)
		choice := c.answer(t, p).Choices[0]
		joined, doubts := "", 0
		for _, token := range choice.Logprobs.Content {
			joined += token.Token
			if token.Logprob > 0 || math.IsInf(token.Logprob, 0) {
				t.Fatalf("logprob %v of %q", token.Logprob, token.Token)
			}
			if bytesOf(token.Bytes) != token.Token {
				t.Fatalf("bytes %v of %q", token.Bytes, token.Token)
			}
			total := 0.0
			for i, top := range token.TopLogprobs {
				total += math.Exp(top.Logprob)
				alternatives[top.Token] = alternatives[top.Token] || i > 0
			}
			if total > 1.000001 || len(token.TopLogprobs) != 3 || token.TopLogprobs[0].Token != token.Token {
				t.Fatalf("alternatives %+v add up to %v", token.TopLogprobs, total)
			}
			if token.Logprob < math.Log(0.9994) {
				doubts++
			}
		}
		if joined != choice.Message.Content {
			t.Fatalf("tokens give %s, content is %s", joined, choice.Message.Content)
		}
		if doubts != 2 {
			t.Fatalf("%d tokens are in doubt in %s, want category and style", doubts, joined)
		}
	}
	for _, token := range []string{"SOFA", "CHAIR", "NIGHTS", "OTHER"} {
		if !alternatives[token] {
			t.Errorf("%s is never an alternative", token)
		}
	}
}

func bytesOf(list []int64) string {
	b := make([]byte, len(list))
	for i, v := range list {
		b[i] = byte(v)
	}
	return string(b)
}

func TestLogprobsThatAServerLacks(t *testing.T) {
	p := params("x")
	p.Logprobs = openai.Bool(true)
	c := connect(t, testkit.NewSim(t, llmsim.Config{Behaviours: []string{"no-logprobs"}}))
	if got := c.answer(t, p).Choices[0].Logprobs.Content; got != nil {
		t.Errorf("ignored, but got %v", got)
	}
	c = connect(t, testkit.NewSim(t, llmsim.Config{Behaviours: []string{"openai-logprobs"}}))
	if _, err := c.ask(p); statusOf(err) != http.StatusBadRequest {
		t.Errorf("rejected, but got %v", err)
	}
}

func TestWhatAServerMakesOfASchema(t *testing.T) {
	schema := connect(t, testkit.NewSim(t, llmsim.Config{}))
	want := content(schema.answer(t, params("x")))
	for mode, check := range map[string]func(text string) bool{
		"prose":  func(text string) bool { return !strings.Contains(text, "{") && len(text) > 20 },
		"fenced": func(text string) bool { return strings.Contains(text, "```json\n"+want+"\n```") },
	} {
		c := connect(t, testkit.NewSim(t, llmsim.Config{Behaviours: []string{mode}}))
		if text := content(c.answer(t, params("x"))); !check(text) {
			t.Errorf("%s: %s", mode, text)
		}
	}
	c := connect(t, testkit.NewSim(t, llmsim.Config{Behaviours: []string{"no-schema"}}))
	if _, err := c.ask(params("x")); statusOf(err) != http.StatusBadRequest {
		t.Errorf("no-schema: %v", err)
	}
	if text := content(c.answer(t, plainParams("x"))); text == "" {
		t.Error("a question without a schema has no answer")
	}
	p := plainParams("x")
	p.ResponseFormat.OfJSONObject = &openai.ResponseFormatJSONObjectParam{}
	if text := content(c.answer(t, p)); !json.Valid([]byte(text)) {
		t.Errorf("json_object: %s", text)
	}
}

func TestUsage(t *testing.T) {
	c := connect(t, testkit.NewSim(t, llmsim.Config{Groups: map[string]llmsim.Quota{"a": {}, "b": {}}, Keys: []llmsim.Key{
		{Secret: "sk-1", Group: "a"}, {Secret: "sk-2", Group: "a"}, {Secret: "sk-3", Group: "b"},
	}}))
	long := plainParams("first")
	long.Messages[0] = openai.SystemMessage(strings.Repeat("word ", 1000)) // 5,000 bytes: 1,250 tokens
	warmer := long
	warmer.Temperature, warmer.MaxCompletionTokens = openai.Float(0.4), openai.Int(300)
	other := long
	other.Model = "another"
	for _, step := range []struct {
		name, key string
		prompt    openai.ChatCompletionNewParams
		cached    int64
	}{
		{"first sight", "sk-1", long, 0},
		{"again", "sk-1", long, 1152},
		{"at another temperature and with other room", "sk-1", warmer, 1152},
		{"another model", "sk-1", other, 0},
		{"a key of the same group", "sk-2", long, 1152},
		{"a key of another group", "sk-3", long, 0},
		{"too short", "sk-1", plainParams("first"), 0},
		{"too short again", "sk-1", plainParams("first"), 0},
	} {
		got := c.answer(t, step.prompt, option.WithAPIKey(step.key)).Usage
		if got.PromptTokensDetails.CachedTokens != step.cached {
			t.Errorf("%s: %d cached tokens, want %d", step.name, got.PromptTokensDetails.CachedTokens, step.cached)
		}
		if got.TotalTokens != got.PromptTokens+got.CompletionTokens || got.CompletionTokens == 0 {
			t.Errorf("%s: usage %s does not add up", step.name, got.RawJSON())
		}
	}
	if got := c.answer(t, long, option.WithAPIKey("sk-1")).Usage.PromptTokens; got != (5000+5+3)/4 {
		t.Errorf("prompt of %d tokens, want 1252", got)
	}
}

func TestPictures(t *testing.T) {
	c := connect(t, testkit.NewSim(t, llmsim.Config{}))
	ask := func(url, detail string) *openai.ChatCompletion {
		p := params("")
		p.Messages[1] = openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
			openai.TextContentPart("What is it?"),
			openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: url, Detail: detail}),
		})
		return c.answer(t, p)
	}
	big := "data:image/jpeg;base64," + strings.Repeat("QUJD", 100_000)
	low, high := ask(big, "low"), ask(big, "high")
	if got := high.Usage.PromptTokens - low.Usage.PromptTokens; got != 765-85 {
		t.Errorf("detail high costs %d tokens more than low, want 680", got)
	}
	if content(low) != content(high) {
		t.Error("the same picture got two answers")
	}
	if content(ask(big[:len(big)-4], "low")) == content(low) {
		t.Error("another picture got the same answer")
	}
}

func TestMaxTokensCutsTheAnswer(t *testing.T) {
	c := connect(t, testkit.NewSim(t, llmsim.Config{}))
	p := params("x")
	p.MaxCompletionTokens = openai.Int(5)
	got := c.answer(t, p)
	if got.Choices[0].FinishReason != "length" || got.Usage.CompletionTokens > 5 {
		t.Errorf("finish %s after %d tokens", got.Choices[0].FinishReason, got.Usage.CompletionTokens)
	}
}

func TestServesOverTCP(t *testing.T) {
	sim := testkit.NewSim(t, llmsim.Config{Models: []string{"small", "large"}})
	server := httptest.NewServer(sim)
	defer server.Close()
	c := clientOf(server.Client(), server.URL+"/v1")
	models := openai.NewModelService(option.WithBaseURL(server.URL+"/v1"), option.WithHTTPClient(server.Client()),
		option.WithAPIKey("sk-test"))
	list, err := models.List(t.Context())
	if err != nil || len(list.Data) != 2 || list.Data[1].ID != "large" {
		t.Fatalf("models %+v, %v", list, err)
	}
	p := params("x")
	if _, err := c.ask(p); statusOf(err) != http.StatusNotFound {
		t.Errorf("unknown model: %v", err)
	}
	p.Model = "large"
	if got := c.answer(t, p); got.Model != "large" || got.ID == "" {
		t.Errorf("answer %s", got.RawJSON())
	}
}
