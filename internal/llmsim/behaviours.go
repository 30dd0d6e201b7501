package llmsim

import "time"

// behaviours are the ways of servers by name. The first are plain faults, the
// others come from public reports about servers that are in use; the report or the
// documentation stands above each.
var behaviours = map[string]Behaviour{
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
	// RFC 9110
	"retry-date": {{Until: 3 * time.Second, Status: 429, Header: map[string]string{"Retry-After": "$DATE"}, Body: `{"error":{"message":"Too many requests"}}`}},
	// maximhq/bifrost#5425, genkit-ai/genkit#6259
	"openrouter-choice": {{Attempts: 3, Cut: true, Finish: "error", Choice: `,"error":{"code":502,"message":"Provider returned error"}`}},

	// Reasoning models.

	// ollama/ollama#15288: all of the room goes into the reasoning.
	"ollama-thinking": {{
		If: []string{"max_completion_tokens<1500"}, Finish: "length",
		Message: `{"role":"assistant","content":"","reasoning":"The user wants a category."}`,
	}},
	// vllm-project/vllm#19222, lmstudio-ai/lmstudio-bug-tracker#1773
	"reasoning-only": {{Message: `{"role":"assistant","content":null,"reasoning_content":$TEXT}`}},

	// Slow and starting servers.

	// ollama/ollama#8006, danny-avila/LibreChat#3330
	"ollama-coldload": {{Load: 40 * time.Second}},
	// MiniMax-AI/MiniMax-M2.7#31
	"slow-model": {{Latency: 45 * time.Second}},

	// Bodies.

	// BerriAI/litellm#6741
	"tool-calls": {{Finish: "tool_calls", Message: `{"role":"assistant","content":null,"tool_calls":[` +
		`{"id":"1","type":"function","function":{"name":"json_tool_call","arguments":$TEXT}}]}`}},
	// NVIDIA/TensorRT-LLM#9256, ml-explore/mlx-lm#1867
	"harmony": {{Content: `<|channel|>analysis<|message|>It could be {"category":"BED","confidence":0.4} but no.<|end|>` +
		`<|start|>assistant<|channel|>final<|message|>$JSON`}},
	// ollama/ollama#16563
	"no-confidence": {{Replace: [2]string{`"confidence":[0-9.]+`, `"confidence":"high"`}}},
	// A stream although none was asked for.
	"event-stream": {{Header: map[string]string{"Content-Type": "text/event-stream"}, Body: `data: {"id":"chatcmpl-1","object":"chat.completion.chunk",` +
		`"choices":[{"index":0,"delta":{"role":"assistant","content":$TEXT},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"}},
	// openrouter.ai/docs: an error with the status 200.
	"openrouter-402": {{Body: "\n         \n\n" + `{"error":{"code":402,"message":"This request requires more credits, or fewer max_tokens."}}`}},
}

// What several behaviours have in common.
var (
	asksLogprobs = []string{"logprobs==true"}
	asksSchema   = []string{`response_format.type=="json_schema"`}
	asHTML       = map[string]string{"Content-Type": "text/html; charset=utf-8"}
)
