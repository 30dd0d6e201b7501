package llmsim_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// further is what is special about the first answer of a behaviour, and what mends it.
type further struct {
	status int
	words  string            // in the body
	mended map[string]string // changes after which the answer is the usual one
}

var furtherBehaviours = map[string]further{
	"gemma-system-role":   {400, "System role not supported", map[string]string{"messages": `[{"role":"user","content":"Classify.\n\na chair"}]`}},
	"roles-alternate-500": {500, "roles must alternate", map[string]string{"messages": `[{"role":"user","content":"Classify.\n\na chair"}]`}},
	"qwen-stream-only":    {400, "non-streaming calls", nil},
	"tgi-limit-ignored":   {200, `"finish_reason":"length"`, map[string]string{"max_completion_tokens": "", "max_tokens": "600"}},
	"litellm-unsupported": {400, "UnsupportedParamsError", map[string]string{"response_format": "", "logprobs": ""}},
	"tgi-temperature":     {422, "strictly positive", map[string]string{"temperature": ""}},
	"databricks-cap":      {400, "cannot exceed 512", map[string]string{"max_completion_tokens": "512"}},
	"zhipu-balance":       {429, "余额不足", nil},
	"dashscope-arrears":   {400, "Arrearage", nil},
	"watsonx-quota":       {403, "token_quota_reached", nil},
	"vertex-quota":        {429, "requests_per_minute", nil},
	"bedrock-throttled":   {500, "ThrottlingException", nil},
	"minimax-badkey":      {200, `"status_code":1004`, nil},
	"minimax-speed":       {200, `"status_code":1002`, nil},
	"error-200":           {200, `"code":401`, nil},
	"error-200-busy":      {200, `"code":500`, nil},
	"detail-wait":         {429, `"retry_after":8`, nil},
	"hf-loading":          {503, `"estimated_time":20.0`, nil},
	"tgi-424":             {424, "error_type", nil},
	"llamacpp-too-long":   {400, "13905", nil},
	"apim-key-header":     {401, "missing subscription key", nil},
	"minimax-x-api-key":   {401, "X-Api-Key", nil},
	"baidu-qps":           {200, `"error_code":18`, nil},
	"lmstudio-unloaded":   {200, "category", nil},
	"ollama-memory":       {500, "system memory", nil},
	"kimi-concurrency":    {200, "category", nil},
	"openai-too-large":    {429, "Requested 4245", nil},
	"groq-too-large":      {413, "Requested 4245", nil},
	"deepseek-model":      {400, "Model Not Exist", nil},
	"empty-error":         {200, `"code":0`, nil},
	"other-types":         {200, `,\"more\"]`, nil},
	"no-choices":          {200, `"choices":null`, nil},
	"deepseek-empty":      {200, `"content":""`, nil},
	"ended-early":         {200, `"finish_reason":"abort"`, nil},
	"zhipu-sensitive":     {200, `"finish_reason":"sensitive"`, nil},
	"gemini-max-tokens":   {200, `"finish_reason":"MAX_TOKENS"`, map[string]string{"max_completion_tokens": "2000"}},
	"places":              {200, `"content":["`, nil},
	"thoughts":            {200, "[/THINK]", nil},
	"raw-newline":         {200, `\n\tAnother one`, nil},
	"nan-logprobs":        {200, `"logprob":-Infinity`, nil},
	"cumulative":          {200, "id:2", nil},
	"base-other":          {200, "category", nil},
	"base-501":            {200, "category", nil},
	"failure-numbered":    {500, "20261131b2", map[string]string{"logprobs": ""}},
	"page-500":            {500, "<title>500", map[string]string{"logprobs": ""}},
	"page-400":            {400, "<title>", map[string]string{"response_format": ""}},
	"empty-500":           {500, "", map[string]string{"response_format": ""}},
	"tgi-grammar":         {424, "error_type", map[string]string{"response_format": ""}},
	"gateway-refusal":     {502, "logprobs", map[string]string{"logprobs": ""}},
	"tgi-context":         {422, "must be <= 3000", map[string]string{"max_completion_tokens": "400"}},
	"vllm-too-long":       {400, "got -186", nil},
	"anthropic-limits":    {400, "usage limits", nil},
	"ollama-weekly":       {429, "weekly", nil},
	"xai-no-credits":      {403, "any credits", nil},
	"cohere-trial":        {429, "/ month", nil},
	"wait-in-hours":       {429, "58 hours", nil},
	"dashscope-speed":     {429, "insufficient_quota", nil},
	"groq-restricted":     {400, "organization_restricted", nil},
	"kimi-filter":         {400, "high risk", nil},
	"gemini-blocked":      {200, "PROHIBITED_CONTENT", nil},
	"ollama-model":        {404, "model 'm' not found", nil},
	"xai-model":           {404, "your team", nil},
	"vllm-model":          {404, "NotFoundError", nil},
	"newapi-model":        {503, "model_not_found", nil},
	"stray":               {200, "category", nil},
	"late":                {404, "default backend", nil},
	"aws-path":            {200, "category", nil},
	"base-page":           {200, "category", nil},
	"kong-key":            {401, "No API key found", nil},
	"mislabelled":         {200, "", nil}, // net/http cannot unpack it
	"lines":               {200, `"done":true`, nil},
	"no-refusal":          {200, `"refusal":false`, nil},
	"near-json":           {200, `"confidence\":NaN`, nil},
	"stream-plain":        {400, "set to true", nil},
	"limit-required":      {400, "Field required", map[string]string{"max_completion_tokens": "", "max_tokens": "600"}},
	"context-limit":       {400, "2600 + 600 > 3000", map[string]string{"max_completion_tokens": "400"}},
	"think-aloud":         {200, `"finish_reason":"length"`, map[string]string{"max_completion_tokens": "1500"}},
	"newapi-used-up":      {401, "额度已用尽", nil},
	"newapi-not-enough":   {403, "not enough", nil},
	"payment-method":      {403, "add funds", nil},
	"base-api":            {405, "Method Not Allowed", nil},
	"second-choice":       {200, `"index":1`, nil},
	"outage-500":          {500, "had an error", nil},
	"odd-values":          {200, `\"c\"`, nil},
	"finish-names":        {200, `"finish_reason":"end"`, nil},
	"parts":               {200, `"thought":true`, nil},
	"further-places":      {200, `"response":{"`, nil},
	"places-differ":       {200, `"draft":`, nil},
	"draft-cut-off":       {200, `"reasoning":"Maybe`, map[string]string{"max_completion_tokens": "1500"}},
	"cut-always":          {200, `A lo","refusal"`, nil},
	"cut-always-silent":   {200, `"usage":null`, nil},
	"cut-unsaid":          {200, `A lo","refusal"`, nil},
	"nearer-json":         {200, `// what it is\n`, nil},
	"names":               {200, `(of wood)`, nil},
	"vllm-max-logprobs":   {200, "category", nil},
	"stream-only-406":     {406, "text/event-stream", nil},
	"modelscope-schema":   {200, `"choices":null`, map[string]string{"response_format": jsonObject}},
	"ollama-format":       {200, `"content":""`, map[string]string{"response_format": ""}},
	"whitespace-forever":  {200, `"finish_reason":"length"`, map[string]string{"response_format": ""}},
	"logprobs-empty":      {200, `"content":null`, map[string]string{"logprobs": ""}},
	"system-ignored":      {200, "How can I help", map[string]string{"messages": `[{"role":"user","content":"Classify.\n\na chair"}]`}},
	"spoilt-at-first":     {200, `"content":""`, nil},

	"parameter-401":            {401, "not enabled", map[string]string{"logprobs": ""}},
	"parameter-405":            {405, "not allowed", map[string]string{"response_format": ""}},
	"gigachat-blacklist":       {200, `"finish_reason":"blacklist"`, nil},
	"nest-credits":             {403, `["Insufficient credits"]`, nil},
	"portkey-usage":            {412, "usage_limits_exceeded", nil},
	"gemini-no-header":         {400, "Authorization header", nil},
	"nim-end-of-life":          {410, "end of life", nil},
	"ollama-subscription":      {403, "subscription", nil},
	"sglang-too-long":          {400, "2048 tokens", nil},
	"llamacpp-python-too-long": {400, "context window of 2048", nil},
	"ark-hours":                {429, "AccountQuotaExceeded", nil},
	"ollama-hourly":            {429, "hourly", nil},
	"zhipu-fair-use":           {429, `"1313"`, nil},
	"dashscope-token-limit":    {429, "#token-limit", nil},
	"requests-remaining-0":     {429, "resets in 5s", nil},
	"minimax-growth":           {200, `"status_code":2045`, nil},
	"engine-busy":              {200, `"engine_busy"`, nil},
	"login-page":               {200, "<title>Sign in</title>", nil},
	"stream-text":              {200, `"index":0,"text":"{`, nil},
	"apriel-final":             {200, "[BEGIN FINAL RESPONSE]", nil},
}

