package llm

import "regexp"

// The words by which errors are told apart, in lower case. They are facts about servers
// in use; a word that is missing costs an experiment, not an item.
var (
	badKeyWords = []string{
		"api key not valid", "api_key_invalid", "invalid_api_key", "invalid api key", "incorrect api key", "invalid x-api-key",
		"invalid authentication", "invalid credentials", "api key expired", "api key has been revoked", "api key is invalid",
		"invalid subscription key", "no such api key",
		"no connected db", // LiteLLM without a database, of any key that is not its own
	}
	moneyCodes = []string{
		"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance", "quota_exceeded_daily",
		"budget_exceeded", "insufficient_funds", "insufficient_user_quota", "prepaid",
	}
	moneyWords = []string{
		"credit balance", "insufficient balance", "insufficient credit", "insufficient funds", "out of credits", "more credits",
		"billing", "payment required", "top up", "in arrears", "overdue", "account balance", "add funds", "payment method",
		"spending limit", "spend limit", "spending cap", "spend cap", "exceeded your current quota", "quota exceeded", "monthly limit", "usage limit reached",
	}
	dayWords     = []string{"perday", "per day", "per-day", "daily", "(tpd)", "(rpd)", "per week", "weekly", "per month", "monthly", "/ month", "/month"}
	speedWords   = []string{"rate limit", "rate_limit", "ratelimit", "too many requests", "throttl", "requests per minute", "tokens per minute", "resource_exhausted", "concurrency limit", "request limit reached"}
	brokenWords  = []string{"json_validate_failed", "failed to generate json", "failed to validate json", "tool_use_failed", "output_parse_failed", "malformed_function_call"}
	loadingWords = []string{"loading model", "model is loading", "is currently loading", "being loaded", "still loading", "warming up", "model_loading", "cold start", "is unloaded", "model reloaded", "model has crashed"}
	roomWords    = []string{
		"higher max_tokens", "higher max_completion_tokens", "max_tokens or model output limit was reached", "increase max_tokens",
		"increase max_completion_tokens", "could not finish the message", "below minimum value", "integer_below_min_value",
	}
	tooLargeWords = []string{"request too large", "request is too large", "request must be reduced", "tokens must be reduced"}
	contextWords  = []string{
		"context length", "context_length", "context limit", "context window", "context size", "maximum context", "n_ctx", "reduce the length",
		"too many tokens", "prompt is too long", "input is too long", "input token count", "exceeds the maximum number of tokens",
		"maximum number of input tokens", "`max_new_tokens` must be <=", negativeRoom,
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
		"not found, try pulling", "invalid model", "is not a valid model", "model is not available", "no model named", "deploymentnotfound",
		"the api deployment for this resource does not exist", "model has been deprecated", "model_decommissioned", "decommissioned", "no models loaded",
		"is not found for api version",
	}
	addressWords = []string{
		"unexpected endpoint", "unknown endpoint", "no route", "route not found", "invalid url", "unknown request url", "unknown_url",
		"cannot post", "page not found", "resource not found", "url not found", "path not found", "no such endpoint", "not a valid endpoint",
		"missing authentication token", // a gateway of AWS, of a path that it does not have
	}
	parameterNames = []string{
		"logprobs", "response_format", "json_schema", "temperature", "max_tokens", "max_completion_tokens", "reasoning_effort",
		"prompt_cache",
	}
	parameterWords  = append([]string{"parameter"}, parameterNames...)
	moderationWords = []string{
		"moderation", "content policy", "content filter", "content management policy", "was flagged", "safety system", "prohibited_content",
		"inappropriate content", "responsibleaipolicyviolation",
	}
)

// What a sentence is about if it has words of two kinds, whatever stands between them.
var (
	aboutKey = regexp.MustCompile(`\b(?:invalid|incorrect|wrong|missing|expired|revoked|carry|provide)\b[^.;]{0,24}\b(?:api|secret|access|subscription)[ _-](?:secret )?key\b` +
		`|\b(?:api|secret|access|subscription)[ _-]key\b[^.;]{0,24}\b(?:invalid|incorrect|wrong|missing|expired|revoked|required)\b`)
	// aboutAccount matches the state of the account itself: something that it may not use is
	// "disabled" too. What stands between is a name in quotes, or up to two words with what plain words do not have.
	aboutAccount = regexp.MustCompile(`\b(?:organization|account|project|team)(?: "[^"]{1,80}"| '[^']{1,80}'|(?: \S*[\d<'"\x60_-]\S*){1,2})?(?: (?:has been|is|was)(?: currently| temporarily| permanently)?)? ` +
		`(?:restricted|suspended|deactivated|disabled|terminated|banned)\b`)
	aboutMoney = regexp.MustCompile(`\b(?:quota|credits?|balance|budget|allowance|funds)\b[^.;]{0,40}\b(?:reached|exhausted|insufficient|not enough|depleted|used up)\b` +
		`|\b(?:insufficient|not enough|out of|ran out of)\b[^.;]{0,24}\b(?:quota|credits?|balance|funds)\b|\brecharge\b|arrear|余额不足|额度(?:不足|已用)|欠费` +
		`|\bno (?:more |remaining )?credits?(?: left| remaining| available|[.,!]|$)|(?:\bnot|n['’]t) have any (?:more )?credits` +
		`|\b(?:reached|exceeded|exhausted|hit|used up|over)\b[^.;]{0,60}\b(?:usage|weekly|monthly|daily) limits?\b` +
		`|\bbudget\b[^.;]{0,24}\bexceeded\b|\b(?:over|exceed(?:s|ed)?)\b[^.;]{0,24}\bbudget\b|exceeded ?budget`)
	aboutTokens = regexp.MustCompile(`\b(?:thinking|reasoning|token)s?[ _.-]budget|budget_tokens`)
	aboutSpeed  = regexp.MustCompile(`per[ _-]?(?:min|sec)|throttl|allocated quota exceeded`)
	// aboutMinute matches what is said of a quota of a minute, whatever the code: DashScope has
	// one code for all quotas.
	aboutMinute = regexp.MustCompile(`allocated quota exceeded|\b(?:requests?|tokens?)[ _-]per[ _-]?(?:min|sec)`)
	// aboutModel has nothing but the model's name before "not found": the same is said of
	// parameters of a model.
	aboutModel = regexp.MustCompile(`\b(?:model|deployment)(?:\s+(?:or endpoint|with|name|named|id|for this resource))*(?::?\s+(?:\\?["'\x60][^"'\x60]{1,120}["'\x60]|\([^)]{1,120}\)|[\w./:@+-]+))?` +
		`(?:\s+(?:you|that was)\s+requested)?\s+(?:is |was |could )?(?:not[ _](?:be )?found|does not exist|doesn't exist|not exist)\b`)
	// aboutGuardrail wants more than the word, which furniture has too.
	aboutGuardrail = regexp.MustCompile(`guardrails?[^.;]{0,40}(?:intervened|blocked|violat|triggered|not permitted|denied|rejected|flagged)|failed guardrail|(?:intervened|blocked|violat|triggered)[^.;]{0,40}guardrail`)
	// passing matches the words of refusals that will not last.
	passing = regexp.MustCompile(`(?:try again|retry) (?:later|shortly|soon|in a (?:few|moment))|please retry(?: your request)?(?:[.,!]|$)|temporarily (?:unavailable|overloaded|unable)`)
)
