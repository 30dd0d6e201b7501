package llm

import (
	"regexp"
	"strings"
)

// The words by which errors are told apart, in lower case. They are facts about servers
// in use; a word that is missing costs an experiment, not an item.
var (
	badKeyWords = []string{
		"api key not valid", "api_key_invalid", "invalid_api_key", "invalid api key", "incorrect api key", "invalid x-api-key",
		"invalid authentication", "invalid credentials", "api key expired", "api key has been revoked", "api key is invalid",
		"invalid subscription key", "no such api key",
		"expired_key", "expired key", "key was reported as leaked",
		"no connected db", // LiteLLM without a database, of any key that is not its own
	}
	moneyCodes = []string{
		"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance", "quota_exceeded_daily",
		"budget_exceeded", "spend_limit", "insufficient_funds", "insufficient_user_quota", "prepaid",
	}
	moneyWords = []string{
		"credit balance", "insufficient balance", "insufficient credit", "insufficient funds", "out of credits", "more credits",
		"billing", "payment required", "in arrears", "overdue", "account balance", "add funds", "payment method",
		"spending limit", "spend limit", "credit card", "no quota", "key limit exceeded",
		"free usage exceeded", "spend alert", "spending cap", "spend cap", "exceeded your current quota", "quota exceeded",
		"monthly limit",
	}
	dayWords = []string{
		"perday", "per day", "per-day", "daily", "(tpd)", "(rpd)", "tpd limit", "rpd limit", "per week", "weekly",
		"per month", "monthly", "/ month", "/month",
	}
	speedWords = []string{
		"too many requests", "throttl", "requests per minute", "tokens per minute", "resource_exhausted",
		"concurrency limit", "request limit reached",
	}
	brokenWords = []string{
		"json_validate_failed", "failed to generate json", "failed to validate json", "tool_use_failed",
		"output_parse_failed", "malformed_function_call",
	}
	loadingWords = []string{
		"loading model", "model is loading", "is currently loading", "being loaded", "still loading", "warming up",
		"model_loading", "cold start", "is unloaded", "model reloaded", "model has crashed",
		"not ready", "not_ready", "scaled to zero", "scaling up", "scaling_up", "is starting", "starting up",
		"is initializing", "being initialized", "waking up", "spinning up",
	}
	roomWords = []string{
		"higher max_tokens", "higher max_completion_tokens", "max_tokens or model output limit was reached", "increase max_tokens",
		"increase max_completion_tokens", "could not finish the message", "below minimum value", "integer_below_min_value",
	}
	overloadWords = []string{
		"overloaded", "over capacity", "at capacity", "no capacity", "capacity exceeded", "capacity temporarily exceeded", "insufficient capacity",
		"experiencing high", "too busy", "temporarily unavailable",
		"queue is full", "maximum queue", "no instances available", "degraded function", "繁忙", "请求过多",
	}
	tooLargeWords = []string{"request too large", "request is too large", "request must be reduced", "tokens must be reduced"}
	contextWords  = []string{
		"context length", "context_length", "context limit", "context window", "context size", "maximum context", "n_ctx", "reduce the length",
		"too many tokens", "prompt is too long", "input is too long", "input token count", "exceeds the maximum number of tokens",
		"maximum number of input tokens", "`max_new_tokens` must be <=", "maximum prompt length", "prompt token count",
		"max_prompt_tokens", "input tokens exceed", "exceeds max length", "range of input length", "too large for model with",
		"max_seq_len", "body too large", "超长", negativeRoom,
	}
	pictureWords     = []string{"image", "picture", "vision", "multimodal", "multi-modal", "mmproj", "visual"}
	thisPictureWords = []string{
		"invalid_image", "image_parse", "image_too", "invalid image", "unsupported image", "image format", "image data", "corrupt", "decode",
		"process image", "process the image", "process input image", "too large", "too small", "dimension", "pixels", "media type", "mime type",
		"media_type", "mime_type", "base64", "identify image", "load image", "open image", "truncated", "of one the following",
	}
	refusalWords = []string{
		"not support", "unsupported", "not available", "unavailable", "not enabled", "cannot", "can't", "unable", "does not accept",
		"doesn't accept", "only text", "text-only", "text only", "not allowed", "not permitted", "invalid", "unknown", "unexpected",
		"must be a string", "must be string", "should be a valid string", "no endpoints found", "mmproj", "not multimodal",
		"is not a multimodal", "not recognized", "at most 0 image", "expected string",
	}
	modelWords = []string{
		"model not found", "model_not_found", "no such model", "unknown model", "model does not exist", "does not exist or you do not have access",
		"not found, try pulling", "invalid model", "model identifier is invalid", "is not a valid model", "model is not available", "no model named", "deploymentnotfound",
		"the api deployment for this resource does not exist", "model has been deprecated", "model_decommissioned", "decommissioned", "no models loaded",
		"is not found for api version",
	}
	// accessWords are those for a model that this account may not ask, or not in this way.
	accessWords = []string{
		"unable to access model", "not found the model", "no endpoints found for", "no endpoints found matching", "no allowed providers",
		"not a chat model", "does not work with the specified model", "real modelid", "endpoint with name", "model and version deployment",
		"inference profile", "not found for account", "模型不存在", "requires a subscription",
	}
	httpsWords   = []string{"http request to an https server", "http request was sent to https port"}
	addressWords = []string{
		"unexpected endpoint", "unknown endpoint", "no route", "route not found", "invalid url", "unknown request url", "unknown_url",
		"cannot post", "page not found", "resource not found", "url not found", "path not found", "no such endpoint", "not a valid endpoint",
		"no static resource",
		"missing authentication token", // a gateway of AWS, of a path that it does not have
	}
	parameterNames = []string{
		"logprobs", "response_format", "json_schema", "temperature", "max_tokens", "max_completion_tokens", "reasoning_effort",
		"prompt_cache",
	}
	parameterWords  = append([]string{"parameter"}, parameterNames...)
	moderationWords = []string{
		"moderation", "content policy", "content filter", "content management policy", "was flagged", "safety system", "prohibited_content",
		"inappropriate content", "responsibleaipolicyviolation", "sensitive information", "sensitive content", "sensitivecontent", "content exists risk",
		"prohibited words", "security configurations", "content blocked", "prompt blocked", "response blocked", "output blocked", "pattern is blocked",
		"censorship", "for safety reasons", "敏感", "违规",
	}
)

