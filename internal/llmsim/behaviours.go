package llmsim

import (
	"maps"
	"time"
)

// behaviours are the ways of servers by name. "good" is one without any fault. The first are plain faults, the
// others come from public reports about servers that are in use; the report or the
// documentation stands above each.
var behaviours = joined(faultBehaviours, answerBehaviours)

func joined(all ...map[string]Behaviour) map[string]Behaviour {
	sum := map[string]Behaviour{}
	for _, some := range all {
		maps.Copy(sum, some)
	}
	return sum
}

// faultBehaviours are plain faults, refusals, errors, slowness and addresses.
var faultBehaviours = map[string]Behaviour{
	"good": {{}},

	// Faults.
	"reset":       {{Break: "reset"}},
	"hang":        {{Break: "hang"}},
	"half":        {{Break: "half"}},
	"garbage":     {{Body: "\x00\x17\xfe}{]\"\xc3:::"}},
	"html":        {{Header: asHTML, Body: "<html><head><title>Welcome</title></head><body>A proxy's page.</body></html>\n"}},
	"babble":      {{Content: "Certainly! Let me think about {this: one, step by"}},
	"mismatch":    {{Content: `{"simulated":"an object that follows no schema"}`}},
	"cut":         {{Cut: true}},
	"throttle":    {{Status: 429}}, // with the quota's headers still showing room
	"error":       {{Status: 500}},
	"unavailable": {{Status: 503}},
	"refuse":      {{Message: `{"role":"assistant","content":null,"refusal":"I'm sorry, but I can't assist with that request."}`}},
	"filter":      {{Message: `{"role":"assistant","content":"","refusal":null}`, Finish: "content_filter"}},

	// Keys that are not served.
	"revoked":   {{Status: 401, Body: `{"error":{"message":"Incorrect API key provided: $KEY.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`}},
	"forbidden": {{Status: 403, Body: `{"error":{"message":"You have insufficient permissions for this operation.","type":"invalid_request_error","param":null,"code":"permission_denied"}}`}},
	"exhausted": {{Status: 429, Body: `{"error":{"message":"You exceeded your current quota, please check your plan and billing details.",` +
		`"type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`}},

	// What a server makes of a schema.
	"prose":  {{Content: string(prose.text)}},
	"fenced": {{Content: "Here is the result:\n```json\n$JSON\n```"}},
	"no-schema": {{If: asksSchema, Status: 400, Body: `{"error":{"message":"Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",` +
		`"type":"invalid_request_error","param":"response_format","code":"unsupported_parameter"}}`}},
	"deeper": {{Content: `{"result":$JSON}`}},
	"twice":  {{Content: "$JSON\n$JSON"}},
	"comma":  {{Replace: [2]string{`\}$`, ",}"}}},

	// What a server makes of log-probabilities.
	"no-logprobs": {{NoLogprobs: true}},
	// OpenAI's reasoning models.
	"openai-logprobs": {{If: asksLogprobs, Status: 400, Body: `{"error":{"message":"You are not allowed to request logprobs from this model.",` +
		`"type":"invalid_request_error","param":"logprobs","code":"unsupported_parameter"}}`}},

	// Parameters that are refused.

	// jeremychone/rust-genai#110, genkit-ai/genkit#1393, Kilo-Org/kilocode#5333
	"gemini-schema": {{If: []string{"response_format.json_schema.schema.properties.secondary_style.type.0"}, Status: 400, Body: `[{"error":{"code":400,` +
		`"message":"Invalid JSON payload received. Unknown name \"type\" at 'generation_config.response_schema.properties[3].value': Proto field is not repeating, cannot start list.",` +
		`"status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[]}]}}]`}},
	// googleapis/python-genai#1921
	"gemini-logprobs": {{If: asksLogprobs, Status: 400, Body: `[{"error":{"code":400,` +
		`"message":"Logprobs is not enabled for models/gemini-2.5-flash","status":"INVALID_ARGUMENT"}}]`}},
	// Azure/azure-sdk-for-java#37082, microsoft/semantic-kernel#574
	"azure-logprobs": {{If: asksLogprobs, Status: 400, Body: `{"error":{"code":"BadRequest",` +
		`"message":"logprobs, best_of and echo parameters are not available on gpt-35-turbo model. Please remove the parameter and try again."}}`}},
	// countbot-ai/CountBot#61, opencyvis/opencyvis-phone#12
	"kimi-temperature": {{If: []string{"temperature!=1"}, Status: 400, Body: `{"error":{` +
		`"message":"invalid temperature: only 1 is allowed for this model","type":"invalid_request_error"}}`}},
	// presenton/presenton#184
	"qwen-jsonmode": {{If: []string{"response_format"}, Status: 400, Body: `{"error":{` +
		`"message":"<400> InternalError.Algo.InvalidParameter: Json mode response is not supported when enable_thinking is true",` +
		`"type":"invalid_request_error","param":null,"code":"invalid_parameter_error"}}`}},
	// ggml-org/llama.cpp#23775, QwenLM/qwen-code#10435
	"llamacpp-grammar": {{If: asksSchema, Status: 400, Body: `{"error":{"code":400,` +
		`"message":"Failed to initialize samplers: failed to parse grammar","type":"invalid_request_error"}}`}},
	// Azure/azure-sdk-for-net#45894
	"azure-format-value": {{If: asksSchema, Status: 400, Body: `{"error":{` +
		`"message":"Invalid value: 'json_schema'. Supported values are: 'json_object' and 'text'.",` +
		`"type":"invalid_request_error","param":"response_format.type","code":"invalid_value"}}`}},
	// lmstudio-ai/lmstudio-bug-tracker#307: the schema itself is accepted.
	"lmstudio-format": {{If: []string{`response_format.type=="json_object"`}, Status: 400, Body: `{"error":"'response_format.type' must be 'json_schema' or 'text'"}`}},
	// sgl-project/sglang#5984: what is impossible has no form in JSON.
	"sglang-logprobs-500": {{If: asksLogprobs, Status: 500, Body: `{"object":"error",` +
		`"message":"Out of range float values are not JSON compliant: -inf","type":"InternalServerError","param":null,"code":500}`}},
	// griptape-ai/ComfyUI-Griptape#312: one refusal after the other.
	"openai-o-series": {
		{If: []string{"max_tokens"}, Status: 400, Body: `{"error":{` +
			`"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",` +
			`"type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}`},
		onlyTemperature1, noLogprobs403,
	},
	// docs.mistral.ai: what is not known is refused, and the content is a list of parts.
	"mistral-extra": {
		{If: []string{"logprobs"}, Status: 422, Body: `{"object":"error","message":{"detail":[` +
			`{"type":"extra_forbidden","loc":["body","logprobs"],"msg":"Extra inputs are not permitted","input":true}]},"type":"invalid_request_error"}`},
		{If: []string{"max_completion_tokens"}, Status: 422, Body: `{"object":"error","message":{"detail":[` +
			`{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted","input":600}]},"type":"invalid_request_error"}`},
		{Message: `{"role":"assistant","content":[` +
			`{"type":"thinking","thinking":[{"type":"text","text":"Perhaps {\"category\":\"BED\"}"}]},{"type":"text","text":$TEXT}]}`},
	},
	// vllm-project/vllm: question and room exceed the context.
	"context-400": {
		{If: []string{"max_completion_tokens>400"}, Status: 400, Body: contextExceeded},
		{If: []string{"max_tokens>400"}, Status: 400, Body: contextExceeded},
	},
	// ggml-org/llama.cpp#13566
	"llamacpp-picture": {{Picture: true, Status: 500, Body: `{"error":{"code":500,` +
		`"message":"image input is not supported - hint: if this is unexpected, you may need to provide the mmproj","type":"server_error"}}`}},

	// What an error means.

	// console.groq.com/docs/errors: one call in three fails, and works when asked again.
	"groq-json": {{Every: 3, Nth: 1, Status: 400, Body: `{"error":{` +
		`"message":"Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for more details.","type":"invalid_request_error",` +
		`"code":"json_validate_failed","failed_generation":"{\"category\": \"SOFA\", \"confidence\": 0.9"}}`}},
	// RooCodeInc/Roo-Code#6459, esengine/DeepSeek-Reasonix#4106: the key works before and after.
	"transient-401": {{Nth: 25, Status: 401, Body: `{"error":{"message":"No auth credentials found","type":"auth","code":401}}`}},
	// OpenHands/OpenHands#4480, anthropics/claude-code#43238
	"waf-403": {{
		Text: "DROP TABLE", Status: 403, Header: map[string]string{"Content-Type": "text/html", "Server": "cloudflare"},
		Body: "<!DOCTYPE html><title>Attention Required! | Cloudflare</title><h1>Sorry, you have been blocked</h1>",
	}},
	// googleapis/python-genai#1875, dcdpr/jp#1061
	"gemini-429": {{Until: 10 * time.Second, Status: 429, Body: `[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED",` +
		`"message":"You exceeded your current quota, please check your plan and billing details. Please retry in $LEFTs.","details":[` +
		`{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier","quotaValue":"10"}]},` +
		`{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"$LEFTs"}]}}]`}},
	// BerriAI/litellm#32798: no header, and a code that says nothing.
	"litellm-quota": {{Status: 429, Body: `{"error":{` +
		`"message":"litellm.RateLimitError: RateLimitError: OpenAIException - You exceeded your current quota, please check your plan and billing details.",` +
		`"type":"None","param":"None","code":"429"}}`}},
	// langchain-ai/langchainjs#1929
	"quota-429": {{Status: 429, Body: `{"error":{"message":"You exceeded your current quota, please check your plan and billing details.",` +
		`"type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`}},
	// continuedev/continue#12828, n4ze3m/page-assist#406
	"gemini-badkey": {{Status: 400, Body: `[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT",` +
		`"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}}]`}},
	// dcdpr/jp#1061: the wait is short, but the quota is a day's.
	"gemini-daily": {{Status: 429, Body: `[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED",` +
		`"message":"You exceeded your current quota, please check your plan and billing details. Please retry in 40.2s.","details":[` +
		`{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier","quotaValue":"50"}]},` +
		`{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"40s"}]}}]`}},
	// console.groq.com/docs/rate-limits: tokens per day, which the headers do not show.
	"groq-tpd": {{
		Status: 429, Header: map[string]string{
			"Retry-After": "3912", "X-RateLimit-Limit-Tokens": "18000", "X-RateLimit-Remaining-Tokens": "17997", "X-RateLimit-Reset-Tokens": "7.66s",
		},
		Body: `{"error":{"message":"Rate limit reached for model on tokens per day (TPD): Limit 100000, Used 99924, Requested 2900. Please try again in 1h5m12s.",` +
			`"type":"tokens","code":"rate_limit_exceeded"}}`,
	}},
	"retry-86400": {{Status: 429, Header: map[string]string{"Retry-After": "86400"}, Body: `{"error":{"message":"Daily limit reached"}}`}},
	// Azure's content filter, of the question and of the answer in turn.
	"azure-filter": {
		{Every: 2, Nth: 1, Status: 400, Body: `{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",` +
			`"type":null,"param":"prompt","code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}`},
		{Message: `{"role":"assistant","content":""}`, Finish: "content_filter"},
	},
	"region-403": {{Status: 403, Body: `{"error":{"message":"Country, region, or territory not supported",` +
		`"type":"request_forbidden","param":null,"code":"unsupported_country_region_territory"}}`}},
	// Cloudflare: its origin is slow, or it doubts the client.
	"cloudflare-524": {
		{Every: 4, Nth: 3, Header: asHTML, Body: "<html><head><title>Just a moment...</title></head></html>"},
		{Every: 2, Nth: 1, Status: 524, Header: asHTML, Body: "<html><head><title>524: A timeout occurred</title></head></html>"},
	},
	// One call in three, each time with another status.
	"overloaded": {
		{Every: 15, Nth: 0, Status: 529, Body: overloaded},
		{Every: 15, Nth: 3, Status: 408, Body: overloaded},
		{Every: 15, Nth: 6, Status: 409, Body: overloaded},
		{Every: 15, Nth: 9, Status: 499, Body: overloaded},
		{Every: 15, Nth: 12, Status: 520, Body: overloaded},
	},
	// RFC 9110
	"retry-date": {{Until: 3 * time.Second, Status: 429, Header: map[string]string{"Retry-After": "$DATE"}, Body: `{"error":{"message":"Too many requests"}}`}},
	// maximhq/bifrost#5425, genkit-ai/genkit#6259
	"openrouter-choice": {{Attempts: 3, Cut: true, Finish: "error", Choice: `,"error":{"code":502,"message":"Provider returned error"}`}},

	// Reasoning models.

	// ollama/ollama#15288: all of the room goes into the reasoning.
	"ollama-thinking": {{
		If: []string{"max_completion_tokens<1500"}, Finish: "length",
		Message: `{"role":"assistant","content":"","reasoning":"The user wants a category."}`,
	}, {Message: `{"role":"assistant","content":$TEXT,"reasoning":"The user wants a category."}`}},
	// OpenAI's GPT-5: 4,000 tokens of reasoning that nothing shows.
	"gpt5-room": {
		onlyTemperature1, noLogprobs403,
		{Under: 4100, Message: `{"role":"assistant","content":""}`, Finish: "length", Usage: `{"prompt_tokens":2600,"completion_tokens":4000,"total_tokens":6600,` +
			`"completion_tokens_details":{"reasoning_tokens":4000}}`},
		{Usage: `{"prompt_tokens":2600,"completion_tokens":4090,"total_tokens":6690,"completion_tokens_details":{"reasoning_tokens":4000}}`},
	},
	// vllm-project/vllm#19222, lmstudio-ai/lmstudio-bug-tracker#1773
	"reasoning-only": {{Message: `{"role":"assistant","content":null,"reasoning_content":$TEXT}`}},

	// Slow and starting servers.

	// ollama/ollama#8006, danny-avila/LibreChat#3330
	"ollama-coldload": {{Load: 40 * time.Second}},
	// MiniMax-AI/MiniMax-M2.7#31
	"slow-model": {{Latency: 45 * time.Second}},

	// OLLAMA_NUM_PARALLEL=1
	"ollama-queue": {{Alone: true, Latency: 2 * time.Second}},

	// Addresses.

	// windmill-labs/windmill#10362, cline/cline#444
	"azure-classic": {
		{NotAt: `^/openai/deployments/gpt4o/chat/completions\?(.*&)?api-version=.`, Status: 404, Body: `{"error":{"code":"404","message":"Resource not found"}}`},
		{Without: "api-key", Status: 401, Body: `{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}}`},
	},
	// 1jehuang/jcode#310
	"base-no-v1": {{NotAt: `^/v1/`, Status: 404, Header: map[string]string{"Content-Type": "text/plain"}, Body: "404 page not found"}},
	// clusterzx/paperless-ai#246
	"base-full": {{NotAt: `^/v1/chat/completions$`, Status: 404, Body: `{"detail":"Not Found"}`}},
	// LM Studio: "Returning 200 anyway"
	"lmstudio-200": {{NotAt: `^/v1/`, Body: `{"error":"Unexpected endpoint or method. (POST /chat/completions)"}`}},

	// What servers in use do, of the same kinds.

	// vllm-project/vllm#2964, huggingface/chat-ui#1386: the model's template knows no system role.
	"gemma-system-role": {{If: asksSystem, Status: 400, Body: `{"object":"error","message":"System role not supported","type":"BadRequestError","param":null,"code":400}`}},
	// anomalyco/opencode#5034: the same from llama.cpp, as a failure.
	"roles-alternate-500": {{If: asksSystem, Status: 500, Body: `{"error":{"code":500,` +
		`"message":"Conversation roles must alternate user and assistant roles. at row 189, column 164","type":"server_error"}}`}},
	// langchain4j/langchain4j#3974, musistudio/claude-code-router#948: only streams are served.
	"qwen-stream-only": {
		{If: []string{"stream==~false"}, Status: 400, Body: `{"error":{` +
			`"message":"parameter.enable_thinking must be set to false for non-streaming calls","type":"invalid_request_error","param":null,"code":"invalid_parameter_error"}}`},
		{Events: true},
	},
	// huggingface/text-generation-inference#2925, huggingface/huggingface_hub#2652: the newer name of the limit is
	// ignored, and the default is 100 tokens.
	"tgi-limit-ignored": {{If: []string{"max_tokens==~false"}, Cut: true, Usage: `{"prompt_tokens":2600,"completion_tokens":100,"total_tokens":2700}`}},
	// BerriAI/litellm: several parameters in one refusal.
	"litellm-unsupported": {
		{If: []string{"response_format"}, Status: 400, Body: litellmUnsupported},
		{If: asksLogprobs, Status: 400, Body: litellmUnsupported},
	},
	// huggingface/text-generation-inference: 0 is no temperature.
	"tgi-temperature": {{If: []string{"temperature==0"}, Status: 422, Body: `{"error":"Input validation error: ` + "`temperature`" +
		` must be strictly positive","error_type":"validation"}`}},
	// databricks/databricks-sdk-go#1183
	"databricks-cap": {
		{If: []string{"max_completion_tokens>512"}, Status: 400, Body: databricksCap},
		{If: []string{"max_tokens>512"}, Status: 400, Body: databricksCap},
	},

	// continuedev/continue#11823, anthropics/claude-code#9201: no money, as too many requests.
	"zhipu-balance": {{Status: 429, Body: `{"error":{"code":"1113","message":"余额不足或无可用资源包,请充值。"}}`}},
	// help.aliyun.com/zh/model-studio/error-code
	"dashscope-arrears": {{Status: 400, Body: `{"error":{` +
		`"message":"Access denied, please make sure your account is in good standing.","type":"Arrearage","param":null,"code":"Arrearage"},"request_id":"1"}`}},
	// IBM watsonx.ai: a quota that is used up, as forbidden.
	"watsonx-quota": {{Status: 403, Body: `{"errors":[{"code":"token_quota_reached",` +
		`"message":"The request was rejected because the token quota of this plan has been reached"}],"trace":"1","status_code":403}`}},
	// cloud.google.com/vertex-ai: a quota of a minute, in the words of one that is used up.
	"vertex-quota": {{Until: 10 * time.Second, Status: 429, Body: `{"error":{"code":429,"status":"RESOURCE_EXHAUSTED",` +
		`"message":"Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_minute_per_base_model with base model: gemini. Please submit a quota increase request."}}`}},
	// aws-samples/bedrock-access-gateway#91: too fast, as a failure.
	"bedrock-throttled": {{Until: 6 * time.Second, Status: 500, Body: `{"detail":"An error occurred (ThrottlingException) when calling the Converse operation ` +
		`(reached max retries: 4): Too many requests, please wait before trying again."}`}},
	// MiniMax-AI/MiniMax-M2.5#18
	"minimax-badkey": {{Body: `{"base_resp":{"status_code":1004,"status_msg":"login fail: Please carry the API secret key in the 'Authorization' field of the request header"}}`}},
	// MiniMax: too fast, with status 200.
	"minimax-speed": {{Until: 6 * time.Second, Body: `{"choices":null,"base_resp":{"status_code":1002,"status_msg":"rate limit exceeded(RPM)"}}`}},
	// mmeyerlein/meclaw#75 and gateways alike: an error with status 200 that is in no member of that name.
	"error-200":      {{Body: `{"code":401,"msg":"Invalid API key","success":false,"data":null}`}},
	"error-200-busy": {{Attempts: 2, Body: `{"code":500,"message":"upstream connect error","data":null}`}},
	// FastAPI behind a rate limiter.
	"detail-wait": {{Until: 8 * time.Second, Status: 429, Body: `{"detail":{"message":"Too many requests","retry_after":$LEFT}}`}},
	// huggingface.co/docs: a model that is being loaded, and for how long.
	"hf-loading": {{Until: 20 * time.Second, Status: 503, Body: `{"error":"Model Qwen/Qwen3-8B is currently loading","estimated_time":$LEFT.0}`}},
	// huggingface/text-generation-inference: a failure as 424.
	"tgi-424": {{Attempts: 2, Status: 424, Body: `{"error":"Request failed during generation: Server error: CANCELLED","error_type":"generation"}`}},
	// ggml-org/llama.cpp: no room is small enough.
	"llamacpp-too-long": {{Status: 400, Body: `{"error":{"code":400,"message":"request (13905 tokens) exceeds the available context size (8192 tokens), try increasing it",` +
		`"type":"exceed_context_size_error","n_prompt_tokens":13905,"n_ctx":8192}}`}},
	// Azure API Management, Kilo-Org/kilocode#11229: the key is wanted in another header.
	"apim-key-header":   {{Without: "Api-Key", Status: 401, Body: `{"statusCode":401,"message":"Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API."}`}},
	"minimax-x-api-key": {{Without: "X-Api-Key", Status: 401, Body: `{"type":"error","error":{"type":"authorized_error","message":"login fail: Please carry the API secret key in the 'X-Api-Key' field of the request header (1004)"}}`}},

	// cloud.baidu.com/doc/WENXINWORKSHOP: too fast, with status 200 and in members of other names.
	"baidu-qps": {{Until: 6 * time.Second, Body: `{"error_code":18,"error_msg":"Open api qps request limit reached","id":"as-1"}`}},
	// QwenLM/qwen-code#3802, lmstudio-ai/lmstudio-bug-tracker#2051: the model was put out of memory meanwhile.
	"lmstudio-unloaded": {{Every: 3, Nth: 2, Status: 400, Body: `{"error":"Model is unloaded."}`}},
	// continuedev/continue#11478: no way of asking helps.
	"ollama-memory": {{Status: 500, Body: `{"error":{"message":"model requires more system memory (2.7 GiB) than is available (2.3 GiB)","type":"api_error","param":null,"code":null}}`}},
	// LLM-Red-Team/kimi-cc#16: three calls at a time, and no others wait.
	"kimi-concurrency": {
		{Beyond: 3, Status: 429, Body: `{"error":{"message":"Your account org-1<ak-1> request reached organization max concurrency: 1, please try again after 1 seconds",` +
			`"type":"rate_limit_reached_error"}}`},
		{Latency: 300 * time.Millisecond},
	},
	// agentlabs-dev/openator#3, console.groq.com/docs/errors: more than a minute's quota in one question, which no wait helps.
	"openai-too-large": {{Status: 429, Body: `{"error":{"message":"Request too large for gpt-4o in organization org-1 on tokens per min (TPM): Limit 2000, Requested 4245. ` +
		`The input or output tokens must be reduced in order to run successfully.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`}},
	"groq-too-large": {{Status: 413, Body: `{"error":{"message":"Request too large for model in organization org_1 service tier on_demand on tokens per minute (TPM): Limit 2000, ` +
		`Requested 4245, please reduce your message size and try again.","type":"tokens","code":"rate_limit_exceeded"}}`}},
	// api-docs.deepseek.com: a model that is not there, as a bad request.
	"deepseek-model": {{Status: 400, Body: `{"error":{"message":"Model Not Exist","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}`}},

	// The base URL is that of another endpoint.
	"base-other": {{NotAt: `^/v1/chat/completions$`, Status: 404, Body: `{"detail":"Not Found"}`}},
	// Python's http.server in front: an HTML page with status 501.
	"base-501": {{NotAt: `^/v1/`, Status: 501, Header: asHTML, Body: "<!DOCTYPE HTML><html><head><title>Error response</title></head><body><p>Message: Unsupported method ('POST').</p></body></html>"}},
}

