package llm

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/tidwall/gjson"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// step is what follows a call.
type step uint8

const (
	stepFail     step = iota // the fault is the item's result
	stepDone                 // there is a classification
	stepGone                 // the item's own context ended
	stepRetry                // worth another attempt, later
	stepWait                 // worth another call, when there is quota
	stepAskAgain             // the answer cannot be used: worth asking once more
	stepMove                 // worth another call, on another key or when this one is trusted again
	stepLearned              // worth another call, with other terms
)

// outcome is how a call ended: for the item, and for the lease.
type outcome struct {
	step   step
	result upstream.Result
	// fault is the item's, should this be the end. Nil if there is a classification.
	fault *fault.Fault
	// itemFault is the item's in place of fault if its key, or its address, serves other items.
	itemFault *fault.Fault

	status int
	// said is the server's error, nil unless it spoke of one, and means what it is about.
	said  *serverError
	means meaning

	onTheWay  bool            // the failure was between here and the model's server
	completed bool            // a completion came, usable or not
	empty     bool            // it had no choices
	cutOff    bool            // it ended because its room was used up
	reasoned  bool            // tokens were spent on reasoning
	advice    upstream.Advice // the gate's, once the lease is settled
}

// inChoice reports whether a gateway has answered that the model behind it failed. That says
// little about the item, and the gate knows of no outage, so that the item gets more attempts.
func (end *outcome) inChoice() bool { return end.said != nil && end.said.inChoice }

// read finds out what came of a call. A classification goes to a.answer.
func (a *asking) read(ctx context.Context, res response, err error, secrets hidden) outcome {
	switch {
	case err != nil && ctx.Err() != nil:
		return outcome{step: stepGone, fault: cut(ctx), result: upstream.Result{Late: !cancelled(ctx)}}
	case err != nil && !whole(res):
		return callFailed(err, res, secrets)
	case res.status >= 200 && res.status < 300:
		return a.readCompletion(res, secrets)
	default:
		return errorOutcome(res, readError(res.status, res.header, res.body), secrets)
	}
}

// whole reports whether an answer came whole although the connection broke after it: its
// length was wrong, or its end was missing. It is paid for.
func whole(res response) bool {
	body := strings.TrimSpace(res.body)
	return res.status >= 200 && res.status < 300 && strings.HasPrefix(body, "{") && gjson.Valid(body)
}

// cut returns the fault of an item whose context ended in the middle of a call.
func cut(ctx context.Context) *fault.Fault {
	if cancelled(ctx) {
		return fault.From(ctx.Err())
	}
	return fault.Wrap(context.DeadlineExceeded, fault.UpstreamTimeout,
		"the deadline came while the model's server had not answered: try again, or allow more time (item_timeout)")
}

// readCompletion reads an answer with a status of success.
func (a *asking) readCompletion(res response, secrets hidden) outcome {
	r := readReply(res.body)
	end := outcome{
		result: upstream.Result{Outcome: upstream.Succeeded, Header: res.header, Usage: r.usage},
		status: res.status, completed: true, reasoned: r.reasoned(), cutOff: r.cutOff(a.form) && !r.stuck,
	}
	if !r.found {
		if len(r.texts) > 0 && a.classification(&r) == nil {
			end.step = stepDone
			return end
		}
		if e := r.failure(); e != nil {
			return errorOutcome(res, *e, secrets)
		}
		return noCompletion(res)
	}
	if e := r.failure(); e != nil {
		if r.finish == "stop" && a.classification(&r) == nil { // some say "success" with each answer
			end.step = stepDone
			return end
		}
		failed := errorOutcome(res, *e, secrets)
		failed.result.Usage = r.usage
		return failed
	}
	if end.cutOff {
		r.dropDrafts()
	}
	if r.refusal != "" || r.filtered() {
		end.fault = declined(r.refusal, secrets)
		return end
	}
	err := a.classification(&r)
	switch {
	case err == nil:
		end.step = stepDone
	case !r.ended() && !end.cutOff, len(r.texts) == 0 && !end.cutOff:
		end.step = stepRetry
		end.fault = fault.Wrap(err, fault.MalformedAnswer, "the model's server gave no whole answer (finish reason %q): try again later", r.finish)
	case (a.malformed > 0 || end.cutOff && a.cutAgain(&end)) && a.cutClassification(&r):
		end.step = stepDone
	case end.cutOff:
		end.step = stepAskAgain
		end.fault = fault.Wrap(err, fault.MalformedAnswer,
			"the model's answer was cut off after %d tokens: raise CREDENZA_MAX_OUTPUT_TOKENS, or use a model that reasons less", a.form.room)
	default:
		end.step, end.fault = stepAskAgain, fault.From(err)
	}
	return end
}

