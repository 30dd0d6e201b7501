package llm_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/llm"
	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

// ending is how a behaviour of a real server ends for those that ask it for 30 items at
// once.
type ending struct {
	base     string // the path of the base URL; "": /v1
	settings llm.Settings
	reason   fault.Reason // of those that fail; 0: all are answered
	failed   int          // how many fail at most, without a reason for any; 0: with a reason, all
	says     string       // in each failure
	calls    int          // at most, in addition to one for each item
	seconds  int          // at most
	source   catalog.ConfidenceSource
	pictures bool // the items have some, which the model refuses
}

var behaviourEndings = map[string]ending{
	"good": {seconds: 1, source: catalog.FromLogprobs},

	// Parameters that are refused: learned in a few calls.
	"gemini-schema":       {calls: 7, seconds: 4},
	"gemini-logprobs":     {calls: 7, seconds: 4, source: catalog.FromModel},
	"azure-logprobs":      {calls: 7, seconds: 4, source: catalog.FromModel},
	"openai-logprobs":     {calls: 7, seconds: 4, source: catalog.FromModel},
	"sglang-logprobs-500": {calls: 7, seconds: 10, source: catalog.FromModel},
	"azure-format-value":  {calls: 7, seconds: 4},
	"no-schema":           {calls: 7, seconds: 4},
	"llamacpp-grammar":    {calls: 7, seconds: 4},
	"qwen-jsonmode":       {calls: 7, seconds: 4},
	"kimi-temperature":    {calls: 7, seconds: 4},
	"openai-o-series":     {calls: 7, seconds: 4},
	"mistral-extra":       {calls: 7, seconds: 4},
	"lmstudio-format":     {seconds: 1},
	"context-400":         {calls: 7, seconds: 4},

	// Models that reason.
	"gpt5-room":       {calls: 7, seconds: 10},
	"ollama-thinking": {calls: 7, seconds: 4},
	"reasoning-only":  {seconds: 1},

	"llamacpp-picture": {pictures: true, reason: fault.ImageUnsupported, says: "takes no pictures", seconds: 4},

	// What an error means.
	"groq-json":         {calls: 30, seconds: 20},
	"litellm-quota":     {reason: fault.QuotaExhausted, says: "exceeded your current quota", seconds: 1},
	"quota-429":         {reason: fault.QuotaExhausted, says: "exceeded your current quota", seconds: 1},
	"exhausted":         {reason: fault.QuotaExhausted, says: "exceeded your current quota", seconds: 1},
	"openrouter-402":    {reason: fault.QuotaExhausted, says: "more credits", seconds: 1},
	"gemini-badkey":     {reason: fault.UpstreamAuth, seconds: 1},
	"revoked":           {reason: fault.UpstreamAuth, seconds: 20},
	"region-403":        {reason: fault.UpstreamAuth, says: "Country, region", seconds: 20},
	"gemini-429":        {calls: 60, seconds: 20},
	"gemini-daily":      {reason: fault.QuotaExhausted, says: "exceeded your current quota", seconds: 1},
	"groq-tpd":          {reason: fault.RateLimited, seconds: 1},
	"retry-86400":       {reason: fault.RateLimited, seconds: 1},
	"retry-date":        {calls: 60, seconds: 10},
	"waf-403":           {reason: fault.UpstreamRejected, failed: 1, says: "403", calls: 5, seconds: 5},
	"openrouter-choice": {calls: 3 * 30, seconds: 60},
	"azure-filter":      {reason: fault.Refused, seconds: 1},
	"refuse":            {reason: fault.Refused, says: "can't assist", seconds: 1},
	"filter":            {reason: fault.Refused, seconds: 1},
	"cloudflare-524":    {calls: 120, seconds: 60},
	"overloaded":        {calls: 40, seconds: 60},

	// Slow and starting servers.
	"transient-401":   {calls: 3, seconds: 10},
	"slow-model":      {seconds: 120},
	"ollama-queue":    {calls: 30, seconds: 65},
	"ollama-coldload": {calls: 60, seconds: 60},

	// Addresses.
	"azure-classic": {base: "/openai/deployments/gpt4o?api-version=2024-10-21", settings: llm.Settings{Provider: "azure"}, seconds: 1},
	"base-no-v1":    {base: "/", calls: 3, seconds: 2},
	"base-full":     {base: "/v1/chat/completions", seconds: 1},
	"lmstudio-200":  {base: "/", calls: 3, seconds: 2},

	// Answers.
	"tool-calls":    {seconds: 1},
	"harmony":       {seconds: 1},
	"fenced":        {seconds: 1},
	"deeper":        {seconds: 1},
	"twice":         {seconds: 1},
	"comma":         {seconds: 1},
	"event-stream":  {seconds: 1, source: catalog.FromModel},
	"no-confidence": {seconds: 1, source: catalog.FromLogprobs},
	"no-logprobs":   {seconds: 1, source: catalog.FromModel},
	"raw-logprobs":  {seconds: 1, source: catalog.FromModel},
	"bodies":        {seconds: 1},
	"cut-body":      {calls: 120, seconds: 60},
	// Answers of no use, at which the first question tries other ways to ask.
	"prose":    {reason: fault.MalformedAnswer, calls: 30 + 7, seconds: 10},
	"babble":   {reason: fault.MalformedAnswer, calls: 30 + 7, seconds: 10},
	"echo":     {reason: fault.MalformedAnswer, calls: 30 + 7, seconds: 10},
	"mismatch": {reason: fault.MalformedAnswer, calls: 30 + 7, seconds: 10},

	// Further servers: parameters.
	"gemma-system-role":   {calls: 7, seconds: 4},
	"roles-alternate-500": {calls: 8, seconds: 10},
	"qwen-stream-only":    {calls: 7, seconds: 4},
	"tgi-limit-ignored":   {calls: 7, seconds: 4},
	"litellm-unsupported": {calls: 7, seconds: 4, source: catalog.FromModel},
	"tgi-temperature":     {calls: 7, seconds: 4},
	"databricks-cap":      {calls: 7, seconds: 4},

	// Errors.
	"zhipu-balance":     {reason: fault.QuotaExhausted, says: "余额不足", seconds: 1},
	"dashscope-arrears": {reason: fault.QuotaExhausted, says: "good standing", seconds: 1},
	"watsonx-quota":     {reason: fault.QuotaExhausted, says: "quota", seconds: 1},
	"vertex-quota":      {calls: 100, seconds: 30},
	"bedrock-throttled": {calls: 100, seconds: 30},
	"minimax-badkey":    {reason: fault.UpstreamAuth, says: "login fail", seconds: 20},
	"minimax-speed":     {calls: 100, seconds: 30},
	"error-200":         {reason: fault.UpstreamAuth, says: "Invalid API key", seconds: 1},
	"error-200-busy":    {calls: 60, seconds: 60},
	"detail-wait":       {calls: 60, seconds: 20},
	"hf-loading":        {calls: 60, seconds: 45},
	"tgi-424":           {calls: 60, seconds: 60},
	"llamacpp-too-long": {reason: fault.UpstreamRejected, says: "exceeds the available context size", seconds: 2},
	"apim-key-header":   {calls: 1, seconds: 20},
	"minimax-x-api-key": {calls: 3, seconds: 20},

	"baidu-qps":         {calls: 100, seconds: 30},
	"lmstudio-unloaded": {calls: 30, seconds: 60},
	"ollama-memory":     {reason: fault.UpstreamUnavailable, calls: 110, seconds: 120},
	"kimi-concurrency":  {calls: 150, seconds: 60},
	"openai-too-large":  {reason: fault.UpstreamRejected, says: "Requested 4245", calls: 4, seconds: 4},
	"groq-too-large":    {reason: fault.UpstreamRejected, says: "Requested 4245", calls: 4, seconds: 4},
	"deepseek-model":    {reason: fault.UpstreamRejected, says: "Model Not Exist", calls: 8, seconds: 4},

	// Answers that are none, or stand elsewhere.
	"no-choices":        {calls: 90, seconds: 60},
	"deepseek-empty":    {calls: 60, seconds: 60},
	"ended-early":       {calls: 60, seconds: 60},
	"zhipu-sensitive":   {reason: fault.Refused, seconds: 1},
	"gemini-max-tokens": {calls: 7, seconds: 4},
	"places":            {seconds: 1},
	"empty-error":       {seconds: 1, source: catalog.FromModel},
	"other-types":       {seconds: 1},
	"thoughts":          {seconds: 1},
	"raw-newline":       {seconds: 1},
	"nan-logprobs":      {seconds: 1, source: catalog.FromModel},
	"cumulative":        {seconds: 1, source: catalog.FromModel},
	"base-other":        {base: "/v1/responses", calls: 5, seconds: 2},
	"base-501":          {base: "/", calls: 3, seconds: 2},

	// Further ones of the same kinds.
	"failure-numbered": {calls: 8, seconds: 10, source: catalog.FromModel},
	"page-500":         {calls: 8, seconds: 10, source: catalog.FromModel},
	"page-400":         {calls: 7, seconds: 4},
	"empty-500":        {calls: 8, seconds: 10},
	"tgi-grammar":      {calls: 8, seconds: 10},
	"gateway-refusal":  {calls: 8, seconds: 10, source: catalog.FromModel},
	"tgi-context":      {calls: 2, seconds: 4},
	"vllm-too-long":    {reason: fault.UpstreamRejected, says: "shorten the item", seconds: 2},
	"anthropic-limits": {reason: fault.QuotaExhausted, says: "usage limits", seconds: 1},
	"ollama-weekly":    {reason: fault.QuotaExhausted, says: "weekly usage limit", seconds: 1},
	"xai-no-credits":   {reason: fault.QuotaExhausted, says: "any credits", seconds: 1},
	"cohere-trial":     {reason: fault.RateLimited, seconds: 1},
	"wait-in-hours":    {reason: fault.RateLimited, seconds: 1},
	"dashscope-speed":  {calls: 100, seconds: 30},
	"groq-restricted":  {reason: fault.UpstreamAuth, says: "restricted", seconds: 20},
	"kimi-filter":      {reason: fault.Refused, says: "high risk", seconds: 1},
	"gemini-blocked":   {reason: fault.Refused, says: "PROHIBITED_CONTENT", seconds: 1},
	"ollama-model":     {reason: fault.UpstreamRejected, says: "name a model", seconds: 1},
	"xai-model":        {reason: fault.UpstreamRejected, says: "name a model", seconds: 1},
	"vllm-model":       {reason: fault.UpstreamRejected, says: "name a model", seconds: 1},
	"newapi-model":     {reason: fault.UpstreamRejected, says: "name a model", seconds: 1},
	"stray":            {calls: 5, seconds: 20},
	"late":             {failed: 3, calls: 3, seconds: 10},
	"aws-path":         {base: "/", calls: 3, seconds: 2},
	"base-page":        {base: "/", calls: 3, seconds: 4},
	"kong-key":         {calls: 1, seconds: 20},
	"mislabelled":      {seconds: 1},
	"lines":            {seconds: 1, source: catalog.FromModel},
	"no-refusal":       {seconds: 1},
	"near-json":        {seconds: 1, source: catalog.FromLogprobs},
	"odd-values":       {seconds: 1},

	"outage-500":        {failed: 3, calls: 90, seconds: 30, source: catalog.FromLogprobs},
	"stream-plain":      {calls: 8, seconds: 4},
	"limit-required":    {calls: 7, seconds: 4},
	"context-limit":     {calls: 2, seconds: 4},
	"think-aloud":       {calls: 7, seconds: 4},
	"newapi-used-up":    {reason: fault.QuotaExhausted, says: "额度已用尽", seconds: 1},
	"newapi-not-enough": {reason: fault.QuotaExhausted, says: "not enough", seconds: 1},
	"payment-method":    {reason: fault.QuotaExhausted, says: "payment method", seconds: 1},
	"base-api":          {base: "/", calls: 5, seconds: 2},
	"second-choice":     {seconds: 1, source: catalog.FromModel},

	// Answers in further places, forms and spellings.
	"finish-names":      {seconds: 1, source: catalog.FromLogprobs},
	"parts":             {seconds: 1, source: catalog.FromModel},
	"further-places":    {seconds: 1, source: catalog.FromModel},
	"places-differ":     {reason: fault.MalformedAnswer, says: "differ", calls: 30 + 7, seconds: 10},
	"draft-cut-off":     {calls: 7, seconds: 4},
	"cut-always":        {calls: 7, seconds: 4, source: catalog.FromLogprobs},
	"cut-always-silent": {calls: 7, seconds: 4, source: catalog.FromLogprobs},
	"cut-unsaid":        {calls: 30, seconds: 4, source: catalog.FromLogprobs},
	"nearer-json":       {seconds: 1, source: catalog.FromLogprobs},
	"names":             {seconds: 1},
	"vllm-max-logprobs": {calls: 7, seconds: 4, source: catalog.FromLogprobs},
	"stream-only-406":   {calls: 7, seconds: 4},

	// Parameters that are not refused, but spoil the answer.
	"modelscope-schema":  {calls: 7, seconds: 4},
	"ollama-format":      {calls: 7, seconds: 4},
	"whitespace-forever": {calls: 7, seconds: 4},
	"logprobs-empty":     {calls: 7, seconds: 4, source: catalog.FromModel},
	"system-ignored":     {calls: 7, seconds: 4},
	"spoilt-at-first":    {calls: 30, seconds: 10},

	// Errors in the words and forms of further providers.
	"concurrency-400":    {calls: 60, seconds: 20},
	"concurrency-403":    {calls: 60, seconds: 20},
	"concurrency-503":    {calls: 60, seconds: 20},
	"overloaded-400":     {calls: 60, seconds: 30},
	"overloaded-403":     {calls: 60, seconds: 30},
	"overloaded-500":     {calls: 60, seconds: 30},
	"overloaded-200":     {calls: 60, seconds: 30},
	"zhipu-busy":         {calls: 120, seconds: 20},
	"cerebras-failure":   {calls: 12, seconds: 10},
	"timed-out-400":      {calls: 12, seconds: 10},
	"litellm-cooldown":   {calls: 5, seconds: 10},
	"secondary-limit":    {calls: 5, seconds: 12},
	"apim-quota-soon":    {calls: 5, seconds: 12},
	"apim-quota":         {reason: fault.QuotaExhausted, says: "23:59:59", seconds: 1},
	"gemini-limit-0":     {reason: fault.QuotaExhausted, says: "exceeded your current quota", seconds: 1},
	"databricks-limit-0": {reason: fault.QuotaExhausted, says: "rate limit of 0", seconds: 1},
	"vercel-card":        {reason: fault.QuotaExhausted, says: "credit card", seconds: 1},
	"kserve-starting":    {calls: 60, seconds: 35},
	"fireworks-scaling":  {calls: 60, seconds: 50},
	"gemini-location":    {reason: fault.UpstreamAuth, says: "User location", seconds: 20},
	"litellm-expired":    {reason: fault.UpstreamAuth, says: "Expired Key", seconds: 1},
	"fastapi-header":     {reason: fault.UpstreamAuth, says: "authorization", seconds: 20},
	"aws-key":            {calls: 1, seconds: 20},
	"proxy-407":          {reason: fault.UpstreamAuth, says: "407", seconds: 20},
	"anthropic-model":    {reason: fault.UpstreamRejected, says: "name a model", seconds: 1},
	"together-model":     {reason: fault.UpstreamRejected, says: "name a model", seconds: 1},
	"openrouter-model":   {reason: fault.UpstreamRejected, says: "name a model", seconds: 1},
	"ark-model":          {reason: fault.UpstreamRejected, says: "name a model", seconds: 1},
	"groq-terms":         {reason: fault.UpstreamRejected, says: "name a model", seconds: 1},
	"openai-no-chat":     {reason: fault.UpstreamRejected, says: "name a model", seconds: 1},
	"huggingface-model":  {reason: fault.UpstreamRejected, says: "name a model", seconds: 1},
	"ark-filter":         {reason: fault.Refused, failed: 1, says: "sensitive information", seconds: 2},
	"deepseek-filter":    {reason: fault.Refused, failed: 1, says: "Content Exists Risk", seconds: 2},
	"xai-filter":         {reason: fault.Refused, failed: 1, says: "usage guidelines", seconds: 2},
	"cloudflare-filter":  {reason: fault.Refused, failed: 1, says: "blocked", seconds: 2},
	"filter-451":         {reason: fault.Refused, failed: 1, says: "451", seconds: 2},
	"portkey-filter":     {reason: fault.Refused, failed: 1, says: "guardrail", seconds: 2},
	"mistral-too-long":   {reason: fault.UpstreamRejected, says: "shorten the item", seconds: 1},
	"xai-too-long":       {reason: fault.UpstreamRejected, says: "shorten the item", seconds: 1},
	"dashscope-too-long": {reason: fault.UpstreamRejected, says: "shorten the item", seconds: 1},
	"vllm-room":          {calls: 1, seconds: 2},
	"apigee-spike":       {calls: 80, seconds: 20},
	"tencent-key":        {reason: fault.UpstreamAuth, says: "SecretId", seconds: 20},
	"nested-wait":        {calls: 5, seconds: 12},
	"nested-key":         {reason: fault.UpstreamAuth, says: "reported as leaked", seconds: 1},
	"redirect-login":     {reason: fault.UpstreamRejected, says: "redirects to https://login.example.com/oauth2/authorize", calls: 5, seconds: 5},
	"redirect-loop":      {reason: fault.UpstreamRejected, says: "redirects to /v1/chat/completions", calls: 5 * 40, seconds: 20},
	"base-gemini":        {base: "/v1beta", calls: 3, seconds: 2},
	"base-slashes":       {base: "//v1/", seconds: 1},
	"limit-below-left":   {seconds: 5},

	// Statuses and forms of further servers.
	"parameter-401":            {calls: 7, seconds: 4, source: catalog.FromModel},
	"parameter-405":            {calls: 7, seconds: 4},
	"gigachat-blacklist":       {reason: fault.Refused, seconds: 1},
	"nest-credits":             {reason: fault.QuotaExhausted, says: "Insufficient credits", seconds: 1},
	"portkey-usage":            {reason: fault.QuotaExhausted, says: "usage limit", seconds: 1},
	"gemini-no-header":         {reason: fault.UpstreamAuth, says: "Authorization header", seconds: 20},
	"nim-end-of-life":          {reason: fault.UpstreamRejected, says: "name a model", seconds: 1},
	"ollama-subscription":      {reason: fault.UpstreamRejected, says: "name a model", seconds: 1},
	"sglang-too-long":          {reason: fault.UpstreamRejected, says: "shorten the item", calls: 6, seconds: 1},
	"llamacpp-python-too-long": {reason: fault.UpstreamRejected, says: "shorten the item", calls: 6, seconds: 1},
	"ark-hours":                {reason: fault.RateLimited, says: "5-hour usage quota", seconds: 1},
	"ollama-hourly":            {reason: fault.RateLimited, says: "hourly usage limit", seconds: 1},
	"zhipu-fair-use":           {reason: fault.RateLimited, says: "Fair Usage Policy", calls: 60, seconds: 120},
	"dashscope-token-limit":    {calls: 100, seconds: 30},
	"requests-remaining-0":     {calls: 60, seconds: 20},
	"minimax-growth":           {calls: 100, seconds: 30},
	"engine-busy":              {calls: 100, seconds: 30},
	"login-page":               {reason: fault.UpstreamRejected, says: "Sign in", calls: 6, seconds: 4},
	"stream-text":              {seconds: 1, source: catalog.FromModel},
	"apriel-final":             {seconds: 1},
}

