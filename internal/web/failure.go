package web

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/intake"
)

// failure is the body of every answer to a request that is not served.
type failure struct {
	Detail any `json:"detail"` // a text, or []problem with status 422
}

// problem is one thing that is wrong with a body, in the form of the original's framework.
type problem struct {
	Type string `json:"type"`
	Loc  []any  `json:"loc"` // "body", then keys and places
	Msg  string `json:"msg"`
}

// unfit is a body that does not parse, or whose parts have the wrong form.
type unfit struct{ problem }

// Error returns the text with its place.
func (u *unfit) Error() string {
	place, _ := json.Marshal(u.Loc)
	return string(place) + ": " + u.Msg
}

func wrong(kind, message string, loc ...any) *unfit {
	return &unfit{problem{Type: kind, Msg: message, Loc: append([]any{"body"}, loc...)}}
}

// statusOf is the one table from kinds of faults to status codes.
var statusOf = map[fault.Kind]int{
	fault.KindInternal:    http.StatusInternalServerError,
	fault.KindInvalid:     http.StatusBadRequest,
	fault.KindUnknownUser: http.StatusUnauthorized,
	fault.KindForbidden:   http.StatusForbidden,
	fault.KindNotFound:    http.StatusNotFound,
	fault.KindConflict:    http.StatusConflict,
	fault.KindTooLarge:    http.StatusRequestEntityTooLarge,
	fault.KindOverloaded:  http.StatusTooManyRequests,
	fault.KindUnavailable: http.StatusServiceUnavailable,
	fault.KindDeadline:    http.StatusGatewayTimeout,
	fault.KindCancelled:   statusCallerLeft,
	fault.KindDataLoss:    http.StatusInternalServerError,
}

// statusCallerLeft is nginx's. It is only for the log.
const statusCallerLeft = 499

// writeError answers a request that failed before its answer began.
func writeError(w http.ResponseWriter, err error) {
	if u, ok := errors.AsType[*unfit](err); ok {
		writeJSON(w, http.StatusUnprocessableEntity, failure{[]problem{u.problem}})
		return
	}
	if s, ok := errors.AsType[*statusError](err); ok {
		writeJSON(w, s.status, failure{s.message})
		return
	}
	f := fault.From(err)
	status, ok := statusOf[f.Kind()]
	switch {
	case !ok:
		status = http.StatusInternalServerError
	case f.Reason == fault.TooManyItems:
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, intake.ErrFull):
		status = http.StatusServiceUnavailable // the server's state, and not this caller's rate
	case f.Kind() == fault.KindUnknownUser:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if f.Kind() == fault.KindOverloaded || f.Kind() == fault.KindUnavailable {
		seconds := max(1, int(math.Ceil(f.RetryAfter.Seconds())))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	writeJSON(w, status, failure{f.Message})
}

// statusError is a failure that HTTP has a status of its own for.
type statusError struct {
	status  int
	message string
}

// Error returns the public text.
func (e *statusError) Error() string { return e.message }

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body) // an error means that the caller has gone
}

// faultOf is a failure as the log and the metrics have it.
func faultOf(err error) *fault.Fault {
	if u, ok := errors.AsType[*unfit](err); ok {
		return fault.New(fault.InvalidRequest, "%s", u.Error())
	}
	if s, ok := errors.AsType[*statusError](err); ok {
		return fault.New(fault.InvalidRequest, "%s", s.message)
	}
	return fault.From(err)
}
