package llmsim_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// request is what the service sends, with changes: members by their paths, as JSON;
// "" leaves one out.
func request(t *testing.T, text string, changes map[string]string) string {
	t.Helper()
	r := map[string]json.RawMessage{
		"model":                 json.RawMessage(`"gpt-4o-mini"`),
		"temperature":           json.RawMessage(`0`),
		"max_completion_tokens": json.RawMessage(`600`),
		"logprobs":              json.RawMessage(`true`),
		"messages":              json.RawMessage(`[{"role":"system","content":"Classify."},{"role":"user","content":` + text + `}]`),
		"response_format":       json.RawMessage(`{"type":"json_schema","json_schema":` + furnitureFormat + `}`),
	}
	for name, value := range changes {
		if delete(r, name); value != "" {
			r[name] = json.RawMessage(value)
		}
	}
	body, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// seen is an answer as a client sees it.
type seen struct {
	status int
	header http.Header
	body   string
	err    error
}

func (s seen) get(path string) string { return gjson.Get(s.body, path).String() }

func send(t *testing.T, client *http.Client, url, body string) (s seen) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer sk-test")
	response, err := client.Do(r)
	if err != nil {
		return seen{err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return seen{response.StatusCode, response.Header, string(text), err}
}

const (
	content0   = "choices.0.message.content"
	noLogprobs = `"logprobs":null`
	jsonObject = `{"type":"json_object"}`
	picture    = `[{"type":"text","text":"a chair"},{"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}}]`
)

// TestBehaviours asks each behaviour over TCP, as the service would: first what is
// special, then what is answered as usual.
func TestBehaviours(t *testing.T) {
	const text = `"a chair"`
	sound := sendTo(t, "", request(t, text, nil)).get(content0)
	usual := func(s seen) bool {
		return s.status == 200 && s.get(content0) == sound && s.get("choices.0.finish_reason") == "stop"
	}
	refused := func(status int, words string) func(seen) bool {
		return func(s seen) bool { return s.status == status && strings.Contains(s.body, words) && gjson.Valid(s.body) }
	}
	whole := func(s seen) bool { return json.Valid([]byte(s.body)) && s.status == 200 }
	tested := []string{
		"groq-json", "transient-401", "gemini-429", "retry-date", "slow-model", "ollama-coldload", "hang",
		"azure-filter", "cloudflare-524", "overloaded", "bodies", "cut-body", "ollama-queue",
	} // below
	for name, test := range map[string]struct {
		special func(seen) bool
		text    string            // of the special request; "": the usual one
		mended  map[string]string // changes after which the answer is the usual one
	}{
		"gemini-schema":       {special: refused(400, `[{"error":{"code":400,"message":"Invalid JSON payload`), mended: map[string]string{"response_format": jsonObject}},
		"gemini-logprobs":     {special: refused(400, "Logprobs is not enabled"), mended: map[string]string{"logprobs": ""}},
		"azure-logprobs":      {special: refused(400, "Please remove the parameter"), mended: map[string]string{"logprobs": "false"}},
		"openai-logprobs":     {special: refused(400, "not allowed to request logprobs"), mended: map[string]string{"logprobs": ""}},
		"kimi-temperature":    {special: refused(400, "only 1 is allowed"), mended: map[string]string{"temperature": "1"}},
		"qwen-jsonmode":       {special: refused(400, "Json mode response"), mended: map[string]string{"response_format": ""}},
		"llamacpp-grammar":    {special: refused(400, "failed to parse grammar"), mended: map[string]string{"response_format": jsonObject}},
		"no-schema":           {special: refused(400, "'response_format' of type"), mended: map[string]string{"response_format": jsonObject}},
		"llamacpp-picture":    {special: refused(500, "image input is not supported"), text: picture, mended: map[string]string{}},
		"azure-format-value":  {special: refused(400, "'json_object' and 'text'"), mended: map[string]string{"response_format": jsonObject}},
		"lmstudio-format":     {special: usual},
		"sglang-logprobs-500": {special: refused(500, "-inf"), mended: map[string]string{"logprobs": ""}},
		"openai-o-series":     {special: refused(400, "'temperature' does not support 0"), mended: map[string]string{"temperature": "", "logprobs": ""}},
		"mistral-extra":       {special: refused(422, `"logprobs"],"msg"`), mended: map[string]string{"logprobs": "", "max_completion_tokens": ""}},
		"context-400":         {special: refused(400, "maximum context length is 3000"), mended: map[string]string{"max_completion_tokens": "400"}},
		"gpt5-room": {
			special: refused(400, "'temperature' does not support 0"),
			mended:  map[string]string{"temperature": "", "logprobs": "", "max_completion_tokens": "4100"},
		},
		"litellm-quota": {special: refused(429, "exceeded your current quota")},
		"quota-429":     {special: refused(429, "insufficient_quota")},
		"gemini-badkey": {special: refused(400, "API_KEY_INVALID")},
		"gemini-daily":  {special: refused(429, "PerDay")},
		"groq-tpd":      {special: func(s seen) bool { return s.status == 429 && s.header.Get("Retry-After") == "3912" }},
		"retry-86400":   {special: func(s seen) bool { return s.status == 429 && s.header.Get("Retry-After") == "86400" }},
		"region-403":    {special: refused(403, "Country, region")},
		"azure-classic": {special: refused(404, "Resource not found")},
		"base-no-v1":    {special: usual},
		"base-full":     {special: usual},
		"lmstudio-200":  {special: usual},
		"raw-logprobs":  {special: func(s seen) bool { return usual(s) && strings.Contains(s.body, `"logprob":-5.0`) }},
		"good":          {special: usual},
		"waf-403": {
			text: `"a chair'; DROP TABLE chairs"`,
			special: func(s seen) bool {
				return s.status == 403 && s.header.Get("Content-Type") == "text/html" && strings.HasPrefix(s.body, "<!DOCTYPE")
			},
			mended: map[string]string{},
		},
		"ollama-thinking": {
			special: func(s seen) bool {
				return s.get("choices.0.finish_reason") == "length" && s.get(content0) == "" && s.get("choices.0.message.reasoning") != ""
			},
			mended: map[string]string{"max_completion_tokens": "1500"},
		},
		"reasoning-only": {special: func(s seen) bool {
			return s.get("choices.0.message.reasoning_content") == sound && gjson.Get(s.body, content0).Type == gjson.Null
		}},
		"tool-calls": {special: func(s seen) bool {
			return s.get("choices.0.message.tool_calls.0.function.arguments") == sound && s.get("choices.0.finish_reason") == "tool_calls"
		}},
		"harmony": {special: func(s seen) bool {
			return whole(s) && strings.HasSuffix(s.get(content0), "<|channel|>final<|message|>"+sound)
		}},
		"fenced": {special: func(s seen) bool { return whole(s) && strings.Contains(s.get(content0), "```json\n"+sound+"\n```") }},
		"deeper": {special: func(s seen) bool { return gjson.Get(s.get(content0), "result").Raw == sound }},
		"twice":  {special: func(s seen) bool { return s.get(content0) == sound+"\n"+sound }},
		"comma":  {special: func(s seen) bool { return s.get(content0) == strings.TrimSuffix(sound, "}")+",}" }},
		"no-confidence": {special: func(s seen) bool {
			return gjson.Get(s.get(content0), "confidence").Str == "high" && whole(s) && !strings.Contains(s.body, noLogprobs)
		}},
		"no-logprobs": {special: func(s seen) bool { return usual(s) && strings.Contains(s.body, noLogprobs) }},
		"prose":       {special: func(s seen) bool { return whole(s) && !strings.Contains(s.get(content0), "{") }},
		"event-stream": {special: func(s seen) bool {
			first, _, _ := strings.Cut(strings.TrimPrefix(s.body, "data: "), "\n")
			return s.header.Get("Content-Type") == "text/event-stream" && gjson.Get(first, "choices.0.delta.content").Str == sound &&
				strings.HasSuffix(s.body, "data: [DONE]\n\n")
		}},
		"openrouter-402": {special: func(s seen) bool { return s.status == 200 && s.get("error.code") == "402" }},
		"openrouter-choice": {special: func(s seen) bool {
			return whole(s) && s.get("choices.0.error.code") == "502" && s.get("choices.0.finish_reason") == "error" && strings.HasPrefix(sound, s.get(content0))
		}},
		"half":        {special: func(s seen) bool { return s.status == 200 && s.err != nil && strings.HasPrefix(s.body, `{"id":`) }},
		"revoked":     {special: refused(401, "invalid_api_key")},
		"forbidden":   {special: refused(403, "permission_denied")},
		"exhausted":   {special: refused(429, "insufficient_quota")},
		"throttle":    {special: refused(429, "rate_limit_exceeded")},
		"error":       {special: refused(500, "server_error")},
		"unavailable": {special: refused(503, "overloaded")},
		"html": {special: func(s seen) bool {
			return s.status == 200 && strings.HasPrefix(s.header.Get("Content-Type"), "text/html")
		}},
		"garbage":  {special: func(s seen) bool { return s.status == 200 && !gjson.Valid(s.body) }},
		"babble":   {special: func(s seen) bool { return whole(s) && !gjson.Valid(s.get(content0)) }},
		"echo":     {special: func(s seen) bool { return whole(s) && s.get(content0) == "a chair" }},
		"mismatch": {special: func(s seen) bool { return whole(s) && !gjson.Get(s.get(content0), "category").Exists() }},
		"cut": {special: func(s seen) bool {
			return whole(s) && s.get("choices.0.finish_reason") == "length" && strings.HasPrefix(sound, s.get(content0))
		}},
		"refuse": {special: func(s seen) bool { return whole(s) && s.get("choices.0.message.refusal") != "" }},
		"filter": {special: func(s seen) bool { return whole(s) && s.get("choices.0.finish_reason") == "content_filter" }},
		"reset":  {special: func(s seen) bool { return s.err != nil && s.status == 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			special := text
			if test.text != "" {
				special = test.text
			}
			if s := sendTo(t, name, request(t, special, nil)); !test.special(s) {
				t.Errorf("%d %v %v\n%s", s.status, s.err, s.header, s.body)
			}
			if test.mended == nil {
				return
			}
			if s := sendTo(t, name, request(t, text, test.mended)); s.status != 200 || s.get("choices.0.finish_reason") != "stop" || s.get(content0) == "" {
				t.Errorf("mended: %d %v\n%s", s.status, s.err, s.body)
			}
		})
		tested = append(tested, name)
	}
	tested = slices.AppendSeq(slices.AppendSeq(tested, maps.Keys(furtherBehaviours)), maps.Keys(errorBehaviours))
	for _, name := range llmsim.Behaviours() {
		if !slices.Contains(tested, name) {
			t.Errorf("%s has no test", name)
		}
	}
}

// sendTo sends a request to a fresh server over TCP.
func sendTo(t *testing.T, behaviour, body string) seen {
	t.Helper()
	config := llmsim.Config{}
	if behaviour != "" {
		config.Behaviours = []string{behaviour}
	}
	_, url := testkit.ServeSimTCP(t, config)
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return send(t, client, url, body)
}

// TestBehaviours_ThatChangeWithCallsAndTime sends calls one after the other.
func TestBehaviours_ThatChangeWithCallsAndTime(t *testing.T) {
	type step struct {
		calls, status int
		took, pause   time.Duration // of each call, and after them
		header        string
	}
	for name, steps := range map[string][]step{
		"groq-json":         {{calls: 1, status: 400}, {calls: 4, status: 200}},
		"transient-401":     {{calls: 24, status: 200}, {calls: 1, status: 401}, {calls: 20, status: 200}},
		"gemini-429":        {{calls: 2, status: 429, pause: 10*time.Second - 1}, {calls: 1, status: 429, pause: 1}, {calls: 2, status: 200}},
		"retry-date":        {{calls: 2, status: 429, pause: 3 * time.Second, header: "Sat, 01 Jan 2000 00:00:03 GMT"}, {calls: 2, status: 200}},
		"slow-model":        {{calls: 2, status: 200, took: 45 * time.Second}},
		"ollama-coldload":   {{calls: 1, status: 200, took: 40 * time.Second}, {calls: 3, status: 200}},
		"openrouter-choice": {{calls: 5, status: 200}},
		"azure-filter":      {{calls: 1, status: 400}, {calls: 1, status: 200}, {calls: 1, status: 400}},
		"cloudflare-524":    {{calls: 1, status: 524}, {calls: 3, status: 200}, {calls: 1, status: 524}},
		"overloaded":        {{calls: 2, status: 200}, {calls: 1, status: 408}, {calls: 2, status: 200}, {calls: 1, status: 409}},
		"bodies":            {{calls: 20, status: 200}},
		"cut-body":          {{calls: 4, status: 200}},
		"ollama-queue":      {{calls: 2, status: 200, took: 2 * time.Second}},
		"hang":              {{calls: 1, took: time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, llmsim.Config{Behaviours: []string{name}}, func(t *testing.T, _ *llmsim.Server, c client) {
				impatient := *c.http
				impatient.Timeout = time.Minute
				for i, step := range steps {
					for range step.calls {
						start := time.Now()
						s := send(t, &impatient, c.root+"/v1", request(t, `"a chair"`, nil))
						if took := time.Since(start); s.status != step.status || took != step.took || s.header.Get("Retry-After") != step.header {
							t.Fatalf("step %d: %d after %v, %v %v", i, s.status, took, s.header, s.err)
						}
					}
					tick(step.pause)
				}
			})
		})
	}
}

func TestAWaitInTheBodyCountsDown(t *testing.T) {
	bubble(t, llmsim.Config{Behaviours: []string{"gemini-429"}}, func(t *testing.T, _ *llmsim.Server, c client) {
		for _, want := range []string{"10s", "8s"} {
			s := send(t, c.http, c.root+"/v1", request(t, `"a chair"`, nil))
			if got := s.get("0.error.details.1.retryDelay"); got != want {
				t.Errorf("wait %s, want %s", got, want)
			}
			tick(2500 * time.Millisecond)
		}
	})
}

func TestADateIsNeverTooEarly(t *testing.T) {
	bubble(t, llmsim.Config{Behaviours: []string{"retry-date"}}, func(t *testing.T, _ *llmsim.Server, c client) {
		tick(300 * time.Millisecond) // over at 3.3 s
		s := send(t, c.http, c.root+"/v1", request(t, `"a chair"`, nil))
		expectHeaders(t, s.header, map[string]string{"retry-after": "Sat, 01 Jan 2000 00:00:04 GMT"})
	})
}

// TestColdLoad_BeginsAgainOnceItsCallersHaveLeft has the load of a model given up
// by its only caller, and then shared by two.
func TestColdLoad_BeginsAgainOnceItsCallersHaveLeft(t *testing.T) {
	bubble(t, llmsim.Config{Behaviours: []string{"ollama-coldload"}}, func(t *testing.T, _ *llmsim.Server, c client) {
		impatient := *c.http
		impatient.Timeout = 30 * time.Second
		if s := send(t, &impatient, c.root+"/v1", request(t, `"a"`, nil)); s.err == nil {
			t.Fatalf("an answer after 30 s: %s", s.body)
		}
		tick(time.Second)
		start := time.Now()
		took := make(chan time.Duration, 2)
		for range 2 {
			go func() {
				_ = send(t, c.http, c.root+"/v1", request(t, `"a"`, nil))
				took <- time.Since(start)
			}()
			tick(10 * time.Second)
		}
		if a, b := <-took, <-took; a != 40*time.Second || b != 40*time.Second {
			t.Errorf("answered after %v and %v, want 40s", a, b)
		}
	})
}

func TestRules(t *testing.T) {
	rules := `rules:
  - {if: ['messages.0.role=="system"', 'max_completion_tokens>500'], key: test, text: marble, status: 409}
  - {if: [seed], status: 422, header: {X-Why: seed}, body: '{"detail":$TEXT}'}
  - {first: 2, status: 503}
`
	config, err := llmsim.ReadConfig(strings.NewReader(rules), llmsim.Config{Behaviours: []string{"tool-calls"}})
	if err != nil {
		t.Fatal(err)
	}
	_, local := testkit.ServeSim(t, config)
	for _, step := range []struct {
		text    string
		changes map[string]string
		status  int
	}{
		{`"marble"`, nil, 409},
		{`"oak"`, nil, 503},
		{`"marble"`, map[string]string{"max_completion_tokens": "500"}, 200},
		{`"oak"`, map[string]string{"seed": "1"}, 422},
		{`"oak"`, nil, 200},
	} {
		if s := send(t, local.Client, local.URL, request(t, step.text, step.changes)); s.status != step.status {
			t.Errorf("%s %v: %d, want %d: %s", step.text, step.changes, s.status, step.status, s.body)
		} else if s.status == 200 && s.get("choices.0.finish_reason") != "tool_calls" {
			t.Errorf("%s %v: the behaviour does not come after the rules: %s", step.text, step.changes, s.body)
		}
	}
}

// TestBehaviours_ByAddress has servers that are at one address only, or want another
// header.
func TestBehaviours_ByAddress(t *testing.T) {
	for _, test := range []struct {
		behaviour, path, header string
		status                  int
	}{
		{"base-no-v1", "/chat/completions", "", 404},
		{"base-no-v1", "/v1/chat/completions", "", 200},
		{"base-full", "/v1/chat/completions/chat/completions", "", 404},
		{"azure-classic", "/openai/deployments/gpt4o/chat/completions", "api-key", 404},
		{"azure-classic", "/openai/deployments/gpt4o/chat/completions?api-version=1", "", 401},
		{"azure-classic", "/openai/deployments/gpt4o/chat/completions?api-version=1", "api-key", 200},
	} {
		_, local := testkit.ServeSim(t, llmsim.Config{Behaviours: []string{test.behaviour}})
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, strings.TrimSuffix(local.URL, "/v1")+test.path,
			strings.NewReader(request(t, `"a chair"`, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if test.header != "" {
			r.Header.Set(test.header, "secret")
		}
		response, err := local.Client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != test.status {
			t.Errorf("%s at %s with %q: %d, want %d", test.behaviour, test.path, test.header, response.StatusCode, test.status)
		}
	}
}

// TestOllamaQueue_AnswersOneAfterTheOther sends three calls at once.
func TestOllamaQueue_AnswersOneAfterTheOther(t *testing.T) {
	bubble(t, llmsim.Config{Behaviours: []string{"ollama-queue"}}, func(t *testing.T, _ *llmsim.Server, c client) {
		start := time.Now()
		took := make(chan time.Duration, 3)
		for range 3 {
			go func() {
				_ = send(t, c.http, c.root+"/v1", request(t, `"a"`, nil))
				took <- time.Since(start)
			}()
		}
		for _, want := range []time.Duration{2 * time.Second, 4 * time.Second, 6 * time.Second} {
			if got := <-took; got != want {
				t.Errorf("answered after %v, want %v", got, want)
			}
		}
	})
}