// classification finds the answer in whichever member of the completion it is, and writes it
// into a.answer. Several answers, in tool calls or elsewhere, must be the same, since none is
// likelier than another.
func (a *asking) classification(r *reply) error {
	var failed error
	var found *catalog.Classification
	for _, text := range r.texts {
		v, err := a.prompt.Parse(text)
		switch {
		case err != nil:
			failed = cmp.Or(failed, err)
			continue
		case found != nil && (found.Category != v.Category || found.PrimaryStyle != v.PrimaryStyle):
			return fault.New(fault.MalformedAnswer, "the model's server gave several answers that differ: try again, or use a model that follows a JSON schema")
		}
		found = &v
		if !r.several {
			break
		}
	}
	if found != nil {
		a.answer.Classification = a.complete(*found, r)
		return nil
	}
	if failed == nil {
		_, failed = a.prompt.Parse("")
	}
	return failed
}

// cutAgain reports whether an answer that was cut off would be so again: there is no more
// room, the server does not care how much it is given, or the last answer to another question was so.
func (a *asking) cutAgain(end *outcome) bool {
	limit := a.form.terms.Limit
	if limit == noLimit || a.nextRoom() == 0 {
		a.at.site.cutsOff.Store(true)
	}
	return a.at.site.cutsOff.Load() || limit != maxCompletionTokens && a.cutEarly(end)
}

// cutClassification reads an answer that was cut off, as far as it came.
func (a *asking) cutClassification(r *reply) bool {
	r.dropDrafts()
	if len(r.texts) == 0 || r.anywhere || r.several && len(r.texts) > 1 {
		return false
	}
	v, err := a.prompt.ParseCut(r.texts[0])
	if err == nil {
		a.answer.Classification = a.complete(v, r)
	}
	return err == nil
}

// noCompletion returns the outcome of a call whose body is no completion at all: a
// proxy's page, noise, half a document. The model did not write it, so this is a
// failure on the way and not an answer that the model may be asked to correct.
func noCompletion(res response) outcome {
	end := outcome{
		step: stepRetry, status: res.status, onTheWay: true,
		result: upstream.Result{Outcome: upstream.Broken, Header: res.header, Cause: "no chat completion"},
		fault: fault.New(fault.MalformedAnswer,
			"what the model's server sent is not a chat completion: check the base URL, or try again later"),
	}
	end.empty = gjson.Get(res.body, "choices").Exists()
	if isPage(res.header, res.body) { // of a proxy, or the server's for an address that it does not have
		end.said, end.means = &serverError{status: res.status, page: true, message: pageTitle(res.body)}, meansAddress
	}
	return end
}

// complete fills in what the reply's text does not say.
func (a *asking) complete(v catalog.Classification, r *reply) catalog.Classification {
	v.Evidence = catalog.EvidenceText
	if a.question.Picture != nil {
		v.Evidence = catalog.EvidencePicture
	}
	if p, alternatives, ok := a.prompt.Confidence(v.Category, &r.tokens); ok {
		v.Confidence, v.ConfidenceSource, v.Alternatives = p, catalog.FromLogprobs, alternatives
	}
	return v
}

func declined(text string, secrets hidden) *fault.Fault {
	if text = public(text, secrets); text == "" {
		text = "no reason given"
	}
	return fault.New(fault.Refused, "the model declined to answer (%s): change the item's text or picture", text)
}

// errorOutcome reads an answer that is an error. Its meaning is that of its own words, without
// those of the product that it quotes.
func errorOutcome(res response, e serverError, secrets hidden) outcome {
	own := e // what is shown is masked before it loses its quotes, which may cut a key in two: see public
	own.message = withoutQuotes(catalog.Clip(e.message, mostRead), secrets.product)
	wait, perDay := own.waits()
	end := outcome{
		status: e.status, said: &e, means: own.meaning(),
		result: upstream.Result{Header: res.header, RetryAfter: wait, Cause: statusInWords(e.status)},
	}
	said := fmt.Sprintf("the model's server answered %d", e.status)
	if text := public(e.message, secrets); text != "" {
		said += ": " + text
		if end.means != meansAway || isJSON(res.body) { // the words of what stands before it say little of the server
			end.result.Cause += ": " + text
		}
	}
	end.step, end.result.Outcome, end.fault = end.means.outcome(said)
	if e.inChoice && end.means == meansFailure {
		end.result.Outcome = upstream.Rejected // the server is there, so that others need not wait
	}
	end.onTheWay = end.means == meansAway || end.means == meansSlow
	if end.means == meansAddress {
		_, _, end.itemFault = meansParameter.outcome(said)
	}
	switch end.step {
	case stepWait:
		if perDay && wait == 0 {
			end.result.RetryAfter = longQuota
		}
	case stepMove:
		end.result.Detail = public(e.detail(), secrets)
		end.result.Certain = end.means == meansBadKey
		if end.itemFault = end.fault; e.status == http.StatusForbidden {
			_, _, end.itemFault = meansItem.outcome(said)
		}
	}
	return end
}

