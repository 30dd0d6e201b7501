package llm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// how is what a call's end means for the item.
type how uint8

const (
	final      how = iota // the fault is the item's result
	answered              // there is a verdict
	gone                  // the item's own context ended
	failed                // worth another attempt, later
	throttled             // worth another call, when there is quota
	unusable              // worth asking again, once
	keyAtFault            // worth another call, on another key
	learned               // worth another call, with other parameters
)

// ending is how a call ended: for the item, and for the lease.
type ending struct {
	how    how
	result upstream.Result
	// fault is the item's, should this be the end. Nil where answered.
	fault *fault.Fault
	// reset is when a budget that is used up is whole again. 0: not known.
	reset time.Duration

	status int
	api    *apiError // nil unless the server spoke of an error
	thinks bool
	advice upstream.Advice // the gate's, once the lease is settled
}

// judge reads what came of a call. A verdict goes to a.answer.
func (a *asking) judge(ctx context.Context, res response, err error, secret string) ending {
	switch {
	case err != nil && ctx.Err() != nil:
		return ending{how: gone, fault: cut(ctx), result: upstream.Result{Late: !cancelled(ctx)}}
	case err != nil:
		return judgeFailure(err, res, secret)
	case res.status >= 200 && res.status < 300:
		return a.judgeReply(res, secret)
	default:
		return judgeStatus(res, readError(res.body), secret)
	}
}

// cut is the fault of an item whose context ended in the middle of a call.
func cut(ctx context.Context) *fault.Fault {
	if cancelled(ctx) {
		return fault.From(ctx.Err())
	}
	return fault.Wrap(context.DeadlineExceeded, fault.UpstreamTimeout,
		"the deadline came while the model's server had not answered: try again, or allow more time")
}

// judgeReply reads a completion.
func (a *asking) judgeReply(res response, secret string) ending {
	r := readReply(res.body)
	if !r.found && r.fault.IsObject() {
		return judgeStatus(disguised(res, &r), readError(res.body), secret)
	}
	if !r.found {
		return noCompletion(res)
	}
	end := ending{
		result: upstream.Result{Verdict: upstream.Succeeded, Header: res.header, Usage: r.usage},
		status: res.status, thinks: r.thinks,
	}
	if r.refusal != "" || r.finish == "content_filter" {
		end.fault = declined(r.refusal, secret)
		return end
	}
	verdict, err := a.prompt.Parse(r.content)
	switch {
	case err == nil:
		end.how = answered
		a.answer.Verdict = a.complete(verdict, &r)
		return end
	case r.finish == "length":
		end.fault = fault.Wrap(err, fault.MalformedAnswer,
			"the model's answer was cut off: try again, or allow for longer answers")
	default:
		end.fault = fault.From(err)
	}
	end.how = unusable
	return end
}

// noCompletion is the ending of a call whose body is no completion at all: a
// proxy's page, noise, half a document. The model never saw to it, so this is a
// failure on the way and not an answer that the model may be asked to mend.
func noCompletion(res response) ending {
	return ending{
		how: failed, status: res.status,
		result: upstream.Result{Verdict: upstream.Broken, Header: res.header, Cause: "no chat completion"},
		fault: fault.New(fault.MalformedAnswer,
			"what the model's server sent is no chat completion: check the base URL, or try again later"),
	}
}

// complete fills in what the reply's text does not say.
func (a *asking) complete(v catalog.Verdict, r *reply) catalog.Verdict {
	v.Evidence = evidence(a.question)
	if p, ok := a.prompt.Confidence(v.Category, r.tokens()); ok {
		v.Confidence, v.ConfidenceSource = p, catalog.FromLogprobs
	}
	return v
}

// disguised gives an error that came with a status of 2xx the status it stands
// for: gateways that have begun to answer before their upstream failed do this.
func disguised(res response, r *reply) response {
	res.status = http.StatusBadGateway
	if code := int(r.fault.Get("code").Int()); code >= 400 && code < 600 {
		res.status = code
	}
	return res
}

func declined(text, secret string) *fault.Fault {
	if text = public(text, secret); text == "" {
		text = "no reason given"
	}
	return fault.New(fault.Refused, "the model declined to answer (%s): change the item's text or picture", text)
}