func TestBehaviours_OfFurtherServers(t *testing.T) {
	for name, want := range furtherBehaviours {
		t.Run(name, func(t *testing.T) {
			s := sendTo(t, name, request(t, `"a chair"`, nil))
			if s.status != want.status || !strings.Contains(s.body, want.words) {
				t.Errorf("%d %v\n%s", s.status, s.err, s.body)
			}
			if want.mended == nil {
				return
			}
			if s = sendTo(t, name, request(t, `"a chair"`, want.mended)); s.status != 200 || s.get("choices.0.finish_reason") != "stop" {
				t.Errorf("mended: %d %v\n%s", s.status, s.err, s.body)
			}
		})
	}
}

func TestAStreamIsGivenOnceItIsAskedFor(t *testing.T) {
	s := sendTo(t, "qwen-stream-only", request(t, `"a chair"`, map[string]string{"stream": "true"}))
	first, rest, _ := strings.Cut(strings.TrimPrefix(s.body, "data: "), "\n\n")
	if s.status != 200 || s.header.Get("Content-Type") != "text/event-stream" || rest != "data: [DONE]\n\n" ||
		!json.Valid([]byte(first)) || !gjson.Get(first, "choices.0.delta.content").Exists() {
		t.Errorf("%d %v\n%s", s.status, s.header, s.body)
	}
}