// mostRead is how many bytes of an error's words are read for their meaning.
const mostRead = 4 << 10

// isJSON reports whether a body is an object or a list, as the model's server or a gateway to
// several writes it.
func isJSON(body string) bool {
	body = strings.TrimLeft(body, " \t\r\n\ufeff")
	return strings.HasPrefix(body, "{") || strings.HasPrefix(body, "[")
}

// meaningOutcomes is what follows from each meaning: for the item, for the gate, and in words.
var meaningOutcomes = [...]struct {
	step    step
	outcome upstream.Outcome
	reason  fault.Reason
	advice  string
}{
	meansItem:      {stepFail, upstream.Rejected, fault.UpstreamRejected, "change the item"},
	meansParameter: {stepFail, upstream.Rejected, fault.UpstreamRejected, "change the item, the model or the server's settings"},
	meansRoom:      {stepAskAgain, upstream.Rejected, fault.MalformedAnswer, "raise CREDENZA_MAX_OUTPUT_TOKENS"},
	meansContext:   {stepFail, upstream.Rejected, fault.UpstreamRejected, "shorten the item, or use a model with a larger context"},
	meansPicture:   {stepFail, upstream.Rejected, fault.UpstreamRejected, "use a model that accepts pictures"},
	meansFiltered:  {stepFail, upstream.Rejected, fault.Refused, "change the item's text or picture"},
	meansAddress:   {stepFail, upstream.Rejected, fault.UpstreamRejected, "correct the base URL"},
	meansModel:     {stepFail, upstream.Rejected, fault.UpstreamRejected, "name a model that the server has"},
	meansKey:       {stepMove, upstream.Refused, fault.UpstreamAuth, "give a valid key"},
	meansBadKey:    {stepMove, upstream.Refused, fault.UpstreamAuth, "give a valid key"},
	meansMoney:     {stepMove, upstream.Exhausted, fault.QuotaExhausted, "raise the quota or give another key"},
	meansSpeed:     {stepWait, upstream.Throttled, fault.RateLimited, "allow more time, or raise the quota"},
	meansLoading:   {stepRetry, upstream.Overloaded, fault.UpstreamUnavailable, "allow more time for the model to be loaded"},
	meansBroken:    {stepRetry, upstream.Succeeded, fault.MalformedAnswer, "try again, or use a model that follows a JSON schema"},
	meansSlow:      {stepRetry, upstream.TimedOut, fault.UpstreamTimeout, "try again later"},
	meansAway:      {stepRetry, upstream.Overloaded, fault.UpstreamUnavailable, "try again later"},
	meansFailure:   {stepRetry, upstream.Broken, fault.UpstreamUnavailable, "try again later"},
}

func (m meaning) outcome(said string) (step, upstream.Outcome, *fault.Fault) {
	o := meaningOutcomes[m]
	return o.step, o.outcome, fault.New(o.reason, "%s: %s", said, o.advice)
}

// callFailed reads a call without a whole answer.
func callFailed(err error, res response, secrets hidden) outcome {
	end := outcome{step: stepRetry, status: res.status, result: upstream.Result{Header: res.header, Cause: causeInWords(err)}}
	cause := scrub(err, secrets)
	switch {
	case errors.Is(err, errAttemptTime), errors.Is(err, errGivenUp):
		end.result.Outcome = upstream.TimedOut
		end.fault = fault.Wrap(cause, fault.UpstreamTimeout,
			"the model's server did not answer in time: allow more (CREDENZA_ATTEMPT_TIMEOUT), or try again later")
	case errors.Is(err, errTooLong):
		end.step, end.result.Outcome = stepAskAgain, upstream.Succeeded
		end.fault = fault.Wrap(cause, fault.MalformedAnswer, "the model's answer has no end: try again later")
	case unreachable(err):
		end.result.Outcome = upstream.Overloaded
		end.fault = fault.Wrap(cause, fault.UpstreamUnavailable,
			"the model's server cannot be reached (%s): check the base URL, or try again later", end.result.Cause)
	default:
		end.result.Outcome, end.onTheWay = upstream.Broken, true
		end.fault = fault.Wrap(cause, fault.UpstreamUnavailable, "the connection to the model's server broke: try again later")
	}
	return end
}

// unreachable reports whether no connection was made.
func unreachable(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, distrusted := errors.AsType[*tls.CertificateVerificationError](err)
	return distrusted || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, http.ErrSchemeMismatch)
}

// scrub keeps of an error what is fit for a log: not the address, whose query or
// user may be secret, nor the key.
func scrub(err error, secrets hidden) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return errors.New(public(err.Error(), secrets))
}
