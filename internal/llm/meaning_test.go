package llm

import (
	"testing"
	"time"
)

func TestMeaning(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   meaning
	}{
		"a parameter":                    {400, `{"error":{"message":"Unsupported parameter: 'logprobs'"}}`, meansParameter},
		"a parameter by 403":             {403, `{"error":{"message":"You are not allowed to request logprobs from this model."}}`, meansParameter},
		"a bad key by 400":               {400, `[{"error":{"message":"API key not valid. Please pass a valid API key."}}]`, meansBadKey},
		"a key of LiteLLM":               {400, `{"error":{"message":"No connected db.","type":"no_db_connection","code":"400"}}`, meansBadKey},
		"a bad key":                      {401, `{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}`, meansBadKey},
		"a key":                          {401, `{"error":{"message":"No auth credentials found"}}`, meansKey},
		"a region":                       {403, `{"error":{"message":"Country, region, or territory not supported"}}`, meansKey},
		"a firewall":                     {403, `<html>blocked</html>`, meansItem},
		"money":                          {429, `{"error":{"code":"insufficient_quota","message":"pay"}}`, meansMoney},
		"money in words":                 {400, `{"error":{"message":"Your credit balance is too low to access the API."}}`, meansMoney},
		"a budget":                       {400, `{"error":{"message":"ExceededBudget: team over budget"}}`, meansMoney},
		"a budget that is spent":         {429, `{"error":{"message":"Budget has been exceeded! Current cost: 5.1, Max budget: 5.0"}}`, meansMoney},
		"a budget of tokens":             {400, `{"error":{"message":"max_tokens must exceed thinking.budget_tokens"}}`, meansParameter},
		"a budget sofa":                  {400, `{"error":{"message":"Cannot parse: 'Budget sofa'"}}`, meansParameter},
		"a rechargeable lamp":            {400, `{"error":{"message":"Cannot parse: 'rechargeable lamp'"}}`, meansParameter},
		"a quota with a wait":            {429, `{"error":{"message":"You exceeded your current quota. Please retry in 9.3s."}}`, meansSpeed},
		"a quota of a day":               {429, `{"error":{"message":"You exceeded your current quota.","details":[{"@type":"x/google.rpc.QuotaFailure","violations":[{"quotaId":"RequestsPerDay"}]},{"@type":"x/google.rpc.RetryInfo","retryDelay":"40s"}]}}`, meansMoney},
		"speed":                          {429, `{"error":{"message":"Rate limit reached"}}`, meansSpeed},
		"loading":                        {503, `{"error":{"message":"Loading model","type":"unavailable_error"}}`, meansLoading},
		"a broken answer":                {400, `{"error":{"code":"json_validate_failed","message":"Failed to generate JSON."}}`, meansBroken},
		"room":                           {400, `{"error":{"message":"Could not finish the message because max_tokens or model output limit was reached."}}`, meansRoom},
		"context":                        {400, `{"message":"This model's maximum context length is 3000 tokens."}`, meansContext},
		"pictures":                       {500, `{"error":{"message":"image input is not supported - hint: you may need to provide the mmproj"}}`, meansPicture},
		"an address":                     {404, `404 page not found`, meansAddress},
		"an address with 200":            {200, `{"error":"Unexpected endpoint or method. (POST /chat/completions)"}`, meansAddress},
		"a model":                        {404, `{"error":{"message":"model 'x' not found, try pulling it first"}}`, meansModel},
		"moderation":                     {403, `{"error":{"message":"Your input was flagged by moderation"}}`, meansFiltered},
		"a gateway":                      {524, `<html>A timeout occurred</html>`, meansAway},
		"a client that left":             {499, `{"error":{"message":"client closed request"}}`, meansSlow},
		"a failure":                      {500, `{"error":{"message":"boom"}}`, meansFailure},
		"overloaded":                     {529, `{"error":{"type":"overloaded_error","message":"Overloaded"}}`, meansAway},
		"too much for one item":          {413, `{"error":{"message":"too large"}}`, meansItem},
		"money, whatever status":         {502, `{"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}`, meansMoney},
		"a page of the server":           {400, `<html>Bad Request</html>`, meansParameter},
		"a page of its failure":          {500, `<html>Internal Server Error</html>`, meansFailure},
		"a limit of usage":               {400, `{"error":{"message":"You have reached your specified API usage limits."}}`, meansMoney},
		"no credits":                     {403, `{"error":"Your team doesn't have any credits or licenses yet."}`, meansMoney},
		"credits that are kept":          {502, `{"error":{"message":"Provider returned error. No credits were charged."}}`, meansAway},
		"a quota of a minute":            {429, `{"error":{"message":"Allocated quota exceeded","code":"insufficient_quota"}}`, meansSpeed},
		"a restricted account":           {400, `{"error":{"message":"Organization has been restricted."}}`, meansKey},
		"a model by its name":            {404, `{"error":{"message":"The model 'x' does not exist."}}`, meansModel},
		"a model that cannot":            {400, `{"error":{"message":"The model x does not support logprobs."}}`, meansParameter},
		"moderation by its type":         {400, `{"error":{"message":"considered high risk","type":"content_filter"}}`, meansFiltered},
		"what will pass":                 {400, `{"error":{"message":"Upstream failed, please try again later"}}`, meansFailure},
		"a parameter to take out":        {400, `{"error":{"message":"Please remove the parameter and try again."}}`, meansParameter},
		"a balancer's status":            {460, ``, meansFailure},
		"unprocessable parameter":        {422, `{"detail":[{"loc":["body","logprobs"],"msg":"Extra inputs are not permitted"}]}`, meansParameter},
		"money behind LiteLLM":           {429, `{"error":{"message":"litellm.RateLimitError: Error code: 429 - {'error': {'message': 'You exceeded your current quota', 'code': 'insufficient_quota'}}","type":"throttling_error","code":"429"}}`, meansMoney},
		"money in words behind LiteLLM":  {429, `{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"throttling_error","code":"429"}}`, meansMoney},
		"a code of money, for a minute":  {429, `{"error":{"message":"You exceeded your current quota of 60 requests per minute","code":"insufficient_quota"}}`, meansSpeed},
		"a quota by its code":            {429, `{"error":{"message":"Quota exceeded","code":"Throttling.RateQuota"}}`, meansSpeed},
		"an organization's option":       {400, `{"error":{"message":"For this organization, the logprobs option is disabled","param":"logprobs"}}`, meansParameter},
		"a project's option":             {400, `{"error":{"message":"This project has structured outputs disabled"}}`, meansParameter},
		"an account's option":            {400, `{"error":{"message":"this account has logprobs disabled"}}`, meansParameter},
		"an option of an account's":      {400, `{"error":{"message":"Structured outputs on this account is disabled","param":"response_format"}}`, meansParameter},
		"an account table":               {400, `{"error":{"message":"Cannot parse: Account table disabled"}}`, meansParameter},
		"a named account":                {400, `{"error":{"message":"Your account org-12a <ak-9> is suspended"}}`, meansKey},
		"an account for now":             {400, `{"error":{"message":"Your account has been temporarily suspended."}}`, meansKey},
		"an account alone":               {400, `{"error":{"message":"Account deactivated"}}`, meansKey},
		"an organization by its name":    {400, `{"error":{"message":"Your organization 'My Shop Ltd' has been disabled."}}`, meansKey},
		"a model that was requested":     {404, `{"error":{"message":"The model 'foo' you requested was not found"}}`, meansModel},
		"a model in brackets":            {404, `{"error":{"message":"The requested model (foo) was not found"}}`, meansModel},
		"a model on its own line":        {404, `{"error":{"message":"The model\n foo does not exist"}}`, meansModel},
		"a guardrail's refusal":          {403, `{"error":{"message":"Guardrail: content not permitted"}}`, meansFiltered},
		"a guardrail that failed":        {400, `{"error":{"message":"Request failed guardrail check"}}`, meansFiltered},
		"a model's parameter":            {400, `{"error":{"message":"Model m: parameter 'logprobs' not found in supported parameters"}}`, meansParameter},
		"a parameter of a model":         {400, `{"error":{"message":"The model gpt-x: parameter logprobs does not exist"}}`, meansParameter},
		"a model's parser":               {400, `{"error":{"message":"model error: tool parser not found"}}`, meansParameter},
		"a model parameter":              {400, `{"error":{"message":"model parameter not found"}}`, meansParameter},
		"a model with a tag":             {404, `{"error":{"message":"model llama3:8b not found"}}`, meansModel},
		"a model of a maker":             {404, `{"error":{"message":"The model 'maker/Big Model-7B' was not found, check the model parameter"}}`, meansModel},
		"a model in grave accents":       {404, "{\"error\":{\"message\":\"The model `x.y` does not exist\",\"param\":\"model\"}}", meansModel},
		"a model, by 400":                {400, `{"error":{"message":"Model Not Exist"}}`, meansModel},
		"a deployment":                   {404, `{"error":{"message":"The API deployment for this resource does not exist."}}`, meansModel},
		"a deployment in other words":    {404, `{"error":{"message":"deployment for this resource does not exist"}}`, meansModel},
		"a guardrail that stepped in":    {400, `{"error":{"message":"Guardrail was intervened by policy p1"}}`, meansFiltered},
		"a violated guardrail":           {400, `{"error":{"message":"Violated guardrail policy"}}`, meansFiltered},
		"a guardrail by its code":        {400, `{"error":{"message":"no","code":"guardrail_violation"}}`, meansFiltered},
		"a bed's guardrail":              {400, `{"error":{"message":"Cannot parse: Bunk bed with guardrail"}}`, meansParameter},
		"a parameter, and to retry":      {400, `{"error":{"message":"Unsupported parameter: logprobs. Please retry."}}`, meansParameter},
		"a parameter by name, and retry": {400, `{"error":{"message":"Not accepted. Please retry.","param":"top_k"}}`, meansParameter},
		"calls at once":                  {400, `{"error":{"message":"Concurrent request limit exceeded"}}`, meansSpeed},
		"another call":                   {409, `{"error":"Another request is already in progress"}`, meansSpeed},
		"a parameter of calls at once":   {400, `{"error":{"message":"Unsupported parameter: parallel_tool_calls, max one"}}`, meansParameter},
		"a wait in words":                {400, `{"error":{"message":"Not now, try again in 5 seconds"}}`, meansSpeed},
		"a wait of a failure":            {500, `{"error":{"message":"Not now, try again in 5 seconds"}}`, meansFailure},
		"overloaded by 403":              {403, `{"error":{"message":"Model is at capacity"}}`, meansAway},
		"a heavy load":                   {400, `{"error":{"message":"The service is under heavy load."}}`, meansAway},
		"a failure by its type":          {400, `{"error":{"message":"oh no","type":"server_error"}}`, meansFailure},
		"a parameter for time-outs":      {400, `{"error":{"message":"Unsupported parameter: timeout"}}`, meansParameter},
		"a sampler":                      {400, `{"error":{"message":"Failed to initialize samplers: failed to parse grammar"}}`, meansParameter},
		"a model that starts":            {400, `{"error":"Model m is not ready yet."}`, meansLoading},
		"a quota of nothing":             {429, `{"error":{"message":"Rate limit reached on tokens per min. Limit: 0 / min."}}`, meansMoney},
		"a lower limit":                  {400, `{"error":{"message":"The value must be over the lower limit of 0."}}`, meansParameter},
		"another model for a parameter":  {400, `{"error":{"message":"No endpoints found for response_format"}}`, meansParameter},
		"an exception before an error":   {500, `{"detail":"ThrottlingException: {\"message\":\"slow down\"}"}`, meansSpeed},
		"a limit below one":              {400, `{"error":{"message":"penalty over the limit: 0.5"}}`, meansParameter},
		"a key's limit":                  {403, `{"error":{"message":"Key limit exceeded (total limit)."}}`, meansMoney},
		"money, and a long wait":         {403, `{"message":"Out of call volume quota. Quota will be replenished in 23:59:59."}`, meansMoney},
		"a quota that is back soon":      {403, `{"message":"Out of call volume quota. Quota will be replenished in 00:00:06."}`, meansSpeed},
		"a location":                     {400, `{"error":{"message":"User location is not supported for the API use."}}`, meansKey},
		"a header of a key":              {422, `{"detail":[{"loc":["header","authorization"],"msg":"Field required"}]}`, meansKey},
		"parameters of an endpoint":      {404, `{"error":{"message":"No endpoints found that can handle the requested parameters."}}`, meansParameter},
		"a model by its code":            {400, `{"error":{"message":"no","code":"model_not_available"}}`, meansModel},
		"a parameter by a model's code":  {400, `{"error":{"message":"no logprobs","code":"model_not_supported"}}`, meansParameter},
		"a model that is retired":        {410, `{"error":{"message":"The model m has been deprecated."}}`, meansModel},
		"a policy":                       {403, `{"error":"Content violates usage guidelines."}`, meansFiltered},
		"a rule of a schema":             {400, `{"error":{"message":"The schema violates rules: no anyOf"}}`, meansParameter},
		"a fault of Apigee":              {429, `{"fault":{"faultstring":"Quota violation","detail":{"errorcode":"policies.ratelimit.QuotaViolation"}}}`, meansSpeed},
		"an error in a text":             {500, `{"error":{"message":"Provider: {\"error\":{\"message\":\"Invalid API key\"}}"}}`, meansBadKey},
		"a queue that is full":           {400, `{"message":"The request queue is full."}`, meansAway},
		"no slot":                        {500, `{"error":{"message":"slot unavailable"}}`, meansSpeed},
		"no instance":                    {404, `{"detail":"No instances available (yet)"}`, meansAway},
		"a free quota":                   {429, `{"error":{"message":"Free allocated quota exceeded.","code":"insufficient_quota"}}`, meansMoney},
		"a free tier":                    {403, `{"error":{"message":"The free tier of the model has been exhausted."}}`, meansMoney},
		"a cap by its code":              {403, `{"error":{"message":"blocked","code":"key_spend_limit_exceeded"}}`, meansMoney},
		"a model by its function":        {404, `{"status":404,"detail":"Function 'x': Not found for account 'y'"}`, meansModel},
		"XML of an API":                  {403, `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access denied.</Message></Error>`, meansKey},
		"XML of a page":                  {403, `<?xml version="1.0"?><html><title>Blocked</title></html>`, meansItem},
		"a port for TLS":                 {400, `<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>`, meansAddress},
		"a separate limit":               {400, `{"error":{"message":"The seed exceeds a separate limit."}}`, meansParameter},
		"a rate limit in a code":         {400, `{"error":{"message":"no","code":"user_rate_limit_exceeded"}}`, meansSpeed},
		"casino slots":                   {400, `{"error":{"message":"Cannot parse: casino slots"}}`, meansParameter},
		"a table's top":                  {400, `{"error":{"message":"Cannot parse: flat top upholstered"}}`, meansParameter},
		"to top up":                      {403, `{"error":{"message":"Please top up your account."}}`, meansMoney},
		"a minute of a free tier":        {429, `{"error":{"message":"Free tier limit of 20 requests per minute exceeded."}}`, meansSpeed},
		"a free tier, back soon":         {429, `{"error":{"message":"Free tier quota exceeded, please retry in 12s."}}`, meansSpeed},
		"a country as a parameter":       {400, `{"error":{"message":"Parameter user_location.country is not supported"}}`, meansParameter},
		"a parameter under load":         {400, `{"error":{"message":"logprobs are not available at high load"}}`, meansParameter},
		"a parameter not ready":          {400, `{"error":{"message":"response_format is not ready for this model"}}`, meansParameter},
		"requests that remain":           {429, `{"error":"Rate limit: 0 requests remaining, resets in 20s"}`, meansSpeed},
		"a limit of no requests":         {429, `{"error":"Rate limit: 0 requests per minute"}`, meansMoney},
		"a parameter by 401":             {401, `{"error":{"message":"logprobs is not enabled for this account"}}`, meansParameter},
		"a parameter by 405":             {405, `{"error":{"message":"Parameter response_format is not allowed"}}`, meansParameter},
		"a parameter by 409":             {409, `{"error":{"message":"response_format is in conflict with this model"}}`, meansParameter},
		"a method":                       {405, `{"detail":"Method Not Allowed"}`, meansAddress},
		"a question's length":            {400, `{"error":{"message":"Input length (2700 tokens) exceeds the maximum allowed length (2048 tokens)."}}`, meansContext},
		"a prompt's length":              {400, `{"error":{"message":"Prompt length 2700 is greater than max_seq_len 2048"}}`, meansContext},
		"a limit of tokens":              {422, `{"status":422,"message":"Tokens limit exceeded: max is 2048"}`, meansContext},
		"an answer's length":             {400, `{"error":{"message":"max_tokens: 600 tokens exceed the limit of 512"}}`, meansParameter},
		"a length of something else":     {400, `{"error":{"message":"The schema exceeds the maximum depth"}}`, meansParameter},
		"a model's end":                  {410, `{"detail":"The model 'm' has reached its end of life on 2026-06-11 and is no longer available."}`, meansModel},
		"a moved address":                {410, `{"error":"https://api.example.com is no longer supported. Please use https://router.example.com."}`, meansAddress},
		"texts in a list":                {403, `{"statusCode":403,"message":["Insufficient credits"],"error":"Forbidden"}`, meansMoney},
		"violations by path":             {422, `{"detail":[{"path":["logprobs"],"message":"Unrecognized key"}]}`, meansParameter},
		"an allowance":                   {429, `{"error":{"message":"You have exceeded your premium request allowance."}}`, meansMoney},
		"a usage limit":                  {412, `{"error":{"message":"usage limit exceeded for the virtual key"}}`, meansMoney},
		"a usage limit, back soon":       {429, `{"error":{"message":"usage limit exceeded, try again in 20s"}}`, meansSpeed},
		"credits that have expired":      {403, `{"detail":"Cloud credits expired - Please contact your representatives"}`, meansMoney},
		"an authorization header":        {400, `{"error":{"message":"Missing or invalid Authorization header."}}`, meansKey},
		"a busy engine":                  {500, `{"error":{"message":"engine busy"}}`, meansAway},
		"a busy pattern":                 {400, `{"error":{"message":"Cannot parse: rug with busy pattern"}}`, meansParameter},
		"a rate of growth":               {500, `{"base_resp":{"status_code":2045,"status_msg":"rate growth limit"}}`, meansSpeed},
		"a model for subscribers":        {403, `{"error":{"message":"this model requires a subscription, upgrade for access"}}`, meansModel},
		"nothing, by lines":              {429, `{"error":{"message":"You exceeded your current quota.\n* Quota exceeded for metric: requests, limit: 0\n* Quota exceeded for metric: tokens, limit: 0\nPlease retry in 38.8s."}}`, meansMoney},
		"nothing, by lines in a text":    {429, `{"error":{"message":"b'Quota exceeded for metric: requests, limit: 0\\nPlease retry in 38.8s.'"}}`, meansMoney},
		"the time of the first token":    {504, `{"error":{"message":"Time to first token exceeded 60 s"}}`, meansAway},
		"a deadline before any token":    {500, `{"error":{"message":"deadline exceeded, no tokens received"}}`, meansFailure},
		"the time of a prompt":           {408, `{"error":{"message":"Processing the prompt took longer than 120 seconds"}}`, meansSlow},
		"advice on a timeout":            {408, `{"error":{"message":"Request timed out. Lower max_tokens or raise the timeout parameter."}}`, meansSlow},
		"the lifetime of a token":        {403, `{"error":{"message":"The token has exceeded its lifetime"}}`, meansKey},
		"a usage limit of an hour":       {429, `{"error":"you've reached your hourly usage limit, please upgrade to continue"}`, meansSpeed},
		"a usage limit of hours":         {429, `{"error":{"code":"1308","message":"Usage limit reached for 5 hour. Your limit will reset at 2026-12-01 23:59:59"}}`, meansSpeed},
		"an allowance of hours":          {429, `{"error":{"message":"You have exceeded the 5-hour allowance."}}`, meansSpeed},
		"a usage limit of a week":        {429, `{"error":"you have reached your weekly usage limit, hourly limits are open"}`, meansMoney},
		"credits, and hours of support":  {429, `{"error":"Your credit balance is too low. Support answers within 24 hours."}`, meansMoney},
		"a length by 200":                {200, `{"error":{"message":"Input length (2700 tokens) exceeds the maximum allowed length (2048 tokens)."}}`, meansContext},
		"no parameter, and to retry":     {400, `{"error":{"message":"Upstream failed, please retry.","param":"None"}}`, meansFailure},
	} {
		e := readError(c.status, nil, c.body)
		if got := e.meaning(); got != c.want {
			t.Errorf("%s: %d, want %d (%+v)", name, got, c.want, e)
		}
	}
}

