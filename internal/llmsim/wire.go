package llmsim

import (
	"context"
	"encoding/json"
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
	return refusal(http.StatusBadRequest, param, code, message)
}

func refusal(status int, param, code, message string) *apiError {
	return &apiError{status: status, kind: "invalid_request_error", code: code, param: param, message: message}
}

var (
	errBadJSON  = badRequest("We could not parse the JSON body of your request.", "", "")
	errTooLarge = refusal(http.StatusRequestEntityTooLarge, "", "", "The request is larger than this server takes.")
)

// statusError is the usual answer with a status.
func statusError(status int) *apiError {
	switch {
	case status == http.StatusTooManyRequests:
		return &apiError{status: status, kind: "requests", code: "rate_limit_exceeded", message: "Rate limit reached: the engine is busy."}
	case status == http.StatusServiceUnavailable:
		return &apiError{status: status, kind: "server_error", message: "The engine is currently overloaded, please try again later."}
	case status >= http.StatusInternalServerError:
		return &apiError{status: status, kind: "server_error", message: "The server had an error while processing your request."}
	}
	return refusal(status, "", "simulated_error", "The request was refused, as its text asks for.")
}

// body returns the error as JSON. Empty fields are null.
func (e *apiError) body() []byte {
	or := func(text string) any {
		if text == "" {
			return nil
		}
		return text
	}
	body, _ := json.Marshal(map[string]any{"error": map[string]any{ // these always have a JSON form
		"message": e.message, "type": or(e.kind), "param": or(e.param), "code": or(e.code),
	}})
	return body
}

// typeJSON is the header value that answers share; it is never changed.
var typeJSON = []string{"application/json"}

// send writes an answer at once and with its length, so that it leaves in one
// packet. An error means that the client has left, and concerns no caller.
func send(w http.ResponseWriter, status int, body []byte) {
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// sendHalf writes half of an answer and cuts the connection; net/http takes the panic.
func sendHalf(w http.ResponseWriter, status int, body []byte) {
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// sendError writes an error outside of a call.
func sendError(w http.ResponseWriter, e *apiError) {
	w.Header()["Content-Type"] = typeJSON
	send(w, e.status, e.body())
}

// sendJSON writes a value of the simulator's own, which always has a JSON form.
func sendJSON(w http.ResponseWriter, value any) {
	body, _ := json.Marshal(value)
	w.Header()["Content-Type"] = typeJSON
	send(w, http.StatusOK, append(body, '\n'))
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