// What several behaviours have in common.
var (
	asksLogprobs = []string{"logprobs==true"}
	asksSystem   = []string{`messages.0.role=="system"`}
	asksSchema   = []string{`response_format.type=="json_schema"`}
	overloaded   = `{"error":{"message":"Overloaded","type":"overloaded_error"}}`
	asHTML       = map[string]string{"Content-Type": "text/html; charset=utf-8"}
)

// The refusals of models that reason.
var (
	onlyTemperature1 = Rule{If: []string{"temperature!=1"}, Status: 400, Body: `{"error":{` +
		`"message":"Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.",` +
		`"type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}`}
	noLogprobs403 = Rule{If: asksLogprobs, Status: 403, Body: `{"error":{` +
		`"message":"You are not allowed to request logprobs from this model.","type":"invalid_request_error","param":null,"code":null}}`}
)

const contextExceeded = `{"object":"error","message":"This model's maximum context length is 3000 tokens. However, you requested 3200 tokens ` +
	`(2600 in the messages, 600 in the completion). Please reduce the length of the messages or completion.","type":"BadRequestError","param":null,"code":400}`

const (
	litellmUnsupported = `{"error":{"message":"litellm.UnsupportedParamsError: bedrock does not support parameters: ['response_format', 'logprobs', 'top_logprobs'], for model=m. ` +
		`To drop these, set ` + "`litellm.drop_params=True`" + `","type":"None","param":null,"code":"400"}}`
	databricksCap = `{"error_code":"BAD_REQUEST","message":"Bad request: rpc error: code = InvalidArgument desc = max_tokens (600) cannot exceed 512. ` +
		`Please reduce the length of max output tokens generated."}`
)
