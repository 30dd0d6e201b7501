package llm

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// meaning is what a server's error is about. It is read once, and everything else
// follows from it: what the item gets, what the gate is told, what is learned.
type meaning uint8

const (
	meansItem      meaning = iota // this question cannot be answered: asking again is no use
	meansParameter                // a member of the request is not accepted
	meansRoom                     // the answer did not fit: more room
	meansContext                  // question and room exceed the context: less room
	meansPicture                  // the model takes no pictures
	meansFiltered                 // moderation keeps the question from the model
	meansAddress                  // there is no such endpoint
	meansModel                    // there is no such model
	meansKey                      // the credential is refused
	meansBadKey                   // the credential is refused in words that leave no doubt
	meansMoney                    // the account is out of money, or out of a long quota
	meansSpeed                    // too fast
	meansLoading                  // the model is being loaded
	meansBroken                   // the model's answer was broken: asking again may help
	meansSlow                     // the server gave up waiting
	meansAway                     // the server, or the one behind it, is not there
	meansFailure                  // the server failed in this call
)

// longQuota is how long a wait may be before it counts as a quota that is used up.
const longQuota = 10 * time.Minute

// meaning returns what the error is about, from the status, the codes and the words.
// The order matters: a code says more than words, and words more than a status.
func (e *serverError) meaning() meaning {
	text := strings.ToLower(strings.Join([]string{e.message, e.code, e.kind, e.param, strings.Join(e.reasons, " ")}, " "))
	switch {
	case e.page:
		return e.pageMeaning()
	case e.filtered(text):
		return meansFiltered
	case e.outOfMoney(text):
		return meansMoney
	case e.excess() > 0, e.status == http.StatusTooManyRequests && anyIn(text, tooLargeWords):
		return meansContext
	case e.tooFast(text):
		return meansSpeed
	case anyIn(text, badKeyWords):
		return meansBadKey
	case e.status == http.StatusUnauthorized, aboutKey.MatchString(text), aboutAccount.MatchString(text) && !e.ofParameter(text):
		return meansKey
	case anyIn(text, brokenWords):
		return meansBroken
	case anyIn(text, loadingWords):
		return meansLoading
	case anyIn(text, roomWords):
		return meansRoom
	case anyIn(text, contextWords):
		return meansContext
	case e.status != http.StatusForbidden && anyIn(text, pictureWords) && (anyIn(text, refusalWords) || e.ofThisPicture()):
		return meansPicture
	case e.ofModel(text) && (e.status < 500 || e.code == "model_not_found"):
		return meansModel
	case anyIn(text, addressWords):
		return meansAddress
	case e.status < 500 && e.status != http.StatusForbidden && passing.MatchString(text) && !e.ofParameter(text):
		return meansFailure
	}
	return e.statusMeaning(text)
}

// pageMeaning is for an HTML page, which a proxy or a firewall wrote.
func (e *serverError) pageMeaning() meaning {
	switch {
	case e.status == http.StatusNotFound, e.status == http.StatusMethodNotAllowed, e.status == http.StatusNotImplemented, e.status < 400:
		return meansAddress
	case e.status == http.StatusTooManyRequests:
		return meansSpeed
	case e.status == http.StatusUnauthorized:
		return meansKey
	case e.status == http.StatusBadRequest, e.status == http.StatusUnprocessableEntity:
		return meansParameter // web frameworks answer so of themselves
	case e.status == http.StatusInternalServerError:
		return meansFailure
	case e.status > http.StatusInternalServerError:
		return meansAway
	default: // a firewall that dislikes this text
		return meansItem
	}
}

func (e *serverError) statusMeaning(text string) meaning {
	switch e.status {
	case http.StatusForbidden:
		if anyIn(text, parameterWords) {
			return meansParameter
		}
		return meansKey
	case http.StatusNotFound:
		if anyIn(text, parameterWords) && !strings.Contains(text, "not found") {
			return meansParameter
		}
		return meansAddress
	}
	means, known := statusMeanings[e.status]
	switch {
	case means == meansAway && e.inChoice:
		return meansFailure
	case known:
		return means
	case e.status >= 520 && e.status < 530: // Cloudflare: its origin is away
		return meansAway
	case e.status >= 500:
		return meansFailure
	case e.status >= 300 && e.status < 400:
		return meansAddress
	case e.message == "" && http.StatusText(e.status) == "": // one of a load balancer's own
		return meansFailure
	default:
		return meansItem
	}
}

// statusMeanings are those of statuses, for errors whose words say nothing.
var statusMeanings = map[int]meaning{
	http.StatusMethodNotAllowed: meansAddress, http.StatusGone: meansAddress,
	http.StatusBadRequest: meansParameter, http.StatusUnprocessableEntity: meansParameter, http.StatusNotImplemented: meansParameter,
	http.StatusNotAcceptable: meansParameter, http.StatusPreconditionFailed: meansParameter, http.StatusUnsupportedMediaType: meansParameter,
	http.StatusRequestTimeout: meansSlow, statusClientClosed: meansSlow, statusTokenRequired: meansSlow,
	http.StatusBadGateway: meansAway, http.StatusServiceUnavailable: meansAway, http.StatusGatewayTimeout: meansAway, statusOverloaded: meansAway,
	http.StatusConflict: meansFailure, http.StatusTooEarly: meansFailure, http.StatusFailedDependency: meansFailure,
	http.StatusMisdirectedRequest: meansFailure,
}

