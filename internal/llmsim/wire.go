package llmsim

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// apiError is an error as the provider words it. What is nil has no value.
type apiError struct {
	Code    any    `json:"code"`
	Message string `json:"message"`
	Param   any    `json:"param"`
	Type    any    `json:"type"`
}

// body returns the error as the body of an answer.
func (e apiError) body() []byte {
	body, _ := json.Marshal(map[string]apiError{"error": e}) // it always has a JSON form
	return body
}

// rule returns the rule of a call that is answered with the error.
func (e apiError) rule(status int) *Rule {
	// A dollar sign that a client sent must not stand for anything.
	return &Rule{Status: status, Body: strings.ReplaceAll(string(e.body()), "$", `\u0024`)}
}

const invalidRequest = "invalid_request_error"

func badRequest(message string, param, code any) *Rule {
	return apiError{code, message, param, invalidRequest}.rule(http.StatusBadRequest)
}

var (
	errBadJSON  = badRequest("We could not parse the JSON body of your request.", nil, nil)
	errTooLarge = apiError{Message: "The request is larger than this server takes.", Type: invalidRequest}.rule(http.StatusRequestEntityTooLarge)
	errMethod   = apiError{Message: "Not allowed to use this method on this URL.", Type: invalidRequest}.rule(http.StatusMethodNotAllowed)
)

// The bodies of errors for which a rule has no words.
var (
	bodyBusy       = apiError{"rate_limit_exceeded", "Rate limit reached: the engine is busy.", nil, "requests"}.body()
	bodyOverloaded = apiError{Message: "The engine is currently overloaded, please try again later.", Type: "server_error"}.body()
	bodyFailed     = apiError{Message: "The server had an error while processing your request.", Type: "server_error"}.body()
	bodyRefused    = apiError{"simulated_error", "The request was refused, as its text asks for.", nil, invalidRequest}.body()
)

func usualError(status int) []byte {
	switch {
	case status == http.StatusTooManyRequests:
		return bodyBusy
	case status == http.StatusServiceUnavailable:
		return bodyOverloaded
	case status >= http.StatusInternalServerError:
		return bodyFailed
	}
	return bodyRefused
}

// typeJSON is the header value that answers share; it is never changed.
var typeJSON = []string{"application/json"}

// send writes an answer at once and with its length, so that it leaves in one
// packet. An error means that the client has left, and concerns no caller.
func send(w http.ResponseWriter, status int, body []byte, length int) {
	w.Header()["Content-Length"] = []string{strconv.Itoa(length)}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// sendError writes an error outside of a call.
func sendError(w http.ResponseWriter, refused *Rule) {
	w.Header()["Content-Type"] = typeJSON
	send(w, refused.Status, []byte(refused.Body), len(refused.Body))
}

// sendJSON writes a value of the simulator's own, which always has a JSON form.
func sendJSON(w http.ResponseWriter, value any) {
	body, _ := json.Marshal(value)
	w.Header()["Content-Type"] = typeJSON
	send(w, http.StatusOK, append(body, '\n'), len(body)+1)
}

// cutConnection ends the connection without an answer: on TCP with a reset, as
// when a server dies.
func cutConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // the way to end an HTTP/2 stream; net/http takes it
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