// serverKinds are types and codes, in lower case, of errors that are the server's own.
var serverKinds = map[string]bool{
	"server_error": true, "internal_error": true, "internal_server_error": true, "timeout": true, "timeout_error": true,
	"service_unavailable": true, "engine_overloaded_error": true,
}

// anyOf compiles an expression that matches if one of the patterns does. A flag at the
// beginning of the first, such as (?i), is one of all.
func anyOf(patterns ...string) *regexp.Regexp { return regexp.MustCompile(strings.Join(patterns, "|")) }

// What a sentence is about if it has words of two kinds, whatever stands between them.
var (
	aboutKey = anyOf(
		`\b(?:invalid|incorrect|wrong|missing|expired|revoked|carry|provide)\b[^.;]{0,24}\b(?:(?:api|secret|access|subscription)[ _-](?:secret )?key|authorization header)\b`,
		`\b(?:api|secret|access|subscription)[ _-]key\b[^.;]{0,24}\b(?:invalid|incorrect|wrong|missing|expired|revoked|required)\b`,
		`\bheader\.(?:authorization|x-api-key|api-key)\b`,
		`authentication (?:error|failed|credentials? received)`,
		`\bunauthenticated\b`,
		`authfailure`,
		`is not authorized to\b`,
		`\binvalid access token`,
		`\baccess token\b[^.;]{0,24}\bexpired`,
	)
	// aboutAccount matches the state of the account itself: something that it may not use is
	// "disabled" too. What stands between is a name in quotes, or up to two words with what plain words do not have.
	aboutAccount = regexp.MustCompile(`\b(?:organization|account|project|team)` +
		`(?: "[^"]{1,80}"| '[^']{1,80}'|(?: \S*[\d<'"\x60_-]\S*){1,2})?` +
		`(?: (?:has been|is|was)(?: currently| temporarily| permanently)?)? ` +
		`(?:restricted|suspended|deactivated|disabled|terminated|banned)\b`)
	aboutMoney = anyOf(
		`\b(?:quota|credits?|balance|budget|allowance|funds|free tier)\b[^.;]{0,40}\b(?:reached|exhausted|insufficient|not enough|depleted|used up|expired)\b`,
		`\b(?:insufficient|not enough|out of|ran out of)\b[^.;]{0,24}\b(?:quota|credits?|balance|funds)\b`,
		`\brecharge\b`,
		`\btop[ -]up\b`,
		`arrear`,
		`余额不足`,
		`额度(?:不足|已用|失败)`,
		`欠费`,
		`\bno (?:more |remaining )?credits?(?: left| remaining| available|[.,!]|$)`,
		`(?:\bnot|n['’]t) have any (?:more )?credits`,
		`\b(?:reached|exceeded|exhausted|hit|used up|over)\b[^.;]{0,60}\b(?:(?:usage|weekly|monthly|daily) limits?|allowance)\b`,
		`\busage limits?\b[^.;]{0,24}\b(?:reached|exceeded|exhausted)\b`,
		`\bbudget\b[^.;]{0,24}\bexceeded\b`,
		`\b(?:over|exceed(?:s|ed)?)\b[^.;]{0,24}\bbudget\b`,
		`exceeded ?budget`,
	)
	aboutTokens = regexp.MustCompile(`\b(?:thinking|reasoning|token)s?[ _.-]budget|budget_tokens`)
	// freeQuota matches what is given for nothing, for a day or once.
	freeQuota  = regexp.MustCompile(`\bfree (?:allocated )?(?:quota|tier)\b[^.;]{0,40}\b(?:exceeded|exhausted)`)
	perMinute  = regexp.MustCompile(`per[ _-]?(?:min|sec)`)
	aboutSpeed = anyOf(perMinute.String(), `throttl`, `allocated quota exceeded`)
	// aboutMinute matches what is said of a quota of a minute, whatever the code: DashScope has
	// one code for all quotas.
	aboutMinute = regexp.MustCompile(`allocated quota exceeded|error-code#token-limit|\b(?:requests?|tokens?)[ _-]per[ _-]?(?:min|sec)`)
	// ofHours matches a quota of hours, but not the time in which support answers.
	ofHours = anyOf(
		`\b(?:hourly|\d+[ -]?hours?)\b[^.;]{0,20}\b(?:quota|limit|allowance)`,
		`\b(?:quota|limit|allowance)\b[^.;]{0,20}\b(?:per|for|every) (?:\d+ )?hours?\b`,
		`小时.{0,8}(?:上限|限额|额度|配额)`,
	)
	// aboutModel has nothing but the model's name before "not found": the same is said of
	// parameters of a model.
	aboutModel = regexp.MustCompile(`\b(?:model|deployment)` +
		`(?:\s+(?:or endpoint|with|name|named|id|for this resource))*` +
		`(?::?\s+(?:\\?["'\x60][^"'\x60]{1,120}["'\x60]|\([^)]{1,120}\)|[\w./:@+-]+))?` +
		`(?:\s+(?:you|that was)\s+requested)?\s+(?:is |was |could |has been )?` +
		`(?:not[ _](?:be )?found|does not exist|doesn't exist|not exist|deprecated|retired|discontinued|has reached its end of life|no longer (?:available|supported)|` +
		`not supported (?:by any|for this|in (?:your|this) region)|blocked at the)\b`)
	// aboutGuardrail wants more than the word, which furniture has too.
	aboutGuardrail = anyOf(
		`guardrails?[^.;]{0,40}(?:intervened|blocked|violat|triggered|not permitted|denied|rejected|flagged)`,
		`failed guardrail`,
		`(?:intervened|blocked|violat|triggered)[^.;]{0,40}guardrail`,
	)
	// aboutRegion matches the words of a provider that does not serve the country of the call.
	aboutRegion = anyOf(
		`\b(?:user location|country|territory)\b[^.;]{0,40}\bnot (?:supported|available)`,
		`\bnot available in your (?:country|territory)`,
	)
	// nothingAllowed matches a quota of nothing: the sentence, the line or the unit ends after the 0.
	nothingAllowed = regexp.MustCompile(`\b(?:rate )?limit(?: set)?(?: to| of|:) ?0(?:[,;)/\n\\]|\.\s|\.?\s*$|\s(?:\w+ )?(?:per\b|/))`)
	// aboutConcurrency matches the words for too many calls at once.
	aboutConcurrency = anyOf(
		`\b(?:limit|exceed(?:s|ed)?|max|maximum|too many)\b[^.;]{0,40}\b(?:concurrent|concurrency|parallel|simultaneous)\b`,
		`\b(?:concurrent|parallel|simultaneous) (?:request|call|connection)s?\b[^.;]{0,40}\b(?:limit|exceed|reached|maximum)`,
		`\bno (?:free |idle |available )?slots?\b`,
		`\bslot (?:is )?(?:unavailable|busy)`,
		`another (?:request|generation) is (?:already |currently )?(?:in progress|being processed|running)`,
		`并发`,
	)
	// aboutRate matches the words for a limit of speed, and not those for "a separate limit".
	aboutRate = regexp.MustCompile(`(?:^|[^a-z])rate(?: growth| quota)?[ _-]?limit`)
	// aboutLoad matches the words for too many calls of others.
	aboutLoad = anyOf(
		`\b(?:high|heavy) (?:load|traffic)\b`,
		`\b(?:server|service|system|engine|model)(?: is)?(?: \w+)? busy\b`,
	)
	// aboutLength matches a bound on the question.
	aboutLength = anyOf(
		`\b(?:tokens?|prompt|inputs)\b[^.;]{0,60}\b(?:exceed(?:s|ed)?|(?:longer|greater|less|no more) than|too (?:long|large))\b`,
		`\bexceed(?:s|ed)?\b[^.;]{0,40}\btokens?\b`,
	)
	// aboutPolicy matches what a provider's rules forbid.
	aboutPolicy = anyOf(
		`\bviolat\w+\b[^.;]{0,40}\b(?:usage|content|safety|acceptable[ -]use)\b[^.;]{0,20}\b(?:guideline|polic|rule)`,
		`content you provided[^.;]{0,40}blocked`,
		`guardrail checks?\b[^.;]{0,40}\bfailed`,
	)
	// modelCode matches codes for models that are not there, or not for this account.
	modelCode = anyOf(
		`(?i)^model[_.]?(?:not|terms|permission|access|unavailable|deprecated|retired|blocked|disabled|decommissioned)`,
		`^(?:invalid|unknown|unsupported|unavailable)_?model$`,
		`(?:key|team)_model_access_denied`,
	)
	// onlyModel matches Anthropic's words for a model that is not there.
	onlyModel = regexp.MustCompile(`^model: \S+$`)
	// passing matches the words of refusals that will not last.
	passing = anyOf(
		`(?:try again|retry) (?:later|shortly|soon|in a (?:few|moment))`,
		`please retry(?: your request)?(?:[.,!]|$)`,
		`failed to get (?:a )?response`,
		`please try again(?:[.,!]|$)`,
		`稍后(?:重试|再试)`,
		`\btimed out\b`,
		`temporarily (?:unavailable|overloaded|unable)`,
	)
)