// TestEveryBehaviourOfRealServersEndsAsItShould asks each of them for 30 items at once,
// through the real gate.
func TestEveryBehaviourOfRealServersEndsAsItShould(t *testing.T) {
	for name, want := range behaviourEndings {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playBehaviour(t, name, want) })
		})
	}
}

func playBehaviour(t *testing.T, name string, want ending) {
	const items = 30
	sim, local := testkit.ServeSim(t, llmsim.Config{
		Seed: 1, Behaviours: []string{name}, Schema: newPrompt(t).Schema(),
	})
	base := local.URL
	if want.base != "" {
		base = strings.TrimSuffix(base, "/v1") + want.base
	}
	config := llm.Config{Model: "m", Settings: want.settings, Transport: local.Client.Transport}
	c, err := llm.New(config, newGate(t, base, 32, testKey), newPrompt(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	start := time.Now()
	answers, failures := askBehaviour(t, c, items, want.pictures)
	if took := time.Since(start); took > time.Duration(want.seconds)*time.Second {
		t.Errorf("took %v, want at most %d s", took, want.seconds)
	}
	least := 0
	if want.reason != 0 && want.failed == 0 {
		least, want.failed = items, items
	}
	if len(failures) < least || len(failures) > want.failed {
		t.Errorf("%d of %d items failed, want %d to %d", len(failures), items, least, want.failed)
	}
	for _, err := range failures {
		if want.reason == 0 && want.failed > 0 {
			break
		}
		if checkEnd(t, err, want.reason, want.says); t.Failed() {
			break
		}
	}
	if calls := int(sim.Stats().Calls); calls > items+want.calls {
		t.Errorf("%d calls, want at most %d", calls, items+want.calls)
	}
	checkConfidences(t, answers, want.source)
}

// TestEveryBehaviourHasAnEnding names those that other tests play, each with its reason.
func TestEveryBehaviourHasAnEnding(t *testing.T) {
	elsewhere := []string{
		"reset", "hang", "half", "garbage", "html", "cut", "throttle", "error", "unavailable", "forbidden", // TestEveryEnd
	}
	for _, name := range llmsim.Behaviours() {
		if _, ok := behaviourEndings[name]; ok == slices.Contains(elsewhere, name) {
			t.Errorf("%s: it has a row here: %v", name, ok)
		}
	}
}

// askBehaviour asks for items at once, one of which looks like an attack.
func askBehaviour(t *testing.T, c *llm.Client, items int, pictures bool) (answers []catalog.Answer, failures []error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range items {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			q := catalog.Question{Item: &catalog.Item{Name: fmt.Sprintf("sofa %d", i)}}
			if i == items-1 {
				q.Item.Description = "oak'; DROP TABLE products; --"
			}
			if pictures {
				q.Picture = &catalog.Picture{Data: []byte{0xff, 0xd8, 0xff, 0xe0}, MediaType: "image/jpeg"}
			}
			answer, err := c.Ask(ctx, q)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failures = append(failures, err)
			} else {
				answers = append(answers, answer)
			}
		})
	}
	wg.Wait()
	return answers, failures
}

// checkConfidences checks that each answer's confidence is from the source, 0: from any
// that is known.
func checkConfidences(t *testing.T, answers []catalog.Answer, want catalog.ConfidenceSource) {
	t.Helper()
	for _, a := range answers {
		v := &a.Classification
		known := []catalog.ConfidenceSource{catalog.FromLogprobs, catalog.FromModel}
		if want != 0 {
			known = []catalog.ConfidenceSource{want}
		}
		if !slices.Contains(known, v.ConfidenceSource) || v.Confidence < 0 || v.Confidence > 1 {
			t.Errorf("confidence %v from %d, want one from %v", v.Confidence, v.ConfidenceSource, known)
			return
		}
	}
}
