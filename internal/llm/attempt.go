package llm

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/upstream"
)

// addedTemperature is added to the temperature for an answer that could not be used: at 0
// the same one would come back.
const addedTemperature = 0.4

// attempt makes one call on a lease, or two if the first is a straggler,
// settles the leases, and returns how it ended.
func (a *asking) attempt(ctx context.Context, lease *upstream.Lease) (end outcome) {
	known := false
	// In a deferred call, so that a panic gives the lease back too, as Abandoned.
	defer func() {
		end.result.Again = end.step == stepRetry
		end.result.Held = a.question.Hold != nil && end.result.Outcome == upstream.Succeeded
		end.advice = lease.Settle(end.result)
		if known {
			a.entry.leave(true, false)
		}
		if end.result.Held {
			a.held = lease
		}
		if asked := end.advice.Asked; asked > 0 && (end.step == stepWait || end.step == stepRetry) {
			end.fault = end.fault.After(asked)
		}
		a.need.After = end.result.Outcome
		if end.result.Late && lease.Probe() {
			end.fault = a.cutProbe(end.fault)
		}
	}()
	where, err := a.sites.of(lease, a.need.Model)
	if err != nil {
		end.fault = fault.Wrap(err, fault.UpstreamRejected, "the model's server cannot be asked: correct its settings")
		return end
	}
	a.at = where
	if a.since.site != where.site {
		a.since, a.waits = where.site.traffic(), 0
	}
	a.answer.Trace.Model = where.site.id.model
	sent := a.request(where)
	if sent.Cache == noCacheMarks && where.site.open() {
		a.entry.leave(true, false) // there is nothing to find out, nor a cache to fill first
	}
	if sent.Pictures == noPictures && a.question.Picture != nil {
		end.fault = a.blind()
		return end
	}
	got := a.send(ctx, lease, where)
	lease = got.lease
	a.secrets = a.hidden(lease)
	end = a.read(ctx, got.res, got.err, a.secrets)
	a.called(ctx, &got, &end)
	known = a.learn(where.site, sent, &end)
	a.answer.Trace.Usage.Add(end.result.Usage)
	if got.otherCut {
		a.answer.Trace.Usage.Add(end.result.Usage)
	}
	return end
}

// cutProbe returns the fault of an item whose deadline came in the middle of a call
// that was to show whether the server is back: that it is away, if it still is.
func (a *asking) cutProbe(f *fault.Fault) *fault.Fault {
	if late := a.gate.Late(a.need); late.Reason == fault.UpstreamUnavailable {
		return late
	}
	return f
}

// request builds a.body for a site, unless the last one will do, and returns the
// terms it was built with.
func (a *asking) request(where asked) terms {
	sent := where.site.terms()
	f := form{
		model: where.site.id.model, terms: sent, dialect: where.dialect, temperature: a.config.Temperature,
		room: max(a.room, cmp.Or(sent.Room, a.config.MaxTokens)),
	}
	if a.mostRoom > 0 {
		f.room = min(f.room, a.mostRoom)
	}
	if a.malformed > 0 {
		f.temperature = min(f.temperature+addedTemperature, 2)
	}
	if a.body == nil || f != a.form {
		a.form = f
		a.body = a.parts.request(f, a.user, a.question.Picture, a.config.Detail)
	}
	return sent
}

// response is what came back. Status 0: nothing did.
type response struct {
	status int
	header http.Header
	body   string
}

// post makes the call, within the attempt's own time.
func (a *asking) post(ctx context.Context, lease *upstream.Lease) (response, error) {
	a.question.Calls.Enter()
	defer a.question.Calls.Leave()
	ctx, cancel := a.bound(ctx, lease)
	defer cancel()
	address := a.at.site.address(a.form.terms)
	method, forGood := http.MethodPost, true
	for hop := 1; ; hop++ {
		res, err := a.exchange(ctx, method, address, lease.Secret())
		next := redirected(address, &res)
		if err != nil || next == "" || hop == maxRedirects {
			return res, err
		}
		if forGood = forGood && movedForGood(res.status); forGood { // one from a passing address is not the site's
			a.at.site.moved(a.form.terms, next)
		}
		method, address = methodAfter(res.status, method), next
	}
}

// exchange sends the question, or with GET asks for an answer to one that was sent.
func (a *asking) exchange(ctx context.Context, method, address, secret string) (response, error) {
	var res *http.Response
	var body any = a.body
	if method == http.MethodGet {
		body = nil
	}
	err := a.api.Execute(ctx, method, address, body, &res, a.at.options(secret, a.form.terms.KeyHeader)...)
	if res == nil {
		return response{}, causeOf(ctx, err)
	}
	// openai-go returns its own error for 400 and up, having read the body into
	// memory; that error says less than the body.
	got := response{status: res.StatusCode, header: res.Header}
	if got.body, err = readAll(res); err != nil && got.status < http.StatusBadRequest {
		return got, causeOf(ctx, err)
	}
	return got, nil
}

// bound limits a call to its own time, and ends it when the gate gives it up.
func (a *asking) bound(ctx context.Context, lease *upstream.Lease) (context.Context, context.CancelFunc) {
	ctx, giveUp := context.WithCancelCause(ctx)
	left := lease.TimeLeft
	if end := time.Now().Add(a.config.AttemptTimeout); a.config.AttemptTimeout > 0 {
		left = func() time.Duration { return time.Until(end) }
	}
	// What a call may take is learned while it is in flight, so its time is looked at again.
	var timer *time.Timer
	timer = time.AfterFunc(time.Hour, func() {
		switch more := left(); {
		case ctx.Err() != nil:
		case more > 0:
			timer.Reset(min(more, lookAgain))
		default:
			giveUp(errAttemptTime)
		}
	})
	timer.Reset(min(left(), lookAgain))
	lease.WhenGivenUp(func() { giveUp(errGivenUp) })
	return ctx, func() {
		timer.Stop()
		giveUp(nil)
	}
}

// lookAgain is how often a call's time is looked at.
const lookAgain = 2 * time.Second

// The causes of a call's context that ended before the item's did.
var (
	errAttemptTime = errors.New("no answer within the attempt's time")
	errGivenUp     = errors.New("the server went away during the call")
)

// causeOf prefers the reason why ctx ended to the error that this led to.
func causeOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// copyBuffers are for reading bodies into strings without a copy at the end.
var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 16<<10); return &b }}

func readAll(res *http.Response) (string, error) {
	defer func() { _ = res.Body.Close() }()
	var b strings.Builder
	if n := res.ContentLength; n > 0 && n <= largeAnswer {
		b.Grow(int(n))
	}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	_, err := io.CopyBuffer(&b, onlyReader{res.Body}, *buf)
	return b.String(), err
}

// onlyReader hides other methods, which would pass the buffer by.
type onlyReader struct{ io.Reader }

// kind returns what the question is asked by.
func (a *asking) kind() catalog.Kind {
	if a.question.Picture != nil {
		return catalog.KindImage
	}
	return catalog.KindText
}
