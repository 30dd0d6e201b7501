package llmsim

// answerBehaviours are those of servers that answer, in another form than usual.
var answerBehaviours = map[string]Behaviour{
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
	// Servers and proxies that wrap the answer in different ways, each in turn.
	"bodies": {
		{Every: 10, Nth: 0, Content: "Here you are:\n```json\n$JSON\n```\nHope it helps!"},
		{Every: 10, Nth: 1, Content: "<think>It is {a \"draft\"} {\"category\":\"BED\"}</think>\n$JSON"},
		{Every: 10, Nth: 2, Content: "\ufeff$JSON"},
		{Every: 10, Nth: 3, Replace: [2]string{`"reasoning":"`, `"reasoning":"\ud83d `}},
		{Every: 10, Nth: 4, Replace: [2]string{`"confidence":[0-9.]+`, `"confidence":"95%"`}},
		{Every: 10, Nth: 5, Replace: [2]string{`"confidence":[0-9.]+`, `"confidence":95`}},
		{Every: 10, Nth: 6, Replace: [2]string{`^\{`, `{"category":"BED",`}},
		{Every: 10, Nth: 7, Usage: "null"},
		{Every: 10, Nth: 8, Gzip: true},
		{Every: 10, Nth: 9, Body: "\ufeff$BODY"},
	},
	// nginx, envoy: every other body is cut in the middle.
	"cut-body": {{Every: 2, Nth: 1, Break: "half"}},
	// ggml-org/llama.cpp#10783: log-probabilities are those from before the grammar.
	"raw-logprobs": {{Tokens: [2]string{`("token":"[A-Z]+","logprob":)-[0-9.]+`, "${1}-5.0"}}},
	// openrouter.ai/docs: an error with the status 200.
	"openrouter-402": {{Body: "\n         \n\n" + `{"error":{"code":402,"message":"This request requires more credits, or fewer max_tokens."}}`}},

	// theopenco/llmgateway#800, theopenco/llmgateway#3904: answers without any.
	"no-choices": {
		{Attempts: 1, Every: 3, Nth: 1, Body: `{"id":"1","object":"chat.completion","choices":null,"usage":null}`},
		{Attempts: 1, Every: 3, Nth: 2, Body: `{"id":"1","object":"chat.completion","choices":[]}`},
		{Attempts: 1, Every: 3, Nth: 0, Body: "null"},
	},
	// langgenius/dify#13068, api-docs.deepseek.com/guides/json_mode: now and then the content is empty.
	"deepseek-empty": {{Attempts: 2, Message: `{"role":"assistant","content":""}`}},
	// SGLang, DeepSeek: the server ended the answer.
	"ended-early": {
		{Attempts: 1, Cut: true, Finish: "abort"},
		{Attempts: 2, Cut: true, Finish: "insufficient_system_resource"},
	},
	// docs.bigmodel.cn: a filter by another name.
	"zhipu-sensitive": {{Message: `{"role":"assistant","content":""}`, Finish: "sensitive"}},
	// RailtownAI/railtracks#1430: the end of the room by another name, after reasoning that only the total shows.
	"gemini-max-tokens": {
		{Under: 2000, Cut: true, Finish: "MAX_TOKENS", Usage: `{"prompt_tokens":2600,"completion_tokens":20,"total_tokens":3200}`},
		{Usage: `{"prompt_tokens":2600,"completion_tokens":80,"total_tokens":3900}`},
	},

	// The places in which the answer stands, each in turn.
	"places": {
		{Every: 8, Nth: 0, Message: `{"role":"assistant","content":$JSON}`},
		{Every: 8, Nth: 1, Message: `{"role":"assistant","content":[$TEXT]}`},
		{Every: 8, Nth: 2, Body: `{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":$TEXT},"finish_reason":"stop"}]}`},
		{Every: 8, Nth: 3, Body: `{"code":0,"message":"success","data":$BODY}`},
		{Every: 8, Nth: 4, Body: `[$BODY]`},
		{Every: 8, Nth: 5, Body: `{"object":"response","status":"completed","error":null,"output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":$TEXT}]}]}`},
		{Every: 8, Nth: 6, Body: `{"result":{"response":$TEXT},"success":true,"errors":[],"messages":[]}`},
		{Every: 8, Nth: 7, Body: `{"model":"m","message":{"role":"assistant","content":$TEXT},"done":true,"done_reason":"stop"}`},
	},
	// Gateways that send an error with each answer, which is empty.
	"empty-error": {{Body: `{"id":"1","error":{"code":0,"message":""},"choices":[{"index":0,"message":{"role":"assistant","content":$TEXT},"finish_reason":"stop"}]}`}},
	// Models without a schema give members other types, each in turn.
	"other-types": {
		{Every: 3, Nth: 0, Replace: [2]string{`"category":("[A-Z_]+")`, `"category":[$1]`}},
		{Every: 3, Nth: 1, Replace: [2]string{`"reasoning":("[^"]*")`, `"reasoning":[$1,"more"]`}},
		{Every: 3, Nth: 2, Replace: [2]string{`"secondary_style":("[A-Z_]+"|null)`, `"secondary_style":false`}},
	},
	// The marks between thoughts and answer, each in turn: Kimi, Magistral, Seed, DeepHermes.
	"thoughts": {
		{Every: 4, Nth: 0, Content: "◁think▷It could be {\"category\":\"BED\",\"primary_style\":\"MODERN\"}.◁/think▷$JSON"},
		{Every: 4, Nth: 1, Content: "[THINK]It could be {\"category\":\"BED\",\"primary_style\":\"MODERN\"}.[/THINK]$JSON"},
		{Every: 4, Nth: 2, Content: "<seed:think>It could be {\"category\":\"BED\",\"primary_style\":\"MODERN\"}.</seed:think>$JSON"},
		{Every: 4, Nth: 3, Content: "<thinking>It could be {\"category\":\"BED\",\"primary_style\":\"MODERN\"}.</thinking>$JSON"},
	},
	// Text in a string that JSON does not allow.
	"raw-newline": {{Replace: [2]string{`"reasoning":"`, "\"reasoning\":\"One line.\n\tAnother one. "}}},
	// vllm-project/vllm: numbers that JSON does not have.
	"nan-logprobs": {{Tokens: [2]string{`"logprob":-?[0-9.]+`, `"logprob":-Infinity`}}},
	// DashScope: events with numbers, of which each has the whole text so far.
	"cumulative": {{Header: map[string]string{"Content-Type": "text/event-stream"}, Body: "id:1\nevent:result\n:HTTP_STATUS/200\n" +
		`data:{"choices":[{"message":{"role":"assistant","content":"{\"cate"},"finish_reason":"null"}]}` + "\n\nid:2\nevent:result\n:HTTP_STATUS/200\n" +
		`data:{"choices":[{"message":{"role":"assistant","content":$TEXT},"finish_reason":"stop"}]}` + "\n\n"}},
}