// judgeStatus reads an answer that is no success.
func judgeStatus(res response, e apiError, secret string) ending {
	moment := time.Now()
	end := ending{
		status: res.status, api: &e,
		result: upstream.Result{Header: res.header, RetryAfter: retryAfter(res.header, moment), Cause: statusInWords(res.status)},
	}
	said := fmt.Sprintf("the model's server answered %d", res.status)
	if text := public(e.Message, secret); text != "" {
		said += ": " + text
	}
	end.how, end.result.Verdict, end.fault = sentence(res.status, e, said)
	switch end.how {
	case throttled:
		end.reset = resetAfter(res.header, moment)
		end.fault = end.fault.After(max(end.result.RetryAfter, end.reset))
	case failed:
		end.fault = end.fault.After(end.result.RetryAfter)
	case keyAtFault:
		end.result.Detail = public(strings.TrimSpace(fmt.Sprintf("%d %s", res.status, e.Code)), secret)
	default: // final
	}
	return end
}

// sentence is the table of statuses.
func sentence(status int, e apiError, said string) (how, upstream.Verdict, *fault.Fault) {
	switch {
	case exhausted(status, e):
		return keyAtFault, upstream.Exhausted, fault.New(fault.QuotaExhausted, "%s: raise the quota or give another key", said)
	case filtered(e):
		return final, upstream.Rejected, fault.New(fault.Refused, "%s: change the item's text or picture", said)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return keyAtFault, upstream.Refused, fault.New(fault.UpstreamAuth, "%s: give a valid key", said)
	case status == http.StatusTooManyRequests:
		return throttled, upstream.Throttled, fault.New(fault.RateLimited, "%s: allow more time, or raise the quota", said)
	case status == http.StatusRequestTimeout:
		return failed, upstream.TimedOut, fault.New(fault.UpstreamTimeout, "%s: try again later", said)
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout,
		status == 529: // overloaded, as some providers have it
		return failed, upstream.Overloaded, fault.New(fault.UpstreamUnavailable, "%s: try again later", said)
	case status >= 500, status == http.StatusConflict, status == http.StatusTooEarly:
		return failed, upstream.Broken, fault.New(fault.UpstreamUnavailable, "%s: try again later", said)
	case status < 400:
		return final, upstream.Rejected, fault.New(fault.UpstreamRejected, "%s, which is no answer: correct the base URL", said)
	default:
		return final, upstream.Rejected, fault.New(fault.UpstreamRejected, "%s: correct the item, the model or the base URL", said)
	}
}

// exhausted tells an account without money from one that is too fast: both are
// 429 at OpenAI, and only the code says which.
func exhausted(status int, e apiError) bool {
	if status == http.StatusPaymentRequired {
		return true
	}
	for _, code := range []string{e.Code, e.Type} {
		switch code {
		case "insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance":
			return true
		}
	}
	return false
}

// filtered tells a question that moderation keeps from the model, which says
// nothing of the key, whatever the status: some gateways answer 403.
func filtered(e apiError) bool {
	switch e.Code {
	case "content_filter", "content_policy_violation", "moderation", "moderation_blocked", "flagged":
		return true
	}
	return namesAny(strings.ToLower(e.Type+" "+e.Message), "moderation", "content policy", "content filter", "was flagged", "safety system")
}

// judgeFailure reads a call without a whole answer.
func judgeFailure(err error, res response, secret string) ending {
	end := ending{how: failed, status: res.status, result: upstream.Result{Header: res.header, Cause: causeInWords(err)}}
	cause := scrub(err, secret)
	switch {
	case errors.Is(err, errAttemptTime), errors.Is(err, errGivenUp):
		end.result.Verdict = upstream.TimedOut
		end.fault = fault.Wrap(cause, fault.UpstreamTimeout, "the model's server did not answer in time: try again later")
	case errors.Is(err, errTooLong):
		end.how, end.result.Verdict = unusable, upstream.Succeeded
		end.fault = fault.Wrap(cause, fault.MalformedAnswer, "the model's answer has no end: try again later")
	case unreachable(err):
		end.result.Verdict = upstream.Overloaded
		end.fault = fault.Wrap(cause, fault.UpstreamUnavailable,
			"the model's server cannot be reached (%s): check the base URL, or try again later", end.result.Cause)
	default:
		end.result.Verdict = upstream.Broken
		end.fault = fault.Wrap(cause, fault.UpstreamUnavailable, "the connection to the model's server broke: try again later")
	}
	return end
}

// unreachable reports whether no connection came about.
func unreachable(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, distrusted := errors.AsType[*tls.CertificateVerificationError](err)
	return distrusted || errors.Is(err, syscall.ECONNREFUSED)
}

// scrub keeps of an error what is fit for a log: not the address, whose query or
// user may be secret, nor the key.
func scrub(err error, secret string) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return errors.New(public(err.Error(), secret))
}