func TestWaitIn(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"Please try again in 1h5m12s.":              65*time.Minute + 12*time.Second,
		"Please retry after 7 seconds.":             7 * time.Second,
		"Please retry in 40.2s.":                    40200 * time.Millisecond,
		"try again in 20ms":                         20 * time.Millisecond,
		"try again later":                           0,
		"wait for 3 sec":                            3 * time.Second,
		"Please wait 43200 seconds before retrying": 12 * time.Hour,
		"Please try again in 58 hours.":             58 * time.Hour,
		"try again in 1 hour and 5 minutes.":        65 * time.Minute,
		"Try again in 2 days, 3 hours":              51 * time.Hour,
		"Quota will be replenished in 00:01:06.":    66 * time.Second,
		"It resets in 5 days.":                      120 * time.Hour,
		"at 12:30:00":                               0,
		"try again in 2 more minutes":               0,
		"try again in 99999999999999999999 days":    0,
		"Limit 100000, Used 99924, Requested 2900.": 0,
	} {
		if got := waitIn(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestWaits_TellsQuotasOfHours(t *testing.T) {
	for text, want := range map[string]bool{
		"You have exceeded the 5-hour usage quota.":                  true,
		"You've reached your hourly limit.":                          true,
		"Limit reached for 5 hours.":                                 true,
		"已达到 5 小时的使用上限。":                                             true,
		"Too many requests. Support answers within 24 hours.":        false,
		"Limit of 20 requests per minute. Or 1-hour limits.":         false,
		"5-hour usage quota exceeded, please try again in 7 seconds": false,
		"The limit is per caller":                                    false,
	} {
		e := serverError{message: text}
		if _, got := e.waits(); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestUntilIn(t *testing.T) {
	now := time.Date(2026, 8, 29, 15, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"It will reset at 2026-08-29 23:59:59 +0800 CST.":    59*time.Minute + 59*time.Second,
		"resets at 2026-08-29T15:00:20Z (2056)":              20 * time.Second,
		"Limit resets at: 2026-08-29 15:01:00 UTC":           time.Minute,
		"It will reset at 2026-08-29 14:00:00 UTC":           0, // over
		"Your limit will reset at 2026-08-29 23:59:59":       0, // anywhere
		"released on 2026-08-29 23:59:59 UTC":                0,
		"It will reset at 2026-99-29 23:59:59 UTC":           0,
		"reset. Then a long text about 2026-08-29 23:59:59Z": 0,
	} {
		if got := untilIn(text, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestContextRoom(t *testing.T) {
	for text, want := range map[string]int{
		"maximum context length is 3000 tokens. However, you requested 3200 tokens (2600 in the messages, 600 in the completion)": 400,
		"maximum context length is 512 tokens": 0,
		"`inputs` tokens + `max_new_tokens` must be <= 3000. Given: 2600 `inputs` tokens and 600 `max_new_tokens`": 400,
		"max_tokens must be at least 1, got -186.":                                     -1,
		"maximum context length is 3000 tokens and your request has 2750 input tokens": 250,
		"prompt token count of 135036 exceeds the limit of 64000":                      -1,
		"boom": 0,
	} {
		e := serverError{message: text}
		if got := e.contextRoom(); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestReadReply_OfAnEventStream(t *testing.T) {
	const body = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"{\\\"a\\\":\"}}]}\n\n" +
		": ping\n\n" +
		"data: {\"choices\":[{\"delta\":{\"content\":\"1}\"},\"finish_reason\":\"stop\",\"logprobs\":{\"content\":[{\"token\":\"1\",\"logprob\":-0.5}]}}]}\n\n" +
		"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n"
	r := readReply(body)
	if !r.found || len(r.texts) != 1 || r.texts[0] != `{"a":1}` || r.finish != "stop" || r.usage.Prompt != 7 {
		t.Errorf("got %+v", r)
	}
	both := readReply(`data: {"choices":[{"index":0,"text":"{\"a\":","delta":{"content":"{\"a\":"}}]}` + "\n\n" +
		`data: {"choices":[{"index":0,"text":"1}","finish_reason":"stop","delta":{"content":"1}"}}]}` + "\n\ndata: [DONE]\n\n")
	if len(both.texts) != 1 || both.texts[0] != `{"a":1}` {
		t.Errorf("of each text in two forms: %q", both.texts)
	}
	failed := readReply("data: {\"error\":{\"message\":\"overloaded\",\"code\":503}}\n\n")
	if e := failed.failure(); e == nil || e.status != 503 || e.message != "overloaded" {
		t.Errorf("got %+v", e)
	}
}