// Statuses that net/http has no names for.
const (
	statusClientClosed  = 499 // nginx: it gave up on the model's server
	statusTokenRequired = 498 // Groq: flex capacity exceeded
	statusOverloaded    = 529
)

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

// outOfMoney reports whether the account can pay for nothing more, or has used up a quota
// of a day or longer. Gemini words both kinds of quota alike and names the period apart;
// OpenAI says it by a code with status 429.
func (e *serverError) outOfMoney(text string) bool {
	switch {
	case e.status == http.StatusPaymentRequired, anyIn(strings.ToLower(strings.Join(e.quotas, " ")), dayWords):
		return true
	case anyIn(text, moneyCodes):
		return !aboutMinute.MatchString(strings.ToLower(e.message))
	case aboutSpeed.MatchString(strings.ToLower(e.message + " " + e.code)): // LiteLLM has one kind for all of 429
		return false // a quota of a minute
	case e.wait > 0, len(e.quotas) > 0, waitIn(e.message) > 0:
		return false // a wait is a limit of speed
	}
	return anyIn(text, moneyWords) || aboutMoney.MatchString(text) && !aboutTokens.MatchString(text)
}

// ofThisPicture reports whether a refusal of a picture is about its form or content, so that
// others may be taken.
func (e *serverError) ofThisPicture() bool {
	return anyIn(strings.ToLower(e.message+" "+e.code), thisPictureWords)
}

// tooFast reports whether the server wants fewer calls. Gateways say so with any status.
func (e *serverError) tooFast(text string) bool {
	return e.status == http.StatusTooManyRequests || anyIn(text, speedWords)
}

// ofParameter reports whether it is about a member of the request, whatever else it speaks of.
func (e *serverError) ofParameter(text string) bool {
	switch strings.ToLower(e.param) {
	case "", "none", "null", "model":
		return anyIn(text, parameterWords)
	}
	return true
}

// ofModel reports whether there is no such model.
func (e *serverError) ofModel(text string) bool {
	if anyIn(text, modelWords) {
		return true
	}
	said := aboutModel.FindString(text)
	return said != "" && !anyIn(said, parameterWords) && !anyIn(text, parameterNames)
}

// filtered reports whether moderation keeps a question from the model, which says nothing
// of the key, whatever the status: some gateways answer 403.
func (e *serverError) filtered(text string) bool {
	if e.kind == "content_filter" {
		return true
	}
	switch e.code {
	case "content_filter", "content_policy_violation", "moderation", "moderation_blocked", "flagged", "data_inspection_failed", "1301", "1026", "1027":
		return true
	}
	return anyIn(text, moderationWords) || aboutGuardrail.MatchString(text) || strings.Contains(strings.ToLower(e.code+" "+e.kind), "guardrail")
}

// waits returns how long the answer asks to wait in its body, and whether that is a quota
// of a day or more.
func (e *serverError) waits() (wait time.Duration, perDay bool) {
	wait = e.wait
	if wait == 0 {
		wait = waitIn(e.message)
	}
	return wait, wait > longQuota || anyIn(strings.ToLower(e.message+" "+strings.Join(e.quotas, " ")), dayWords)
}

// The words for a model's context, and for what the question takes of it: "(2600 in the
// messages", "your prompt has 3200 tokens".
var (
	contextNumber  = regexp.MustCompile(`(?i)(?:context (?:length|window|size)(?: is| of)?(?: only)?|maximum of|must be <=|n_ctx[^0-9]*) ?\(?(\d{3,9})|\+ \d{1,9} > (\d{3,9})`)
	questionNumber = regexp.MustCompile(`(?i)\(?(\d{1,9})(?: tokens)? (?:in|from|of) (?:the |your )?(?:messages|input|prompt)|(?:prompt|input|messages)[^0-9]{1,40}?(\d{2,9}) tokens|request \((\d{2,9}) tokens\)|given: (\d{1,9}) .inputs. tokens|(\d{1,9}) \+ \d{1,9} >`)
)

// negativeRoom is how vLLM says that the question alone is longer than the context.
const negativeRoom = "at least 1, got -"

// contextRoom returns how many tokens an answer may have in addition to this question, 0 if the
// words do not say, and less if the question alone is too long.
func (e *serverError) contextRoom() int {
	context := numberIn(contextNumber, e.message)
	question := numberIn(questionNumber, e.message)
	switch {
	case strings.Contains(e.message, negativeRoom):
		return -1
	case context == 0 || question == 0:
		return 0
	case question >= context:
		return -1
	}
	return context - question
}

// overLimit matches the words for one question that takes more than the quota of a minute.
var overLimit = regexp.MustCompile(`(?i)limit:? (\d{1,9})[^0-9]{1,20}requested:? (\d{1,9})`)

// excess returns how many tokens this question has more than a quota allows at all, 0 if the
// words do not say: no wait helps then.
func (e *serverError) excess() int {
	m := overLimit.FindStringSubmatch(e.message)
	if m == nil {
		return 0
	}
	limit, _ := strconv.Atoi(m[1]) // digits
	requested, _ := strconv.Atoi(m[2])
	return max(requested-limit, 0)
}

// numberIn returns the first number that a group of the expression matched, 0 for none.
func numberIn(re *regexp.Regexp, text string) int {
	for i, m := range re.FindStringSubmatch(text) {
		if n, err := strconv.Atoi(m); i > 0 && err == nil {
			return n
		}
	}
	return 0
}

func anyIn(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}
