package llm

import (
	"cmp"
	"net/http"
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
	case e.status == http.StatusUnauthorized && !anyIn(text, parameterNames), aboutKey.MatchString(text),
		(aboutAccount.MatchString(text) || aboutRegion.MatchString(text)) && !e.ofParameter(text):
		return meansKey
	case anyIn(text, brokenWords):
		return meansBroken
	case anyIn(text, loadingWords) && !e.refusesParameter(text):
		return meansLoading
	case e.overloaded(text):
		return meansAway
	case e.asksToWait():
		return meansSpeed
	case anyIn(text, roomWords):
		return meansRoom
	case anyIn(text, contextWords), e.tooLong(text):
		return meansContext
	case e.status != http.StatusForbidden && anyIn(text, pictureWords) && (anyIn(text, refusalWords) || e.ofThisPicture()):
		return meansPicture
	case e.ofModel(text) && (e.status < 500 || e.code == "model_not_found"):
		return meansModel
	case anyIn(text, addressWords):
		return meansAddress
	case e.status < 500 && e.status != http.StatusForbidden && e.ofServer(text) && !e.ofParameter(text):
		return meansFailure
	}
	return e.statusMeaning(text)
}

// pageMeaning is for an HTML page, which a proxy or a firewall wrote.
func (e *serverError) pageMeaning() meaning {
	switch {
	case e.status == http.StatusNotFound, e.status == http.StatusMethodNotAllowed, e.status == http.StatusNotImplemented, e.status < 400,
		anyIn(strings.ToLower(e.message), httpsWords):
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
	means, known := statusMeanings[e.status]
	switch {
	case e.status >= 400 && e.refusesQuestion() && anyIn(text, parameterWords) && !(e.status == http.StatusNotFound && strings.Contains(text, "not found")):
		return meansParameter
	case means == meansAway && e.inChoice:
		return meansFailure
	case known:
		return means
	case e.status >= 520 && e.status <= 530: // Cloudflare: its origin is away
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
	http.StatusNotFound: meansAddress, http.StatusMethodNotAllowed: meansAddress, http.StatusGone: meansAddress,
	http.StatusUnauthorized: meansKey, http.StatusForbidden: meansKey, http.StatusProxyAuthRequired: meansKey, http.StatusUnavailableForLegalReasons: meansFiltered,
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

// outOfMoney reports whether the account can pay for nothing more, or has used up a quota
// of a day or longer. Gemini words both kinds of quota alike and names the period apart;
// OpenAI says it by a code with status 429.
func (e *serverError) outOfMoney(text string) bool {
	switch {
	case e.status == http.StatusPaymentRequired, anyIn(strings.ToLower(strings.Join(e.quotas, " ")), dayWords):
		return true
	case freeQuota.MatchString(text) && !perMinute.MatchString(text) && !e.shortWait():
		return true
	case anyIn(text, moneyCodes):
		return !aboutMinute.MatchString(strings.ToLower(e.message))
	case nothingAllowed.MatchString(text) && (e.status == http.StatusTooManyRequests || strings.Contains(text, "rate limit")):
		return true // whatever the period and the wait
	case aboutSpeed.MatchString(strings.ToLower(e.message + " " + e.code)): // LiteLLM has one kind for all of 429
		return false // a quota of a minute
	case e.status == http.StatusTooManyRequests && ofHours.MatchString(text) && !anyIn(text, dayWords):
		return false // it is full again today
	case len(e.quotas) > 0, e.shortWait():
		return false // a wait is a limit of speed
	}
	return anyIn(text, moneyWords) || aboutMoney.MatchString(text) && !aboutTokens.MatchString(text)
}

// shortWait reports whether the body asks for a wait that helps against a limit of speed alone.
func (e *serverError) shortWait() bool {
	wait := cmp.Or(e.wait, waitIn(e.message))
	return wait > 0 && wait <= longQuota
}

// asksToWait reports whether it is a refusal for now, by a wait in the body or the headers.
func (e *serverError) asksToWait() bool { return e.status < 500 && (e.later || e.shortWait()) }

// overloaded reports whether the server has too much to do, whatever the status.
func (e *serverError) overloaded(text string) bool {
	return !e.inChoice && !e.refusesParameter(text) && (anyIn(text, overloadWords) || aboutLoad.MatchString(text))
}

// ofServer reports whether a refusal is a failure of the server, by its words or its type.
func (e *serverError) ofServer(text string) bool {
	return passing.MatchString(text) || serverKinds[strings.ToLower(e.kind)] || serverKinds[strings.ToLower(e.code)]
}

// ofThisPicture reports whether a refusal of a picture is about its form or content, so that
// others may be taken.
func (e *serverError) ofThisPicture() bool {
	return anyIn(strings.ToLower(e.message+" "+e.code), thisPictureWords)
}

// tooFast reports whether the server wants fewer calls. Gateways say so with any status.
func (e *serverError) tooFast(text string) bool {
	return e.status == http.StatusTooManyRequests || anyIn(text, speedWords) || aboutRate.MatchString(text) || aboutConcurrency.MatchString(text)
}

// ofParameter reports whether it is about a member of the request, whatever else it speaks of.
func (e *serverError) ofParameter(text string) bool {
	switch strings.ToLower(e.param) {
	case "", "none", "null", "model":
		return anyIn(text, parameterWords)
	}
	return true
}

// refusesParameter reports whether a refusal names a parameter: it will not pass then.
func (e *serverError) refusesParameter(text string) bool {
	return (e.status == http.StatusBadRequest || e.status == http.StatusUnprocessableEntity) && anyIn(text, parameterNames)
}

// refusesQuestion reports whether the status leaves it open that the question is refused. It is false
// for a failure and for a timeout, whose words may name lengths and parameters too.
func (e *serverError) refusesQuestion() bool {
	return e.status < 500 && statusMeanings[e.status] != meansSlow
}

// tooLong reports whether the question is longer than allowed. With status 403, that is
// said of the key's own token.
func (e *serverError) tooLong(text string) bool {
	return e.refusesQuestion() && e.status != http.StatusForbidden && aboutLength.MatchString(text) && !anyIn(text, parameterNames)
}

// ofModel reports whether there is no such model, or none that this account may ask.
func (e *serverError) ofModel(text string) bool {
	if anyIn(text, modelWords) {
		return true
	}
	if anyIn(text, parameterNames) {
		return false
	}
	switch {
	case strings.EqualFold(e.param, "model") && e.status == http.StatusNotFound, anyIn(text, accessWords),
		modelCode.MatchString(e.code), modelCode.MatchString(e.kind), onlyModel.MatchString(e.message):
		return true
	}
	said := aboutModel.FindString(text)
	return said != "" && !anyIn(said, parameterWords)
}

// filtered reports whether moderation keeps a question from the model, which says nothing
// of the key, whatever the status: some gateways answer 403.
func (e *serverError) filtered(text string) bool {
	if e.kind == "content_filter" {
		return true
	}
	switch e.code {
	case "content_filter", "content_policy_violation", "moderation", "moderation_blocked", "flagged", "data_inspection_failed", "1301", "1026", "1027",
		"DataInspectionFailed", "invalid_prompt", "2016", "2017":
		return true
	}
	return anyIn(text, moderationWords) || aboutPolicy.MatchString(text) || aboutGuardrail.MatchString(text) || strings.Contains(strings.ToLower(e.code+" "+e.kind), "guardrail")
}

// waits returns how long the answer asks to wait in its body, and whether that is a quota
// of a day or more.
func (e *serverError) waits() (wait time.Duration, perDay bool) {
	wait = e.wait
	if wait == 0 {
		wait = waitIn(e.message)
	}
	text := strings.ToLower(e.message + " " + strings.Join(e.quotas, " "))
	return wait, wait > longQuota || anyIn(text, dayWords) || wait == 0 && ofHours.MatchString(text) && !perMinute.MatchString(text)
}

func anyIn(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}
