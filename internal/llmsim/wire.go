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

// refusal returns the rule of a call that is answered with an error as the provider words
// it. A code or a parameter that is empty is null there.
func refusal(status int, kind, code, param, message string) *Rule {
	orNull := func(text string) any {
		if text == "" {
			return nil
		}
		return text
	}
	body, _ := json.Marshal(map[string]any{"error": map[string]any{ // it always has a JSON form
		"code": orNull(code), "message": message, "param": orNull(param), "type": kind,
	}})
	// A dollar sign that a client sent must not stand for anything.
	return &Rule{Status: status, Body: strings.ReplaceAll(string(body), "$", `\u0024`)}
}

// invalidRequest is refusal for a request that is wrong.
func invalidRequest(status int, code, param, message string) *Rule {
	return refusal(status, "invalid_request_error", code, param, message)
}

var (
	errBadJSON  = invalidRequest(http.StatusBadRequest, "", "", "We could not parse the JSON body of your request.")
	errTooLarge = invalidRequest(http.StatusRequestEntityTooLarge, "", "", "The request is larger than this server takes.")
	errMethod   = invalidRequest(http.StatusMethodNotAllowed, "", "", "Not allowed to use this method on this URL.")
	errUnworded = invalidRequest(0, "simulated_error", "", "The request was refused, as its text asks for.")
)

// usualError is the body of errors for which a rule has no words.
func usualError(status int) string {
	switch {
	case status == http.StatusTooManyRequests:
		return behaviours["throttle"][0].Body
	case status == http.StatusServiceUnavailable:
		return behaviours["unavailable"][0].Body
	case status >= http.StatusInternalServerError:
		return behaviours["error"][0].Body
	}
	return errUnworded.Body
}

// send writes an answer at once and with its length, so that it leaves in one packet. It
// is JSON unless a header says otherwise. An error means that the client has left, and
// concerns no caller.
func send(w http.ResponseWriter, status int, body []byte, length int) {
	h := w.Header()
	h["Content-Length"] = []string{strconv.Itoa(length)}
	if h["Content-Type"] == nil {
		h["Content-Type"] = []string{"application/json"}
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// sendError writes an error outside of a call.
func sendError(w http.ResponseWriter, refused *Rule) {
	send(w, refused.Status, []byte(refused.Body), len(refused.Body))
}

// sendJSON writes a value of the simulator's own, which always has a JSON form.
func sendJSON(w http.ResponseWriter, value any) {
	body, _ := json.Marshal(value)
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
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
