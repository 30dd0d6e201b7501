package llmsim_test

import (
	"strings"
	"testing"
)

// errorBehaviours are errors in the words and forms of providers: the status and a part of the
// body of the first answer, to a question about a chair or with the text that provokes it.
var errorBehaviours = map[string]struct {
	status      int
	words, text string
}{
	"concurrency-400":    {200, "category", ""},
	"concurrency-403":    {200, "category", ""},
	"concurrency-503":    {200, "category", ""},
	"overloaded-400":     {400, "capacity exceeded", ""},
	"overloaded-403":     {403, "overloaded", ""},
	"overloaded-500":     {500, "Overloaded", ""},
	"overloaded-200":     {200, "Overloaded", ""},
	"zhipu-busy":         {200, "category", ""},
	"cerebras-failure":   {200, "category", ""},
	"timed-out-400":      {200, "category", ""},
	"litellm-cooldown":   {400, "Try again in 5 seconds", ""},
	"secondary-limit":    {403, "secondary", ""},
	"apim-quota-soon":    {403, "in 00:00:06", ""},
	"apim-quota":         {403, "in 23:59:59", ""},
	"gemini-limit-0":     {429, "limit: 0", ""},
	"databricks-limit-0": {403, "rate limit of 0", ""},
	"vercel-card":        {403, "credit card", ""},
	"kserve-starting":    {400, "not ready yet", ""},
	"fireworks-scaling":  {503, "DEPLOYMENT_SCALING_UP", ""},
	"gemini-location":    {400, "User location", ""},
	"litellm-expired":    {400, "expired_key", ""},
	"fastapi-header":     {422, "authorization", ""},
	"aws-key":            {403, "Forbidden", ""},
	"proxy-407":          {407, "Proxy", ""},
	"anthropic-model":    {404, "model: m", ""},
	"together-model":     {400, "model_not_available", ""},
	"openrouter-model":   {404, "No endpoints found for m", ""},
	"ark-model":          {404, "ModelNotOpen", ""},
	"groq-terms":         {400, "model_terms_required", ""},
	"openai-no-chat":     {404, "v1/responses", ""},
	"huggingface-model":  {400, "model_not_supported", ""},
	"ark-filter":         {400, "SensitiveContentDetected", "DROP TABLE"},
	"deepseek-filter":    {400, "Content Exists Risk", "DROP TABLE"},
	"xai-filter":         {403, "usage guidelines", "DROP TABLE"},
	"cloudflare-filter":  {200, `"code":2017`, "DROP TABLE"},
	"filter-451":         {451, "censorship_block", "DROP TABLE"},
	"portkey-filter":     {446, "hooks_failed", "DROP TABLE"},
	"mistral-too-long":   {400, "40000 tokens", ""},
	"xai-too-long":       {400, "140000 tokens", ""},
	"dashscope-too-long": {400, "[1, 129024]", ""},
	"vllm-room":          {400, "2750 input tokens", ""},
	"apigee-spike":       {500, "faultstring", ""},
	"tencent-key":        {200, "AuthFailure", ""},
	"nested-wait":        {500, `\"retryDelay\":\"8s\"`, ""},
	"nested-key":         {403, "leaked", ""},
	"redirect-login":     {302, "", ""},
	"redirect-loop":      {307, "", ""},
	"base-gemini":        {404, "", ""},
	"base-slashes":       {200, "category", ""},
	"limit-below-left":   {200, "category", ""},
}

func TestBehaviours_OfErrors(t *testing.T) {
	for name, want := range errorBehaviours {
		t.Run(name, func(t *testing.T) {
			text := "a chair"
			if want.text != "" {
				if s := sendTo(t, name, request(t, `"a chair"`, nil)); s.status != 200 || s.get(content0) == "" {
					t.Errorf("for others: %d %v\n%s", s.status, s.err, s.body)
				}
				text = want.text
			}
			if s := sendTo(t, name, request(t, `"`+text+`"`, nil)); s.status != want.status || !strings.Contains(s.body, want.words) {
				t.Errorf("%d %v\n%s", s.status, s.err, s.body)
			}
		})
	}
}
