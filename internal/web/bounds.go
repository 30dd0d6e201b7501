package web

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// A body comes at minBodyRate at least, once bodyGrace has passed: slower than any
// line that is in use, and too fast to hold a connection open for nothing.
const (
	bodyGrace   = 30 * time.Second
	minBodyRate = 4 << 10 // bytes a second
)

// bounded keeps callers from being silent for ever: those who send their request,
// unless it is a stream, and those who read their answer.
func bounded(config Config, uploads func(path string) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := newAnswer(w, config.WriteTimeout)
		// What is left in the buffers goes out when the handlers have returned.
		defer a.arm()
		if r.Body != nil && r.Body != http.NoBody && !uploads(r.URL.Path) {
			body := &pacedBody{body: r.Body, control: a.control, began: time.Now()}
			body.pace()
			r.Body = body
		}
		next.ServeHTTP(a, r)
	})
}

// pacedBody is a request's body that has to come in time.
type pacedBody struct {
	body    io.ReadCloser
	control *http.ResponseController
	began   time.Time
	read    int64
}

// Read reads what has come. Beyond the time that the bytes so far allow for, it
// fails with os.ErrDeadlineExceeded.
func (b *pacedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.read += int64(n)
	if err != nil {
		// From here on the connection is only watched for the caller's leaving.
		_ = b.control.SetReadDeadline(time.Time{})
		return n, err
	}
	b.pace()
	return n, nil
}

// pace allows for what comes next. Connections without deadlines are not bounded.
func (b *pacedBody) pace() {
	allowed := bodyGrace + time.Duration(b.read)*time.Second/minBodyRate
	_ = b.control.SetReadDeadline(b.began.Add(allowed))
}

// Close closes the body.
func (b *pacedBody) Close() error { return b.body.Close() }

// answer is a response whose reader has to take something of it in time. Only one
// goroutine writes; deadlines may be set from others.
type answer struct {
	http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	status  int // 0: not begun

	mu    sync.Mutex
	limit time.Time // beyond which nothing is written any more; zero: none
}

func newAnswer(w http.ResponseWriter, timeout time.Duration) *answer {
	return &answer{ResponseWriter: w, control: http.NewResponseController(w), timeout: timeout}
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader begins the answer.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 || a.status < http.StatusOK {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write writes, in time.
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.arm()
	defer a.disarm()
	return a.ResponseWriter.Write(p)
}

// Flush sends what was written, in time.
func (a *answer) Flush() { _ = a.FlushError() }

// FlushError is Flush with what kept it from being sent.
func (a *answer) FlushError() error {
	a.arm()
	defer a.disarm()
	return a.control.Flush()
}

// SetWriteDeadline is a limit for all that is still to be written.
func (a *answer) SetWriteDeadline(t time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.limit = t
	return a.control.SetWriteDeadline(t)
}

// arm sets the time for one write. Connections without deadlines are not bounded.
func (a *answer) arm() {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := time.Now().Add(a.timeout)
	if !a.limit.IsZero() && a.limit.Before(t) {
		t = a.limit
	}
	_ = a.control.SetWriteDeadline(t)
}

// disarm takes the time back: HTTP/2 would end a stream by it that is only quiet.
func (a *answer) disarm() {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = a.control.SetWriteDeadline(a.limit)
}
