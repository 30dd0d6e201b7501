package llmsim

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"time"
)

// apiError is an error answer, as the provider words it.
type apiError struct {
	status                     int
	kind, code, param, message string
}

func badRequest(message, param, code string) *apiError {
	return &apiError{http.StatusBadRequest, "invalid_request_error", code, param, message}
}

var (
	errBadJSON  = badRequest("We could not parse the JSON body of your request.", "", "")
	errTooLarge = &apiError{http.StatusRequestEntityTooLarge, "invalid_request_error", "", "", "The request is larger than this server takes."}
	errNotFound = &apiError{http.StatusNotFound, "invalid_request_error", "unknown_url", "", "Unknown request URL. Please check the URL for typos."}
	errMethod   = &apiError{http.StatusMethodNotAllowed, "invalid_request_error", "", "", "Not allowed to use this method on this URL."}
)

// keyError is the answer to a key in a state other than active.
func keyError(state KeyState, tail string) *apiError {
	switch state {
	case KeyForbidden:
		return &apiError{
			http.StatusForbidden, "invalid_request_error", "permission_denied", "",
			"You have insufficient permissions for this operation.",
		}
	case KeyExhausted:
		return &apiError{
			http.StatusTooManyRequests, "insufficient_quota", "insufficient_quota", "",
			"You exceeded your current quota, please check your plan and billing details.",
		}
	default:
		return &apiError{
			http.StatusUnauthorized, "invalid_request_error", "invalid_api_key", "",
			"Incorrect API key provided: " + tail + ".",
		}
	}
}

// limitError is the answer to a request that found no room in a quota.
func limitError(model []byte, r *ruling) *apiError {
	kind := [meterCount]string{"requests", "tokens", "requests"}[r.short]
	text := "Rate limit reached for " + string(model) + " on " + kind + ": "
	if r.short != meterHidden {
		shown := r.shown[r.short]
		text += "Limit " + strconv.FormatInt(shown.limit, 10) +
			", Used " + strconv.FormatInt(shown.limit-shown.remaining, 10) + ", "
	}
	text += "Requested " + strconv.FormatInt(r.need[r.short], 10) + ". "
	if r.tooLarge {
		text = "Request too large: " + text + "The request must be reduced in order to run."
	} else {
		text += "Please try again in " + roundUp(r.wait).String() + "."
	}
	return &apiError{http.StatusTooManyRequests, kind, "rate_limit_exceeded", "", text}
}

// mishapError is the answer to a mishap that is a status.
func mishapError(m mishap) *apiError {
	status := int(m)
	switch {
	case status == http.StatusTooManyRequests:
		return &apiError{status, "requests", "rate_limit_exceeded", "", "Rate limit reached: the engine is busy."}
	case status == http.StatusServiceUnavailable:
		return &apiError{status, "server_error", "", "", "The engine is currently overloaded, please try again later."}
	case status >= 500:
		return &apiError{status, "server_error", "", "", "The server had an error while processing your request."}
	}
	return &apiError{status, "invalid_request_error", "simulated_error", "", "The request was refused, as its text asks for."}
}

// body returns the error as JSON. Empty fields are null.
func (e *apiError) body(dst []byte) []byte {
	dst = append(dst, `{"error":{"message":`...)
	dst = appendText(dst, e.message)
	dst = append(dst, `,"type":`...)
	dst = appendText(dst, e.kind)
	dst = append(dst, `,"param":`...)
	dst = appendText(dst, e.param)
	dst = append(dst, `,"code":`...)
	dst = appendText(dst, e.code)
	return append(dst, "}}"...)
}

func appendText(dst []byte, text string) []byte {
	if text == "" {
		return append(dst, "null"...)
	}
	return append(appendEscaped(append(dst, '"'), []byte(text)), '"')
}

// The header values that every answer shares; nobody changes them.
var (
	typeJSON = []string{"application/json"}
	typeHTML = []string{"text/html; charset=utf-8"}
)

// send writes an answer at once and with its length, so that it leaves in one
// packet. An error means that the client has left, and concerns nobody.
func send(w http.ResponseWriter, status int, contentType []string, body []byte) {
	h := w.Header()
	h["Content-Type"] = contentType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// sendError writes an error outside of a call.
func sendError(w http.ResponseWriter, e *apiError) { send(w, e.status, typeJSON, e.body(nil)) }

// cutConnection ends the connection without an answer: on TCP with a reset, as
// when a server dies.
func cutConnection(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler) // the way to end an HTTP/2 stream; net/http takes it
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		return // it is gone already
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// pause waits, and reports whether the client is still there.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
